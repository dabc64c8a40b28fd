"""Validation of the ARNs that components take, both plain values and outputs."""

from typing import Any

import pulumi
import pytest

import mlplatform
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.testing import declare

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
PARTS = {
    "bucket_arns": "arn:aws:s3:::corpus-0a1b",
    "queue_arns": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs.fifo",
    "secret_arns": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:team/hf-AbCdEf",
    "repository_arns": f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/serving",
    "data_key_arn": KEY,
    "secrets_key_arn": KEY.replace("key/", "key/mrk-"),
    "permissions_boundary_arn": f"arn:aws:iam::{ACCOUNT}:policy/teams/Bounds",
}
WORKLOAD = {"buckets": {"a": {"access": "read"}}, "queues": {"a": "send"}, "secrets": ["a"], "images": {"a": "pull"}}
WRONG: Any = [
    *(("bucket_arns", each) for each in ("*", "my-bucket", "arn:aws:s3:::*", "arn:aws:s3:::corpus/key", KEY)),
    ("bucket_arns", f"arn:aws:s3:eu-west-1:{ACCOUNT}:accesspoint/corpus"),
    *(("queue_arns", f"arn:aws:{each}") for each in (f"sns:eu-west-1:{ACCOUNT}:jobs", f"sqs:eu-west-1:{ACCOUNT}:*")),
    *(("queue_arns", f"arn:aws:sqs:{each}:jobs") for each in ("eu-west-1:210987654321", f"us-east-1:{ACCOUNT}", ":")),
    *(("secret_arns", f"arn:aws:secretsmanager:eu-west-1:{each}") for each in (f"{ACCOUNT}:secret:*", "*:secret:hf")),
    ("secret_arns", "arn:aws:secretsmanager:eu-west-1:210987654321:secret:hf-AbCdEf"),
    ("repository_arns", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/*"),
    ("repository_arns", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/*"),
    *((f"{use}_key_arn", each) for use in ("data", "secrets") for each in ("*", 5, f"arn:aws:iam::{ACCOUNT}:role/a")),
    *(
        ("data_key_arn", f"arn:aws:kms:{each}")
        for each in (f"eu-west-1:{ACCOUNT}:alias/a", f"us-east-1:{ACCOUNT}:key/a")
    ),
    *(("data_key_arn", KEY + each) for each in ("*", "?", "\n", " ")),
    *(("permissions_boundary_arn", each) for each in ("boundary", f"arn:aws:iam::{ACCOUNT}:role/a")),
    *(
        ("permissions_boundary_arn", f"arn:aws:iam::{each}")
        for each in ("210987654321:policy/a", f"{ACCOUNT}:policy/*")
    ),
]


def identity(**more: Any) -> Any:
    parts = {key: {"a": arn} if key.endswith("arns") else arn for key, arn in PARTS.items()}
    args: Any = {"workload": WORKLOAD, "cluster_name": "main", "account_id": ACCOUNT, "region": "eu-west-1", **parts}
    return declare(lambda: mlplatform.WorkloadIdentity("w", {**args, **{key: make() for key, make in more.items()}}))


def given(argument: str, arn: Any, *, later: bool) -> Any:
    value = pulumi.Output.from_input(arn) if later else arn
    return {"a": value} if argument.endswith("arns") else value


@pytest.mark.parametrize("later", [False, True])
def test_arns_of_the_right_kind_and_place_are_accepted(later: bool) -> None:
    assert identity(**{key: lambda key=key, arn=arn: given(key, arn, later=later) for key, arn in PARTS.items()})
    assert identity(permissions_boundary_arn=lambda: "arn:aws:iam::aws:policy/PowerUserAccess")


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(("argument", "arn"), WRONG)
def test_an_arn_of_another_kind_or_place_is_rejected(argument: str, arn: Any, later: bool) -> None:
    with pytest.raises(ArgumentsError) as error:
        identity(**{argument: lambda: given(argument, arn, later=later)})
    (problem,) = error.value.problems
    assert problem.path == argument + (".a" if argument.endswith("arns") else "")
    assert "; allowed: the ARN of " in problem.reason


def test_a_plain_arn_is_checked_against_an_account_that_is_an_output() -> None:
    with pytest.raises(ArgumentsError, match=r"allowed: the ARN of .*:210987654321:"):
        identity(account_id=lambda: pulumi.Output.from_input("210987654321"))


@pytest.mark.parametrize("account", ["12", "*", "1234567890123", "", "abcdefghijkl"])
def test_an_account_that_is_an_output_is_validated(account: str) -> None:
    with pytest.raises(ArgumentsError, match="account_id is"):
        identity(account_id=lambda: pulumi.Output.from_input(account))


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("arn", ["*", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*", KEY])
def test_arns_of_cached_repositories_have_the_prefix_of_a_cache(arn: str, later: bool) -> None:
    def program() -> None:
        value = pulumi.Output.from_input(arn) if later else arn
        args: Any = {"pool": {"instanceTypes": ["g6.2xlarge"]}, "cluster_name": "c", "subnet_ids": ["subnet-aaaaaaaa"]}
        mlplatform.GpuNodePool("p", {**args, "disks_key_arn": KEY, "cached_repository_arns": [value]})

    with pytest.raises(
        ArgumentsError, match=r"cached_repository_arns\[0\] is .*; allowed: the ARN of ECR repositories"
    ):
        declare(program)


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("cluster_service_cidr", "banana"),
        ("cluster_service_cidr", "172.20.0.0"),
        ("cluster_certificate_authority", "not base64!"),
        ("cluster_endpoint", "http://127.0.0.1"),
        ("cluster_endpoint", "127.0.0.1:6443"),
        ("cluster_endpoint", "https://a b"),
    ],
)
def test_arguments_for_joining_a_cluster_are_validated(argument: str, value: str, later: bool) -> None:
    def program() -> None:
        given = pulumi.Output.from_input(value) if later else value
        args: Any = {"pool": {"instanceTypes": ["g6.2xlarge"]}, "cluster_name": "c", "subnet_ids": ["subnet-aaaaaaaa"]}
        mlplatform.GpuNodePool("p", {**args, "disks_key_arn": KEY, argument: given})

    with pytest.raises(ArgumentsError, match=f"{argument} is .*; allowed: "):
        declare(program)


def test_a_key_may_belong_to_another_account() -> None:
    key = "arn:aws:kms:eu-west-1:210987654321:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert identity(data_key_arn=lambda: key)
