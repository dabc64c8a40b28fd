import json
from typing import Any

import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import DataBucket, DataBucketSpec
from mlplatform.buckets import bucket_policy
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.storage.data_bucket import ROLE_DEFAULTS, BucketRole, lifecycle_rules
from mlplatform.testing import Plan, declare


def bucket(**wanted: Any) -> Plan:
    return declare(
        lambda: DataBucket(
            "data", {"bucket": DataBucketSpec(**wanted), "data_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key"}
        )
    )


def statements() -> dict[str, dict[str, Any]]:
    policy = json.loads(bucket_policy("arn:aws:s3:::data", "arn:aws:kms:us-east-1:123456789012:key/key"))
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_the_bucket_is_private() -> None:
    block = bucket().one(aws.s3.BucketPublicAccessBlock).inputs
    guards = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [block[guard] for guard in guards] == [True] * 4
    ownership = bucket().one(aws.s3.BucketOwnershipControls).inputs
    assert ownership["rule"]["objectOwnership"] == "BucketOwnerEnforced"


def test_objects_are_encrypted_with_the_platform_key() -> None:
    (rule,) = bucket().one(aws.s3.BucketServerSideEncryptionConfiguration).inputs["rules"]
    default = rule["applyServerSideEncryptionByDefault"]
    assert (default["sseAlgorithm"], default["kmsMasterKeyId"]) == (
        "aws:kms",
        "arn:aws:kms:us-east-1:123456789012:key/key",
    )


def test_access_points_of_data_are_allowed() -> None:
    assert "NoAccessPoint" not in statements()


def test_versions_are_kept() -> None:
    assert bucket().one(aws.s3.BucketVersioning).inputs["versioningConfiguration"]["status"] == "Enabled"


def test_requests_without_tls_are_denied_for_bucket_and_objects() -> None:
    tls = statements()["OnlyTls"]
    assert tls["Effect"] == "Deny"
    assert tls["Principal"] == "*"
    assert tls["Action"] == ["s3:*"]
    assert tls["Resource"] == ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


OWN = "arn:aws:kms:eu-west-1:123456789012:key/1"
OTHER = "arn:aws:kms:eu-west-1:123456789012:key/2"
HEADER = "x-amz-server-side-encryption"
KEY_HEADER = f"{HEADER}-aws-kms-key-id"
CUSTOMER_HEADER = f"{HEADER}-customer-algorithm"


