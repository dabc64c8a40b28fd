"""What a platform stack tells others: named, typed, of one version; and what is said where it is not."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from mlplatform.outputs import VERSION, PlatformOutputs, later
from mlplatform.testing import declare

STACK = "organization/mlplatform/prod"
KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
TOLD = {
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


def read(told: dict[str, Any], outputs: type[PlatformOutputs] = PlatformOutputs, **found: str) -> dict[str, Any]:
    """What a program reads of a stack that tells `told`: fields by the names that it gives them."""

    def program() -> None:
        platform = outputs.of(pulumi.StackReference(STACK))
        for name, field in found.items():
            pulumi.export(name, getattr(platform, field))

    return dict(declare(program, stacks={STACK: told}).exports)


def test_what_one_stack_exports_another_reads() -> None:
    values = {
        "".join(f"_{each.lower()}" if each.isupper() else each for each in name): value
        for name, value in TOLD.items()
        if name != "outputsVersion"
    }
    exported = declare(lambda: PlatformOutputs.export(**values)).exports
    assert exported == TOLD
    assert read(dict(exported), **{name: name for name in values}) == values


def test_a_field_that_came_later_is_told_and_may_be_missing() -> None:
    assert read(TOLD, Wider, seen="queues") == {"seen": {}}
    assert read({**TOLD, "queues": {"a": "b"}}, Wider, seen="queues") == {"seen": {"a": "b"}}


def test_a_field_of_a_later_release_does_not_disturb() -> None:
    assert read({**TOLD, "queues": {}}, seen="region") == {"seen": "us-east-1"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, f"stack {STACK} has no output outputsVersion: it is no platform, or was never brought up"),
        ({**TOLD, "outputsVersion": 2}, f"stack {STACK} has outputs of version 2; allowed: 1. Use the release of"),
        (
            {name: "hush" if name == "buckets" else value for name, value in TOLD.items() if name != "vpcId"},
            f"the outputs of stack {STACK} are not those of a platform: vpcId is missing, buckets is no dict[str, str]",
        ),
    ],
)
def test_a_stack_that_does_not_tell_what_is_needed_is_named_with_all_that_is_wrong(told: Any, said: str) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        read(told, seen="region")
    assert str(raised.value).startswith(said)
    assert "hush" not in str(raised.value)


def test_a_program_that_forgets_a_field_fails() -> None:
    with pytest.raises(TypeError, match=r"vpc_id is missing, .*, vpcid is unknown"):
        PlatformOutputs.export(region="us-east-1", vpcid="vpc-1")


def test_a_program_that_tells_another_type_fails() -> None:
    values: dict[str, Any] = dict.fromkeys(PlatformOutputs.__dataclass_fields__, "a string")
    with pytest.raises(ValueError, match=r"valid (dictionary|list)"):
        declare(lambda: PlatformOutputs.export(**values))
