"""Zones, instance types, reservations and versions: what AWS may tell, as data."""

import datetime

import pytest

from healthy_account import (
    BLOCKS,
    GROUPED,
    HEALTHY,
    NOTE,
    NOW,
    PASSES,
    WARNS,
    Case,
    created,
    expect,
    instance,
    reservation,
    reserved,
    running,
    tags,
)
from mlpctl.doctor.asking import Refusal

IN_RESERVATION = {
    "ec2:DescribeInstances": running(
        instance("p5.48xlarge", Tags=tags(), CapacityReservationId="cr-0a1b2c3d4e5f67890"),
        instance("p5.48xlarge", CapacityReservationId="cr-0a1b2c3d4e5f67890"),
    )
}
RESERVATION = "gpuPools.training.reservation.id"
BLOCK = {"ReservationType": "capacity-block", "EndDate": NOW + datetime.timedelta(days=3)}
ZONES = HEALTHY["ec2:DescribeAvailabilityZones"]
OFFERS = HEALTHY["ec2:DescribeInstanceTypeOfferings"]
EAST_A = [each for each in OFFERS if each["Location"] == "us-east-1a"]

CASES: list[Case] = [
    # Zones and types
    (
        "offers.zones",
        {"ec2:DescribeAvailabilityZones": ZONES[:1]},
        {},
        BLOCKS,
        "network.zones",
        "zones has us-east-1b, which this account does not have in us-east-1",
        "Allowed: us-east-1a (use1-az1)",
    ),
    (
        "offers.types",
        {
            "ec2:DescribeInstanceTypeOfferings": EAST_A
            + [each for each in OFFERS if each["InstanceType"] != "m7i.large"]
        },
        {},
        BLOCKS,
        "cluster.system.zones",
        "cluster.system.zones has us-east-1b",
        "Allowed: us-east-1a, since AWS offers none of m7i.large in the others",
    ),
    (
        "offers.types",
        {"ec2:DescribeInstanceTypeOfferings": [each for each in OFFERS if each["InstanceType"] != "p5.48xlarge"]},
        {},
        BLOCKS,
        "gpuPools.training.instanceTypes",
        "p5.48xlarge, which AWS offers in no zone of the region",
        "Allowed: types",
    ),
    # Reservations
    (
        "reservations.pools",
        {"ec2:DescribeCapacityReservations": [GROUPED]},
        {},
        BLOCKS,
        RESERVATION,
        "no Capacity Re",
        "Use",
    ),
    (
        "reservations.pools",
        reserved(State="expired"),
        {},
        BLOCKS,
        RESERVATION,
        "cr-0a1b2c3d4e5f67890 is expired",
        "active",
    ),
    (
        "reservations.pools",
        reserved(State="scheduled", StartDate=NOW + datetime.timedelta(days=2)),
        {},
        BLOCKS,
        "gpuPools.training.nodes",
        "is scheduled and begins at 2026-12-01 12:00 UTC; the pool has 2 nodes",
        "Set gpuPools.training.nodes to 0",
    ),
    (
        "reservations.pools",
        reserved(State="scheduled"),
        {"gpuPools/training/nodes": 0},
        NOTE,
        "gpuPools.training.nodes",
        "",
        "",
    ),
    (
        "reservations.pools",
        reserved(InstanceType="p4d.24xlarge"),
        {},
        BLOCKS,
        "gpuPools.training.instanceTypes",
        "is for p4d.24xlarge",
        "[p4d.24xlarge]",
    ),
    (
        "reservations.pools",
        reserved(AvailabilityZone="us-east-1a", AvailabilityZoneId="use1-az1"),
        {},
        BLOCKS,
        "gpuPools.training.zones",
        "is in us-east-1a",
        "zones: [us-east-1a]",
    ),
    (
        "reservations.pools",
        reserved(InstancePlatform="Windows"),
        {},
        BLOCKS,
        RESERVATION,
        "is for Windows",
        "Linux/UNIX",
    ),
    (
        "reservations.pools",
        reserved(AvailableInstanceCount=1),
        {},
        BLOCKS,
        "gpuPools.training.nodes",
        "1 are free",
        "1 or",
    ),
    (
        "reservations.pools",
        {**reserved(AvailableInstanceCount=0), **IN_RESERVATION},
        {},
        BLOCKS,
        "gpuPools.training.nodes",
        "0 are free and 1 are nodes of this stack",
        "Set nodes to 1 or fewer",
    ),
    (
        "reservations.pools",
        reserved(),
        {"gpuPools/training/maxNodes": 3},
        WARNS,
        "gpuPools.training.maxNodes",
        "maxNodes is 3",
        "Set maxNodes to 2",
    ),
    (
        "reservations.pools",
        reserved(**BLOCK),
        {},
        BLOCKS,
        "gpuPools.training.capacity",
        "a Capacity Block",
        "capacityBlock",
    ),
    (
        "reservations.pools",
        reserved(**BLOCK),
        {"gpuPools/training/capacity": "capacityBlock"},
        WARNS,
        RESERVATION,
        "ends at 2026-12-02 12:00 UTC",
        "Extend it, or set gpuPools.training.nodes to 0",
    ),
    (
        "reservations.pools",
        reserved(),
        {"gpuPools/training/capacity": "capacityBlock"},
        BLOCKS,
        "gpuPools.training.capacity",
        "is not a Capacity Block",
        "onDemand",
    ),
    (
        "reservations.pools",
        {"resource-groups:ListGroupResources": Refusal("NotFoundException", "Cannot find group")},
        {},
        BLOCKS,
        "gpuPools.batch.reservation.group",
        "no resource group ml-reservations",
        "create",
    ),
    (
        "reservations.pools",
        {"ec2:DescribeCapacityReservations": [reservation(), {**GROUPED, "State": "cancelled"}]},
        {},
        BLOCKS,
        "gpuPools.batch.reservation.group",
        "has 0 instances in 0 active reservations",
        "Add",
    ),
    # Versions
    (
        "versions.kubernetes",
        {"eks:DescribeClusterVersions": []},
        {},
        BLOCKS,
        "cluster.version",
        "does not offer",
        "Use one",
    ),
    (
        "versions.kubernetes",
        {"eks:DescribeClusterVersions": [{"clusterVersion": "1.36", "endOfStandardSupportDate": NOW}]},
        {},
        WARNS,
        "cluster.version",
        "ends on 2026-11-29",
        "Plan",
    ),
    ("versions.upgrade", created(), {}, PASSES, "cluster.version", "runs Kubernetes 1.36 and is ACTIVE", ""),
    (
        "versions.upgrade",
        created(version="1.37"),
        {},
        BLOCKS,
        "cluster.version",
        "runs Kubernetes 1.37",
        "never downgrades",
    ),
    (
        "versions.upgrade",
        created(version="1.34"),
        {},
        BLOCKS,
        "cluster.version",
        "runs Kubernetes 1.34",
        '"1.35" first',
    ),
    ("versions.upgrade", created(version="1.35"), {}, PASSES, "cluster.version", "runs Kubernetes 1.35", ""),
    ("versions.upgrade", created(status="UPDATING"), {}, WARNS, "cluster.version", "is UPDATING", "Wait"),
    ("versions.upgrade", created(tags={}), {}, BLOCKS, "cluster", "Another stack or program", "another name"),
    (
        "versions.images",
        {"ssm:GetParameters": lambda question: {"Parameters": [], "InvalidParameters": question.arguments["Names"]}},
        {"gpuPools/serving/amiRelease": None},
        BLOCKS,
        "cluster.system.amiRelease",
        "no image of Bottlerocket 1.65.0-0be31b34",
        "/aws/service/bottlerocket/aws-k8s-1.36/x86_64.",
    ),
    (
        "versions.addons",
        {
            "eks:DescribeAddonVersions": lambda question: (
                [{"addonVersions": [{"addonVersion": "v9"}]}]
                if question.arguments["addonName"] == "coredns"
                else HEALTHY["eks:DescribeAddonVersions"](question)
            )
        },
        {},
        BLOCKS,
        "cluster.addonVersions.coredns",
        "it offers v9",
        "Set cluster.addonVersions.coredns: v9.",
    ),
]


@pytest.mark.parametrize("check", sorted({case[0] for case in CASES}))
def test_a_check_reports_what_aws_tells_with_the_field_and_the_fix(check: str) -> None:
    for case in CASES:
        if case[0] == check:
            expect(case)