def denied(headers: dict[str, str], action: str = "s3:PutObject", tls: str = "1.3") -> list[str]:
    """The statements that deny a request, by IAM's evaluation logic.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    context = {
        "aws:SecureTransport": "true",
        "s3:TlsVersion": tls,
        **{f"s3:{key}": each for key, each in headers.items()},
    }
    holds = {
        "Null": lambda given, wanted: (given is None) is (wanted == "true"),
        "StringEquals": lambda given, wanted: given == wanted,
        # Also true if the key is missing.
        "StringNotEquals": lambda given, wanted: given != wanted,
        "Bool": lambda given, wanted: given == wanted,
        "NumericLessThan": lambda given, wanted: given is not None and float(given) < float(wanted),
    }
    return [
        statement["Sid"]
        for statement in json.loads(bucket_policy("arn:aws:s3:::data", OWN))["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and {action, "s3:*"} & {*statement["Action"]}
        and "arn:aws:s3:::data/*" in statement["Resource"]
        and all(
            holds[operator](context.get(key), wanted)
            for operator, tests in statement["Condition"].items()
            for key, wanted in tests.items()
        )
    ]


@pytest.mark.parametrize(
    ("headers", "by"),
    [
        ({}, []),
        ({HEADER: "aws:kms", KEY_HEADER: OWN}, []),
        ({HEADER: "AES256"}, ["OnlyKms"]),
        # S3 would use the AWS managed key, not the bucket's.
        ({HEADER: "aws:kms"}, ["KmsOnlyWithAKey"]),
        ({HEADER: "aws:kms", KEY_HEADER: OTHER}, ["OnlyThisKey"]),
        ({KEY_HEADER: OTHER}, ["OnlyThisKey"]),
        ({HEADER: "aws:kms:dsse"}, ["OnlyKms"]),
        ({HEADER: "aws:kms:dsse", KEY_HEADER: OWN}, ["OnlyKms"]),
        ({CUSTOMER_HEADER: "AES256"}, ["NoKeyOfTheCaller"]),
    ],
    ids=lambda each: "-".join(each.values()) or "no-header" if isinstance(each, dict) else None,
)
def test_an_upload_is_encrypted_with_the_bucket_key_or_denied(headers: dict[str, str], by: list[str]) -> None:
    assert denied(headers) == by


def test_a_request_over_an_older_tls_is_denied() -> None:
    assert denied({}, tls="1.1") == ["OnlyModernTls"]


def test_reads_are_not_limited_by_encryption_headers() -> None:
    assert denied({HEADER: "AES256"}, action="s3:GetObject") == []


@pytest.mark.parametrize("retain", [True, False])
def test_a_retained_bucket_retains_its_settings(retain: bool) -> None:
    plan = bucket(retain=retain)
    assert {each.retained for each in plan if each.custom} == {retain}
    assert plan.one(aws.s3.Bucket).inputs["forceDestroy"] is not retain


def test_settings_of_other_resources_are_ignored_on_the_bucket() -> None:
    assert {*bucket().one(aws.s3.Bucket).ignored} >= {"lifecycleRules", "serverSideEncryptionConfiguration"}


@pytest.mark.parametrize("role", [*BucketRole])
def test_every_bucket_cleans_up_uploads_old_versions_and_delete_markers(role: BucketRole) -> None:
    rules = {rule["id"]: rule for rule in lifecycle_rules(DataBucketSpec(role=role))}
    assert rules["abort-uploads"]["abort_incomplete_multipart_upload"] == {"days_after_initiation": 7}
    assert rules["expire-noncurrent"]["noncurrent_version_expiration"]["noncurrent_days"] >= 1
    assert rules["expire-delete-markers"]["expiration"] == {"expired_object_delete_marker": True}
    assert {rule["status"] for rule in rules.values()} == {"Enabled"}


def test_the_rule_for_delete_markers_is_valid_in_s3() -> None:
    """S3 rejects the action together with days or with a filter by tags."""
    (rule,) = [
        rule
        for rule in lifecycle_rules(DataBucketSpec(infrequent_access_days=30, expire_days=90))
        if "expired_object_delete_marker" in rule.get("expiration", {})
    ]
    assert {*rule} == {"id", "status", "filter", "expiration"}
    assert (rule["expiration"], rule["filter"]) == ({"expired_object_delete_marker": True}, {"prefix": ""})


def test_objects_move_and_expire_if_the_spec_sets_days() -> None:
    rules = {rule["id"]: rule for rule in lifecycle_rules(DataBucketSpec(infrequent_access_days=30, expire_days=90))}
    assert rules["infrequent-access"]["transitions"] == [{"days": 30, "storage_class": "STANDARD_IA"}]
    assert rules["expire"] == {
        "id": "expire",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": 90},
    }


def test_with_prefixes_only_their_objects_expire() -> None:
    bucket = DataBucketSpec(infrequent_access_days=30, expire_days=7, expire_prefixes=["tmp/", "scratch/"])
    expiring = {
        rule["filter"]["prefix"]: rule["expiration"]["days"]
        for rule in lifecycle_rules(bucket)
        if "days" in rule.get("expiration", {})
    }
    assert expiring == {"tmp/": 7, "scratch/": 7}
    assert len({rule["id"] for rule in lifecycle_rules(bucket)}) == len(lifecycle_rules(bucket))


def test_checkpoints_outside_tmp_never_expire_and_move_to_a_cheaper_class() -> None:
    rules = lifecycle_rules(DataBucketSpec(role=BucketRole.CHECKPOINTS))
    assert [rule["filter"]["prefix"] for rule in rules if "days" in rule.get("expiration", {})] == ["tmp/"]
    assert [rule["transitions"][0]["days"] for rule in rules if "transitions" in rule] == [30]
    assert [
        rule["noncurrent_version_expiration"]["noncurrent_days"]
        for rule in rules
        if "noncurrent_version_expiration" in rule
    ] == [7]


@pytest.mark.parametrize(
    ("given", "expire", "prefixes", "move"),
    [
        ({"expireDays": 21}, 21, ["tmp/"], 30),
        ({"expireDays": 21, "expirePrefixes": []}, 21, [], None),
        ({"expire_days": 21, "expire_prefixes": []}, 21, [], None),
        ({"expireDays": 90, "expirePrefixes": []}, 90, [], 30),
        ({"expireDays": None}, None, [], 30),
    ],
)
def test_a_role_s_defaults_never_make_the_author_s_expiry_invalid(
    given: dict[str, Any], expire: int | None, prefixes: list[str], move: int | None
) -> None:
    bucket = DataBucketSpec.model_validate({"role": "checkpoints", **given})
    assert (bucket.expire_days, bucket.expire_prefixes, bucket.infrequent_access_days) == (expire, prefixes, move)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"expirePrefixes": ["tmp/"]}, "expireDays is missing; allowed: days, since expirePrefixes is set"),
        (
            {"expireDays": 3, "expirePrefixes": ["tmp/", "tmp/runs/"]},
            "tmp/runs/ in tmp/: allowed: prefixes of which none begins with another",
        ),
        ({"expireDays": 3, "expirePrefixes": ["tmp/", "tmp/"]}, r"expirePrefixes\[1\] is tmp/ again"),
        (
            {"expireDays": 3, "expirePrefixes": ["/tmp/"]},
            "'/tmp/': allowed: 1 to 200 printable ASCII characters, without a leading slash",
        ),
        ({"expireDays": 3, "expirePrefixes": [""]}, "'': allowed: 1 to 200 printable ASCII characters"),
    ],
)
def test_prefixes_without_effect_or_with_overlap_are_rejected(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataBucketSpec.model_validate(wrong)


def test_objects_cannot_expire_before_they_move() -> None:
    with pytest.raises(ValidationError, match=r"expireDays is 30; allowed: more than infrequentAccessDays \(30\)"):
        DataBucketSpec(infrequent_access_days=30, expire_days=30)


@pytest.mark.parametrize("role", [*BucketRole])
def test_a_role_sets_defaults(role: BucketRole) -> None:
    sets = ROLE_DEFAULTS[role]
    plain = DataBucketSpec.model_validate({"role": role.value}).model_dump(by_alias=True)
    assert {name: plain[name] for name in sets} == sets
    assert plain == DataBucketSpec(role=role).model_dump(by_alias=True)


def test_the_author_s_values_override_the_role_s_defaults() -> None:
    spec = DataBucketSpec.model_validate({"role": "checkpoints", "expireDays": None, "noncurrentDays": 3})
    assert spec == DataBucketSpec(role=BucketRole.CHECKPOINTS, expire_days=None, noncurrent_days=3)
    assert (spec.expire_days, spec.noncurrent_days) == (None, 3)


def test_the_role_is_a_tag() -> None:
    assert bucket(role="raw").one(aws.s3.Bucket).inputs["tags"]["mlplatform:role"] == "raw"


def test_the_description_of_role_contains_every_default() -> None:
    description = DataBucketSpec.model_fields["role"].description or ""
    for role, defaults in ROLE_DEFAULTS.items():
        assert not defaults or (
            f"`{role.value}`" in description
            and all(
                str(each) in description
                for default in defaults.values()
                for each in (default if isinstance(default, list) else [default])
            )
        )


@pytest.mark.parametrize("name", ["xn--a", "sthree-a", "sthree", "amzn-s3-demo-a", "amzn-s3-demo"])
def test_a_name_that_s3_reserves_is_rejected(name: str) -> None:
    with pytest.raises(ArgumentsError, match=f"name is {name}; allowed: names that S3 does not reserve"):
        declare(
            lambda: DataBucket(
                name, {"bucket": DataBucketSpec(), "data_key_arn": "arn:aws:kms:us-east-1:123456789012:key/a"}
            )
        )
