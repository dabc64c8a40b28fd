"""Errors for invalid arguments of components in Python."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

import mlplatform
from mlplatform.checks.arguments import OUTPUT, OUTPUT_OF_MANY, ArgumentsError
from mlplatform.testing import declare

KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"


def problems(make: Callable[[], object]) -> dict[str, str]:
    with pytest.raises(ArgumentsError) as error:
        declare(make)
    return {each.path: each.reason for each in error.value.problems}


def bucket(**args: Any) -> Callable[[], object]:
    made: Any = mlplatform.DataBucket
    return lambda: made("weights", {"bucket": {}, "data_key_arn": KEY, **args})


def model(**inference: Any) -> Callable[[], object]:
    made: Any = mlplatform.InferenceService
    return lambda: made("llm", {"inference": {"image": "a/b:1", "pool": "serve", **inference}})


def test_all_problems_are_reported_in_one_error_with_the_component() -> None:
    with pytest.raises(ArgumentsError) as error:
        declare(bucket(bucket={"noncurrentDayz": 3, "expireDays": 0}, data_key_arn=None, tagz={}))
    assert str(error.value).splitlines() == [
        "DataBucket weights can't be created:",
        "  data_key_arn is missing",
        "  bucket.expireDays is 0; allowed: greater than or equal to 1",
        "  bucket.noncurrentDayz is unknown; did you mean `noncurrentDays`?",
        "  tagz is unknown; did you mean `tags`?",
    ]


def test_the_engine_prints_it_without_a_traceback() -> None:
    assert issubclass(ArgumentsError, pulumi.RunError)


def test_a_misspelled_boundary_is_not_ignored() -> None:
    args: Any = {
        "workload": {"queues": {"q": "send"}},
        "cluster_name": "c",
        "account_id": "123456789012",
        "region": "eu-west-1",
        "permission_boundary_arn": "arn:aws:iam::123456789012:policy/limits",
    }
    found = problems(lambda: mlplatform.WorkloadIdentity("w", args))
    assert found == {"permission_boundary_arn": "is unknown; did you mean `permissions_boundary_arn`?"}


def test_an_output_in_a_spec_is_rejected_with_the_argument_for_it() -> None:
    args: Any = {"vpc": {"zones": ["us-east-1a", "us-east-1b"]}, "region": "us-east-1", "logs_key_arn": KEY}

    def network() -> None:
        mlplatform.Network("n", {**args, "vpc": {**args["vpc"], "region": pulumi.Output.from_input("us-east-1")}})

    def days() -> None:
        bucket(bucket={"expireDays": pulumi.Output.from_input(30)})()

    def inside() -> None:
        model(env={"WEIGHTS": pulumi.Output.from_input("s3://x")})()

    def spelt_like_an_argument() -> None:
        inference = {"image": "a/b:1", "pool": "serve", "env": {"namespace": pulumi.Output.from_input("x")}}
        mlplatform.InferenceService("llm", {"inference": inference})  # type: ignore[typeddict-item]

    def access() -> None:
        entry = {"principalArn": pulumi.Output.from_input("arn:role"), "level": "view"}
        keys: Any = {f"{key}_key_arn": KEY for key in ("secrets", "logs", "disks")}
        mlplatform.EksCluster(
            "c", {"cluster": {"access": {"ml": entry}}, "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"], **keys}
        )  # type: ignore[typeddict-item]

    assert problems(access) == {"cluster.access.ml.principalArn": f"{OUTPUT}; pass it as the argument `principal_arns`"}
    assert problems(network)["vpc.region"].startswith("is unknown")
    assert problems(days) == {"bucket.expireDays": OUTPUT}
    assert problems(inside) == {"inference.env.WEIGHTS": f"{OUTPUT}; pass it as the argument `env`"}
    found = problems(spelt_like_an_argument)
    assert found == {"inference.env.namespace": f"{OUTPUT}; pass it as the argument `namespace`"}


def test_an_output_for_a_plain_argument_is_rejected() -> None:
    args: Any = {"vpc": {"zones": ["us-east-1a", "us-east-1b"]}, "logs_key_arn": KEY, "account_id": "123456789012"}
    found = problems(lambda: mlplatform.Network("n", {**args, "region": pulumi.Output.from_input("us-east-1")}))
    assert found == {"region": OUTPUT}


def test_arguments_of_the_wrong_type_are_rejected() -> None:
    made: Any = mlplatform.EksCluster
    args = {
        "cluster": {},
        "subnet_ids": "subnet-aaaaaaaa",
        "secrets_key_arn": "",
        "logs_key_arn": True,
        "disks_key_arn": KEY,
    }
    assert problems(lambda: made("c", args)) == {
        "subnet_ids": 'is "subnet-aaaaaaaa"; allowed: a list',
        "secrets_key_arn": 'is ""; allowed: non-empty text',
        "logs_key_arn": "is true; allowed: non-empty text",
    }
    assert problems(lambda: made("c", {**args, "subnet_ids": ["subnet-aaaaaaaa", None]}))["subnet_ids"].startswith(
        "has an entry"
    )
    assert problems(lambda: made("c", {**args, "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"], "tags": ["x"]}))[
        "tags"
    ] == ("is a list; allowed: a mapping")
    assert problems(lambda: made("c", KEY)) == {
        "args": "is of type str; allowed: a mapping of cluster, subnet_ids, secrets_key_arn, logs_key_arn, "
        "disks_key_arn, role_path, permissions_boundary_arn, partition, pod_subnet_ids, cached_repository_arns, "
        "secrets_store, shared_filesystems, principal_arns, private_access_security_groups, protect, tags"
    }


def test_a_plain_mapping_may_contain_outputs() -> None:
    args: Any = {
        "workload": {"buckets": {"data": {"access": "read"}}},
        "cluster_name": "c",
        "account_id": "123456789012",
    }
    args["region"] = "eu-west-1"

    def whole() -> None:
        mlplatform.WorkloadIdentity(
            "w", {**args, "bucket_arns": pulumi.Output.from_input({"data": "arn:aws:s3:::data"})}
        )

    def inside() -> None:
        mlplatform.WorkloadIdentity(
            "w", {**args, "bucket_arns": {"data": pulumi.Output.from_input("arn:aws:s3:::data")}}
        )

    assert problems(whole) == {"bucket_arns": OUTPUT_OF_MANY}
    assert declare(inside)


def test_a_number_for_a_text_argument_becomes_its_digits() -> None:
    """In YAML, an account's digits are a number. Policies must not contain 123456789012.0."""
    made: Any = mlplatform.KeyRing
    args = {"keys": {}, "account_id": "123456789012", "region": "us-east-1", "tags": {"cost-centre": "4711"}}
    plan = declare(lambda: made("keys", args))
    assert (
        declare(lambda: made("keys", {**args, "account_id": 123456789012.0, "tags": {"cost-centre": 4711.0}})) == plan
    )
    assert declare(lambda: made("keys", {**args, "account_id": pulumi.Output.from_input(123456789012.0)})) == plan
    assert problems(lambda: made("keys", {**args, "account_id": 12345678901.0})) == {
        "account_id": "is 12345678901.0; allowed: an AWS account ID, 12 digits in quotes"
    }


