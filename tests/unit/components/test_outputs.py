"""The outputs of a platform stack: names, types and version, and the errors for invalid outputs."""

from dataclasses import dataclass, fields
from typing import Any

import pulumi
import pytest

from mlplatform.outputs import VERSION, Exported, PlatformOutputs, later
from mlplatform.testing import declare

STACK = "organization/mlplatform/prod"
KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
EXPORTED = {
    "outputsVersion": VERSION,
    "region": "us-east-1",
    "vpcId": "vpc-1",
    "privateSubnetIds": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
    "dataKeyArn": KEY,
    "logsKeyArn": KEY,
    "secretsKeyArn": KEY,
    "disksKeyArn": KEY,
    "imagesKeyArn": KEY,
    "buckets": {"datasets": "datasets-0000000"},
    "bucketArns": {"datasets": "arn:aws:s3:::datasets-0000000"},
    "repositories": {},
    "clusterName": "cluster-0000000",
    "clusterEndpoint": "https://127.0.0.1:6443",
    "kubeconfig": "{}",
    "gpuPools": ["inference"],
    "inferenceEndpoints": {},
}


@dataclass(frozen=True, kw_only=True)
class Wider(PlatformOutputs):
    """The outputs of a later release."""

    queues: pulumi.Output[dict[str, str]] = later({})  # frozen, and read alone
    """Queues."""


def read(exported: dict[str, Any], outputs: type[PlatformOutputs] = PlatformOutputs, **found: str) -> dict[str, Any]:
    """The outputs that a program reads from a stack with the outputs `exported`. `found` maps names to fields."""

    def program() -> None:
        platform = outputs.of(pulumi.StackReference(STACK))
        for name, field in found.items():
            pulumi.export(name, getattr(platform, field))

    return dict(declare(program, stacks={STACK: exported}).exports)


def test_a_stack_reads_the_outputs_of_another() -> None:
    values = {
        "".join(f"_{each.lower()}" if each.isupper() else each for each in name): value
        for name, value in EXPORTED.items()
        if name != "outputsVersion"
    }
    exported = declare(lambda: PlatformOutputs.export(**values)).exports
    assert exported == EXPORTED
    assert read(dict(exported), **{name: name for name in values}) == values


def test_a_later_field_is_exported_and_may_be_missing() -> None:
    assert read(EXPORTED, Wider, seen="queues") == {"seen": {}}
    assert read({**EXPORTED, "queues": {"a": "b"}}, Wider, seen="queues") == {"seen": {"a": "b"}}


def test_an_unknown_field_of_a_later_release_is_ignored() -> None:
    assert read({**EXPORTED, "queues": {}}, seen="region") == {"seen": "us-east-1"}


@pytest.mark.parametrize(
    ("exported", "message"),
    [
        ({}, f"stack {STACK} has no output outputsVersion: it is not a platform, or was never deployed"),
        ({**EXPORTED, "outputsVersion": 2}, f"stack {STACK} has outputs of version 2; allowed: 1. Use the release of"),
        (
            {name: "hush" if name == "buckets" else value for name, value in EXPORTED.items() if name != "vpcId"},
            f"the outputs of stack {STACK} are not those of a platform: vpcId is missing, buckets is "
            "not of type dict[str, str]",
        ),
    ],
)
def test_all_problems_of_a_stack_s_outputs_are_reported_with_its_name(exported: Any, message: str) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        read(exported, seen="region")
    assert str(raised.value).startswith(message)
    assert "hush" not in str(raised.value)


def test_what_a_platform_exports_is_what_other_stacks_read() -> None:
    read_later = {each.name for each in fields(PlatformOutputs) if "otherwise" in each.metadata}
    assert Exported.__optional_keys__ == read_later
    assert Exported.__required_keys__ == {each.name for each in fields(PlatformOutputs)} - read_later


def test_a_program_that_omits_a_field_fails() -> None:
    with pytest.raises(TypeError, match=r"vpc_id is missing, .*, vpcid is unknown"):
        PlatformOutputs.export(region="us-east-1", vpcid="vpc-1")


def test_a_program_that_exports_another_type_fails() -> None:
    values: dict[str, Any] = dict.fromkeys(PlatformOutputs.__dataclass_fields__, "a string")
    with pytest.raises(ValueError, match=r"valid (dictionary|list)"):
        declare(lambda: PlatformOutputs.export(**values))
