"""Configurations of instances and storage with the monthly cost that is calculated by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from costing import change, money
from mlpctl.review.plan.model import Change
from mlpctl.review.report.cost import Money
from mlpctl.review.values.plain import UNKNOWN

SUBNETS = [change("aws:ec2/subnet:Subnet", {}, name=f"private-{zone}") for zone in "abc"]


def template(disk_gb: int = 200, **inputs: Any) -> Change:
    disk = {"deviceName": "/dev/xvda", "ebs": {"volumeSize": disk_gb, "volumeType": "gp3"}}
    return change(
        "aws:ec2/launchTemplate:LaunchTemplate", {"blockDeviceMappings": [disk], **inputs}, name="pool-template"
    )


def nodes(made_from: Change, low: int, expected: int, high: int, **inputs: Any) -> list[Change]:
    scaling = {"minSize": low, "desiredSize": expected, "maxSize": high}
    inputs = {"scalingConfig": scaling, "launchTemplate": {"id": UNKNOWN}, **inputs}
    return [
        made_from,
        change("aws:eks/nodeGroup:NodeGroup", inputs, depends={"launchTemplate": [made_from]}),
    ]


def group(made_from: Change, path: str, low: int, high: int, **inputs: Any) -> list[Change]:
    inputs = {"minSize": low, "maxSize": high, path: {"id": UNKNOWN}} | inputs
    return [made_from, change("aws:autoscaling/group:Group", inputs, depends={path: [made_from]})]


def endpoint(*variants: Mapping[str, Any]) -> list[Change]:
    config = change(
        "aws:sagemaker/endpointConfiguration:EndpointConfiguration", {"productionVariants": [*variants]}, name="config"
    )
    inputs = {"endpointConfigName": UNKNOWN}
    return [config, change("aws:sagemaker/endpoint:Endpoint", inputs, depends={"endpointConfigName": [config]})]


@dataclass(frozen=True)
class Case:
    """A configuration and its monthly cost."""

    what: str
    changes: list[Change]
    costs: Money
    usage: Mapping[str, float] = field(default_factory=dict)
    today: date = date(2026, 11, 26)


INSTANCES = (
    Case(
        "a pool of two H100 nodes with a fixed size",
        nodes(template(instanceType="p5.48xlarge"), 2, 2, 2),
        money(2 * 730 * 55.04 + 2 * 200 * 0.08),
    ),
    Case(
        "a pool that scales between two and six nodes",
        nodes(template(instanceType="g6e.12xlarge"), 2, 2, 6),
        money(
            2 * 730 * 10.49264 + 2 * 200 * 0.08,
            2 * 730 * 10.49264 + 2 * 200 * 0.08,
            6 * 730 * 10.49264 + 6 * 200 * 0.08,
        ),
    ),
    Case(
        "a pool that scales to zero",
        nodes(template(instanceType="trn1.32xlarge"), 0, 1, 4),
        money(0, 730 * 21.5 + 200 * 0.08, 4 * 730 * 21.5 + 4 * 200 * 0.08),
    ),
    Case(
        "a pool of three types: the least uses the cheapest, expected the first, the most the most expensive",
        nodes(template(), 1, 2, 4, instanceTypes=["g5.2xlarge", "g6.4xlarge", "g6.2xlarge"]),
        money(730 * 0.9776 + 200 * 0.08, 2 * 730 * 1.212 + 2 * 200 * 0.08, 4 * 730 * 1.3232 + 4 * 200 * 0.08),
    ),
    Case(
        "a spot pool: the lowest price, the highest price of the first type, the highest price of all types",
        nodes(template(), 1, 2, 4, instanceTypes=["g6.2xlarge", "g6.4xlarge", "g5.2xlarge"], capacityType="SPOT"),
        money(730 * 0.3753 + 200 * 0.08, 2 * 730 * 0.4538 + 2 * 200 * 0.08, 4 * 730 * 0.7217 + 4 * 200 * 0.08),
    ),
    Case(
        "a pool in a reservation of the stack: the reservation is charged once",
        [
            reserved := change(
                "aws:ec2/capacityReservation:CapacityReservation",
                {"instanceType": "p5.48xlarge", "instanceCount": 3, "instancePlatform": "Linux/UNIX"},
                name="reserved",
            ),
            *nodes(
                change(
                    "aws:ec2/launchTemplate:LaunchTemplate",
                    {
                        "instanceType": "p5.48xlarge",
                        "capacityReservationSpecification": {
                            "capacityReservationTarget": {"capacityReservationId": UNKNOWN}
                        },
                        "blockDeviceMappings": [{"ebs": {"volumeSize": 100, "volumeType": "gp3"}}],
                    },
                    name="template",
                    depends={"capacityReservationSpecification": [reserved]},
                ),
                0,
                2,
                3,
            ),
        ],
        money(3 * 730 * 55.04, 3 * 730 * 55.04 + 2 * 100 * 0.08, 3 * 730 * 55.04 + 3 * 100 * 0.08),
    ),
    Case(
        "a scaling group without a desired size starts at its minimum",
        group(template(50, instanceType="m7i.2xlarge"), "launchTemplate", 2, 5),
        money(2 * 730 * 0.4032 + 2 * 50 * 0.08, 2 * 730 * 0.4032 + 2 * 50 * 0.08, 5 * 730 * 0.4032 + 5 * 50 * 0.08),
    ),
    Case(
        "a scaling group with one on-demand instance and half of the rest on spot, rounded towards on-demand",
        group(
            template(100),
            "mixedInstancesPolicy",
            1,
            5,
            desiredCapacity=4,
            mixedInstancesPolicy={
                "launchTemplate": {"overrides": [{"instanceType": "g6.2xlarge"}]},
                "instancesDistribution": {"onDemandBaseCapacity": 1, "onDemandPercentageAboveBaseCapacity": 50},
            },
        ),
        money(
            1 * 730 * 0.9776 + 1 * 100 * 0.08,
            3 * 730 * 0.9776 + 1 * 730 * 0.4538 + 4 * 100 * 0.08,
            3 * 730 * 0.9776 + 2 * 730 * 0.4538 + 5 * 100 * 0.08,
        ),
    ),
    Case(
        "an instance with a public address and two disks",
        [
            change(
                "aws:ec2/instance:Instance",
                {
                    "instanceType": "m7i.large",
                    "associatePublicIpAddress": True,
                    "rootBlockDevice": {"volumeSize": 30, "volumeType": "gp3"},
                    "ebsBlockDevices": [{"deviceName": "/dev/sdf", "volumeSize": 500, "volumeType": "gp2"}],
                },
            )
        ],
        money(730 * 0.1008 + 730 * 0.005 + 30 * 0.08 + 500 * 0.1),
    ),
    Case(
        "a SageMaker endpoint with two variants, one of which scales",
        endpoint(
            {"instanceType": "ml.m5.xlarge", "initialInstanceCount": 2},
            {
                "instanceType": "ml.g5.2xlarge",
                "initialInstanceCount": 1,
                "managedInstanceScaling": {"minInstanceCount": 1, "maxInstanceCount": 3},
            },
        ),
        money(2 * 730 * 0.23 + 730 * 1.515, 2 * 730 * 0.23 + 730 * 1.515, 2 * 730 * 0.23 + 3 * 730 * 1.515),
    ),
)

STORAGE = (
    Case(
        "a gp3 disk with IOPS and throughput above the baseline",
        [change("aws:ebs/volume:Volume", {"type": "gp3", "size": 1000, "iops": 8000, "throughput": 500})],
        money(1000 * 0.08 + (8000 - 3000) * 0.005 + (500 - 125) * 0.04),
    ),
    Case(
        "an io2 disk with IOPS in three price tiers",
        [change("aws:ebs/volume:Volume", {"type": "io2", "size": 2000, "iops": 70000})],
        money(2000 * 0.125 + 32000 * 0.065 + (64000 - 32000) * 0.0455 + (70000 - 64000) * 0.03185),
    ),
    Case(
        "a bucket of 60 TB in two price tiers, with requests",
        [change("aws:s3/bucket:Bucket", {})],
        money(51200 * 0.023 + (61440 - 51200) * 0.022 + 1_000_000 * 0.000005 + 20_000_000 * 0.0000004),
        {"s3StorageGb": 61440, "s3PutRequests": 1_000_000, "s3GetRequests": 20_000_000},
    ),
    Case(
        "a file system with elastic throughput",
        [change("aws:efs/fileSystem:FileSystem", {"throughputMode": "elastic"})],
        money(200 * 0.3 + 1000 * 0.03 + 300 * 0.06),
        {"efsStorageGb": 200, "efsReadGb": 1000, "efsWriteGb": 300},
    ),
    Case(
        "a file system with a lifecycle policy for Archive, and its backups",
        [
            change(
                "aws:efs/fileSystem:FileSystem",
                {
                    "throughputMode": "elastic",
                    "lifecyclePolicies": [
                        {"transitionToIa": "AFTER_30_DAYS"},
                        {"transitionToArchive": "AFTER_90_DAYS"},
                    ],
                },
            ),
            change("aws:efs/backupPolicy:BackupPolicy", {"backupPolicy": {"status": "ENABLED"}}, name="backups"),
            change("aws:efs/backupPolicy:BackupPolicy", {"backupPolicy": {"status": "DISABLED"}}, name="none"),
        ],
        money(200 * 0.3 + 500 * 0.016 + 1000 * 0.008 + 2000 * 0.03 + 100 * 0.06 + 1700 * 0.05),
        {
            "efsStorageGb": 200,
            "efsInfrequentGb": 500,
            "efsArchiveGb": 1000,
            "efsReadGb": 2000,
            "efsWriteGb": 100,
            "efsBackupGb": 1700,
        },
    ),
    Case(
        "a file system with provisioned throughput and a lifecycle policy",
        [
            change(
                "aws:efs/fileSystem:FileSystem",
                {
                    "throughputMode": "provisioned",
                    "provisionedThroughputInMibps": 64,
                    "lifecyclePolicies": [{"transitionToIa": "AFTER_30_DAYS"}],
                },
            )
        ],
        money(200 * 0.3 + 800 * 0.025 + (64 - 200 / 20) * 6),
        {"efsStorageGb": 200, "efsInfrequentGb": 800},
    ),
    Case(
        "a persistent file system for training",
        [
            change(
                "aws:fsx/lustreFileSystem:LustreFileSystem",
                {"deploymentType": "PERSISTENT_2", "perUnitStorageThroughput": 125, "storageCapacity": 4800},
            )
        ],
        money(4800 * 0.145),
    ),
    Case(
        "a scratch file system",
        [change("aws:fsx/lustreFileSystem:LustreFileSystem", {"deploymentType": "SCRATCH_2", "storageCapacity": 1200})],
        money(1200 * 0.14),
    ),
)