def test_a_tag_may_be_empty() -> None:
    plan = declare(lambda: bucket(tags={"spot": "", "run": pulumi.Output.from_input("")})())
    assert {"spot": "", "run": ""}.items() <= plan.one(aws.s3.Bucket).inputs["tags"].items()


def test_problems_of_a_spec_are_reported_with_their_fields() -> None:
    assert problems(model(minReplicas=3)) == {"inference.minReplicas": "is 3; allowed: up to maxReplicas (1)"}
    assert problems(model(image="model:latest"))["inference.image"].startswith('is "model:latest"; allowed: an image')
    made: Any = mlplatform.GpuNodePool
    pool = {"instanceTypes": ["m7i.large"]}
    found = problems(
        lambda: made("p", {"pool": pool, "cluster_name": "c", "subnet_ids": ["subnet-aaaaaaaa"], "disks_key_arn": KEY})
    )
    assert found["pool.instanceTypes"].startswith("has m7i.large: allowed: types with NVIDIA GPUs")


def test_long_text_is_not_quoted() -> None:
    """It may be a credential of an unknown format."""
    reason = problems(model(port="Canary" * 6))["inference.port"]
    assert reason == "is text; allowed: a whole number"


def test_whole_numbers_as_floats_and_nulls_of_other_languages_are_accepted() -> None:
    plain = declare(bucket(bucket={"expireDays": 90}))
    assert declare(bucket(bucket={"expireDays": 90.0, "infrequentAccessDays": None, "retain": None})) == plain
    reached = {"privateAccessCidrs": ["192.168.0.0/20"]}
    args: Any = {
        "cluster": {"system": {"nodes": None}, "access": {}, **reached},
        "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
    }
    args |= dict.fromkeys(("secrets_key_arn", "logs_key_arn", "disks_key_arn"), KEY)
    assert declare(lambda: mlplatform.EksCluster("c", args)) == declare(
        lambda: mlplatform.EksCluster("c", {**args, "cluster": reached})  # type: ignore[typeddict-item]
    )
    assert problems(bucket(bucket={"expireDays": 90.5}))["bucket.expireDays"] == "is 90.5; allowed: a whole number"


def test_a_null_for_a_required_field_is_rejected() -> None:
    assert problems(model(pool=None)) == {"inference.pool": "is empty (None); allowed: text"}


def test_a_subclass_of_a_component_is_validated_with_the_component_s_arguments() -> None:
    class TeamBucket(mlplatform.DataBucket):
        def __init__(self, name: str, **more: Any) -> None:
            args: Any = {"bucket": {}, "data_key_arn": KEY, **more}
            super().__init__(name, args)

    assert declare(lambda: TeamBucket("team")).one(aws.s3.Bucket).name == "team-bucket"
    with pytest.raises(ArgumentsError, match=r"^TeamBucket team can't be created:\n  tagz is unknown"):
        declare(lambda: TeamBucket("team", tagz={}))


def test_tags_that_aws_rejects_are_rejected() -> None:
    assert "begin with aws:" in problems(bucket(tags={"AWS:createdBy": "me"}))["tags"]
    assert "begin with mlplatform:" in problems(bucket(tags={"mlplatform:name": "x"}))["tags"]
    assert "43 entries" in problems(bucket(tags={f"t{number}": "x" for number in range(43)}))["tags"]


def test_a_required_list_must_have_an_entry() -> None:
    made: Any = mlplatform.EksCluster
    args = {"cluster": {}, "secrets_key_arn": KEY, "logs_key_arn": KEY, "disks_key_arn": KEY, "subnet_ids": []}
    assert problems(lambda: made("c", args)) == {"subnet_ids": "is empty; allowed: a list with at least one entry"}
