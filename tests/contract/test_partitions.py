"""Every component and the whole program in AWS GovCloud (US) and in China, without names of another partition."""

import importlib.util
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import mlplatform
from awsfacts.partitions import dns_suffix, partition_of, service_principal
from mlpctl.config import regions
from mlplatform.component import Component
from mlplatform.testing import Plan, declare

_spec = importlib.util.spec_from_file_location("cases", Path(__file__).with_name("cases.py"))
assert _spec and _spec.loader
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

STACKS = sorted((Path(__file__).parents[2] / "stacks").glob("Pulumi.*.yaml"))
COMPONENTS = [each for each in vars(mlplatform).values() if isinstance(each, type) and issubclass(each, Component)]
PARTITIONS = {
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1", "com.amazonaws.us-gov-west-1.sts"),
    "aws-cn": ("cn-north-1", "cn-northwest-1", "cn.com.amazonaws.cn-north-1.sts"),
}
"""For each partition: a region, another region, and the name of an endpoint."""

SAME_EVERYWHERE = {
    f"{name}.amazonaws.com"
    for name in ("autoscaling", "codebuild", "ec2", "ecr", "eks", "pods.eks", "spot", "vpc", "vpc-flow-logs")
}
"""Principals, and groups of resources of Kubernetes nodes, that end in `amazonaws.com` in China too."""

HOST = re.compile(r"[\w.-]*amazonaws\.com(?:\.cn)?")

every_partition = pytest.mark.parametrize("partition", PARTITIONS)


def moved(text: str, partition: str) -> str:
    """A stack of us-east-1, changed to a region of another partition."""
    home, other, _ = PARTITIONS[partition]
    return text.replace("us-east-1", home).replace("us-west-2", other).replace("arn:aws:", f"arn:{partition}:")


def strange(plan: Plan, partition: str) -> Iterator[str]:
    """Names of another partition in a plan."""
    for each in plan:
        text = json.dumps(each.inputs)
        if "arn:aws:" in text:
            yield f"{each.name}: {text}"
        for host in HOST.findall(text):
            ends_here = host.endswith(".cn") == (partition == "aws-cn")
            if not ends_here and host not in SAME_EVERYWHERE:
                yield f"{each.name}: {host}"


@every_partition
@pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: each.__name__)
def test_a_component_can_be_declared_in_a_partition(component: type[Component], partition: str) -> None:
    given: dict[str, Any] = json.loads(moved(json.dumps(dict(cases.CASES[component])), partition))
    if "partition" in vars(mlplatform)[f"{component.__name__}Args"].__annotations__:
        given["partition"] = partition
    make: Any = component
    plan = declare(lambda: make("example", given), look_ups=partition_look_up(partition))
    assert any(each.custom for each in plan)
    assert [*strange(plan, partition)] == []


@pytest.mark.engine  # seconds in all
@every_partition
@pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_the_program_can_be_declared_in_a_partition(
    stack: Path, partition: str, tmp_path: Path, plan_with: Any
) -> None:
    text = moved(stack.read_text(), partition)
    text = text.replace("    network:\n", "    network:\n      endpointPreset: private\n")
    # ECR has no pull through caches there.
    text = text.replace("      pullThrough:\n        quay:\n          upstream: quay.io\n", "")
    (tmp_path / stack.name).write_text(text)
    plan = plan_with(tmp_path / stack.name, partition_look_up(partition))
    assert [*strange(plan, partition)] == []
    names = {each.inputs["serviceName"] for each in plan if each.type == "aws:ec2/vpcEndpoint:VpcEndpoint"}
    assert PARTITIONS[partition][2] in names
    assert f"com.amazonaws.{PARTITIONS[partition][0]}.s3" in names


def test_the_principal_of_logs_in_china_is_china_s() -> None:
    assert service_principal("logs", "aws-cn", "cn-north-1") == "logs.cn-north-1.amazonaws.com.cn"
    assert service_principal("logs", "aws-us-gov", "us-gov-west-1") == "logs.us-gov-west-1.amazonaws.com"
    assert service_principal("ec2", "aws-cn") == "ec2.amazonaws.com"


def test_a_region_determines_its_partition() -> None:
    assert [partition_of(region) for region in ("cn-north-1", "us-gov-east-1", "eu-west-1")] == [
        "aws-cn",
        "aws-us-gov",
        "aws",
    ]


def partition_look_up(partition: str) -> dict[str, dict[str, str]]:
    return {
        "aws:index/getPartition:getPartition": {"partition": partition, "id": partition},
        "aws:iam/getRole:getRole": {"arn": f"arn:{partition}:iam::123456789012:role/ml", "id": "ml", "name": "ml"},
    }


def test_every_region_has_botocore_s_partition() -> None:
    assert {region: partition_of(region) for region in regions.partitions()} == dict(regions.partitions())


def test_host_names_have_botocore_s_suffixes() -> None:
    listed = json.loads((files("botocore") / "data" / "partitions.json").read_bytes())["partitions"]
    assert {each["id"]: dns_suffix(each["id"]) for each in listed} == {
        each["id"]: each["outputs"]["dnsSuffix"] for each in listed
    }
