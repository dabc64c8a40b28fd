"""Quotas that a user sets, and AWS's errors if they are exceeded."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlsandbox.endpoint import quotas
from mlsandbox.ground.conditions import Conditions

GPU_VCPUS, GPU_SPOT_VCPUS = "L-DB2E81BA", "L-3819A6DF"


@pytest.fixture
def limit(account: Any) -> Iterator[Callable[..., None]]:
    """Sets quotas of the account until the end of the test."""
    yield lambda **most: Conditions(quotas={key.replace("_", "-"): most[key] for key in most}).save(account.layout)
    Conditions().save(account.layout)


def group(account: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = account.eks.describe_nodegroup(clusterName="main", nodegroupName=name)["nodegroup"]
    return found


def gpus(account: Any, name: str, nodes: int, **settings: Any) -> dict[str, Any]:
    size = {"minSize": 0, "maxSize": 9, "desiredSize": nodes}
    account.nodegroup(name, instanceTypes=["g6.2xlarge"], scalingConfig=size, **settings)
    return group(account, name)


def test_a_vcpu_quota_of_zero_prevents_launches(account: Any, limit: Any) -> None:
    account.cluster()
    limit(L_DB2E81BA=0)
    failed = gpus(account, "refused", 1)
    assert failed["status"] == "CREATE_FAILED"
    (issue,) = failed["health"]["issues"]
    assert issue["code"] == "AsgInstanceLaunchFailures"
    assert "Could not launch On-Demand Instances. VcpuLimitExceeded - " in issue["message"]
    assert "vCPU limit of 0 allows" in issue["message"]


def test_spot_instances_have_a_separate_quota(account: Any, limit: Any) -> None:
    account.cluster()
    limit(L_DB2E81BA=0, L_3819A6DF=8)
    assert gpus(account, "one", 1, capacityType="SPOT")["status"] == "ACTIVE"
    assert "MaxSpotInstanceCountExceeded" in str(gpus(account, "two", 1, capacityType="SPOT")["health"])


def test_only_groups_of_the_family_count_against_a_vcpu_quota(account: Any, limit: Any) -> None:
    account.cluster()
    limit(L_DB2E81BA=24)
    account.nodegroup("system", instanceTypes=["m7i.large"])
    assert gpus(account, "two", 2)["status"] == "ACTIVE"
    assert gpus(account, "another", 2)["status"] == "CREATE_FAILED"
    assert gpus(account, "last", 1)["status"] == "ACTIVE"


def test_a_group_that_cannot_grow_is_degraded_and_keeps_its_nodes(account: Any, limit: Any) -> None:
    account.cluster()
    limit(L_DB2E81BA=8)
    gpus(account, "growing", 1)
    where = {"clusterName": "main", "nodegroupName": "growing"}
    account.eks.update_nodegroup_config(**where, scalingConfig={"desiredSize": 2})
    degraded = group(account, "growing")
    assert (degraded["status"], degraded["scalingConfig"]["desiredSize"]) == ("DEGRADED", 2)
    assert "VcpuLimitExceeded" in degraded["health"]["issues"][0]["message"]
    account.eks.update_nodegroup_config(**where, scalingConfig={"desiredSize": 1})
    assert group(account, "growing")["health"]["issues"] == []


def test_the_quota_of_addresses_is_enforced(account: Any, limit: Any) -> None:
    there = len(account.ec2.describe_addresses()["Addresses"])
    limit(L_0263D0A3=there + 1)
    account.ec2.allocate_address(Domain="vpc")
    code, message = account.refused("allocate_address", "ec2", Domain="vpc")
    assert (code, message) == ("AddressLimitExceeded", "The maximum number of addresses has been reached.")


def test_the_quota_of_vpcs_includes_the_default_vpc(account: Any, limit: Any) -> None:
    limit(L_F678F1CE=len(account.ec2.describe_vpcs()["Vpcs"]))
    assert account.refused("create_vpc", "ec2", CidrBlock="10.9.0.0/16")[0] == "VpcLimitExceeded"


def test_the_quota_of_nat_gateways_applies_per_zone(account: Any, limit: Any) -> None:
    limit(L_FE5A380F=1)

    def nat(subnet: str) -> dict[str, str]:
        return {"SubnetId": subnet, "AllocationId": account.ec2.allocate_address(Domain="vpc")["AllocationId"]}

    account.ec2.create_nat_gateway(**nat(account.subnets[0]))
    account.ec2.create_nat_gateway(**nat(account.subnets[1]))
    refused = account.refused("create_nat_gateway", "ec2", **nat(account.subnets[0]))
    assert refused[0] == "NatGatewayLimitExceeded"


def test_the_quota_of_buckets_is_enforced(account: Any, limit: Any) -> None:
    limit(L_DC2B2D3D=len(account.client("s3").list_buckets()["Buckets"]))
    assert account.refused("create_bucket", "s3", Bucket="one-too-many")[0] == "TooManyBuckets"


def test_every_quota_that_can_be_set_is_counted() -> None:
    known = dict(quotas.known())
    assert {GPU_VCPUS, GPU_SPOT_VCPUS} <= known.keys()
    counted = {quota for quota, _, _ in quotas._COUNTED.values()}
    assert counted <= known.keys()
    assert all(name.startswith("vCPUs: ") for code, name in known.items() if code not in counted)
