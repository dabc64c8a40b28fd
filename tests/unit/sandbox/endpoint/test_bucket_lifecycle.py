"""Bucket lifecycle rules: the sandbox rejects what S3 rejects, and accepts the rules of all our buckets."""

from typing import Any

import pytest
from pydantic.alias_generators import to_pascal

from mlplatform.storage.data_bucket import BucketRole, DataBucketSpec, lifecycle_rules

TAGGED = {"Filter": {"Tag": {"Key": "a", "Value": "b"}}}
ONE = {"ID": "one", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 100}}
MOVE = {"Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}]}


@pytest.fixture
def bucket(served: Any) -> str:
    served.client("s3").create_bucket(Bucket="lifecycles")
    return "lifecycles"


@pytest.mark.parametrize(
    ("rules", "code", "message"),
    [
        ([{**ONE, "Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}], "MalformedXML", "well-formed"),
        (
            [{**ONE, **TAGGED, "Expiration": {"ExpiredObjectDeleteMarker": True}}],
            "InvalidRequest",
            "ExpiredObjectDeleteMarker cannot be specified with Tags.",
        ),
        (
            [
                {
                    **ONE,
                    "Filter": {"And": {"Prefix": "a/", "Tags": [TAGGED["Filter"]["Tag"]]}},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                }
            ],
            "InvalidRequest",
            "AbortIncompleteMultipartUpload cannot be specified with Tags.",
        ),
        (
            [{**ONE, "Transitions": [{"Days": 29, "StorageClass": "ONEZONE_IA"}]}],
            "InvalidArgument",
            "greater than or equal to 30 for storageClass 'ONEZONE_IA'",
        ),
        (
            [{**ONE, **MOVE, "Expiration": {"Days": 30}, "Filter": {"Prefix": "a/"}}],
            "InvalidArgument",
            "'Days' in the Expiration action must be greater than 'Days' in the Transition action",
        ),
        ([ONE, {**ONE, "Filter": {"Prefix": "a/"}}], "InvalidArgument", "Rule ID must be unique"),
        ([{"ID": "idle", "Status": "Enabled", "Filter": {"Prefix": ""}}], "InvalidRequest", "At least one action"),
    ],
)
def test_an_invalid_lifecycle_configuration_is_rejected(
    served: Any, bucket: str, rules: list[dict[str, Any]], code: str, message: str
) -> None:
    refused = served.refused(
        "put_bucket_lifecycle_configuration", "s3", Bucket=bucket, LifecycleConfiguration={"Rules": rules}
    )
    assert (refused[0], message in refused[1]) == (code, True), refused


@pytest.mark.parametrize("role", [*BucketRole])
def test_the_rules_of_every_bucket_role_are_accepted(served: Any, bucket: str, role: BucketRole) -> None:
    rules = [in_the_words_of_s3(rule) for rule in lifecycle_rules(DataBucketSpec(role=role))]
    s3 = served.client("s3")
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    taken = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert {rule["ID"] for rule in taken} == {rule["ID"] for rule in rules}
    assert [rule["Expiration"] for rule in taken if rule["ID"] == "expire-delete-markers"] == [
        {"ExpiredObjectDeleteMarker": True}
    ]


def in_the_words_of_s3(value: Any) -> Any:
    if isinstance(value, list):
        return [in_the_words_of_s3(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {"ID" if key == "id" else to_pascal(key): in_the_words_of_s3(each) for key, each in value.items()}
