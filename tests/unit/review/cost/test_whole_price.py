"""Tests of all parts of a price: disks that EKS creates, throughput and IOPS above the baseline, standbys."""

from collections.abc import Mapping
from typing import Any

import pytest

from costing import Prices, change, money, only
from mlpctl.review.cost import book
from mlpctl.review.plan.model import Op
from mlpctl.review.report.cost import Assumption
from mlpctl.review.values.plain import UNKNOWN

FILES, NODES, DATABASE = "aws:efs/fileSystem:FileSystem", "aws:eks/nodeGroup:NodeGroup", "aws:rds/instance:Instance"
VOLUME, CLASS, CLAIM = (
    "aws:ebs/volume:Volume",
    "kubernetes:storage.k8s.io/v1:StorageClass",
    "kubernetes:core/v1:PersistentVolumeClaim",
)
ROWS: Mapping[str, float | Mapping[float, float]] = {
    "ec2/g5.xlarge": 1.0,
    "ebs/gp2-storage": 0.1,
    "ebs/gp3-storage": 0.08,
    "ebs/gp3-iops": 0.005,
    "ebs/gp3-throughput": 0.04,
    "ebs/io2-storage": 0.125,
    "ebs/io2-iops": {0: 0.065, 32000: 0.0455, 64000: 0.03185},
    "efs/standard-storage": 0.3,
    "efs/one-zone-storage": 0.16,
    "efs/provisioned-throughput": 6,
    "rds/mysql.single.db.t3.large": 0.136,
    "rds/sqlserver-se.single.db.t3.large": 0.5,
    "rds/postgres.single.db.r6g.large": 0.25,
    "rds/postgres.multi.db.t4g.small": 0.065,
    "rds/postgres.single.db.t4g.small": 0.032,
    "rds/aurora-postgresql.single.db.r6g.large": 0.26,
    "rds/gp3-storage.single": 0.115,
    "rds/gp3-storage.multi": 0.23,
    "rds/gp3-iops.single": 0.02,
    "rds/gp3-iops.multi": 0.04,
    "rds/gp2-storage.single": 0.115,
    "rds/io1-storage.single": 0.125,
    "rds/io1-iops.single": 0.1,
}
BOOK = Prices(ROWS)


class TestThroughputOfFiles:
    @pytest.mark.parametrize(
        ("provisioned", "stored", "billed"), [(100, 230, 88.5), (100, 0, 100), (100, 2000, 0), (10, 20000, 0)]
    )
    def test_included_throughput_is_not_billed(self, provisioned: float, stored: float, billed: float) -> None:
        inputs = {"throughputMode": "provisioned", "provisionedThroughputInMibps": provisioned}
        found = only(BOOK, change(FILES, inputs), usage={"it": {"efsStorageGb": stored}})
        assert found.monthly_usd == money(stored * 0.3 + billed * 6)
        assert found.missing == ()

    def test_without_known_storage_all_throughput_is_billed(self) -> None:
        inputs = {"throughputMode": "provisioned", "provisionedThroughputInMibps": 100}
        found = only(BOOK, change(FILES, inputs))
        assert found.monthly_usd == money(600)
        assert found.missing == ("cost.usage has no value for efsStorageGb",)

    def test_one_zone_storage_includes_the_same_throughput(self) -> None:
        inputs = {
            "throughputMode": "provisioned",
            "provisionedThroughputInMibps": 100,
            "availabilityZoneName": "us-east-1a",
        }
        found = only(BOOK, change(FILES, inputs), usage={"it": {"efsStorageGb": 200}})
        assert found.monthly_usd == money(200 * 0.16 + 90 * 6)


class TestDisksOfNodes:
    SIZES: Mapping[str, Any] = {"minSize": 0, "desiredSize": 4, "maxSize": 5}

    def nodes(self, **inputs: Any) -> Any:
        inputs = {"instanceTypes": ["g5.xlarge"], "scalingConfig": self.SIZES, **inputs}
        return only(BOOK, change(NODES, inputs))

    @pytest.mark.parametrize(
        ("inputs", "a_node"),
        [
            ({"diskSize": 500}, 500 * 0.1),
            ({}, 20 * 0.1),
            ({"amiType": "AL2023_x86_64_NVIDIA"}, 20 * 0.1),
            ({"amiType": "BOTTLEROCKET_x86_64_NVIDIA", "diskSize": 100}, 100 * 0.1 + 2 * 0.08),
        ],
    )
    def test_each_node_has_a_default_disk(self, inputs: Mapping[str, Any], a_node: float) -> None:
        found = self.nodes(**inputs)
        assert found.monthly_usd == money(0, 4 * (730 + a_node), 5 * (730 + a_node))
        assert found.missing == ()

    def test_a_default_disk_size_is_an_assumption(self) -> None:
        (assumed,) = self.nodes().assumptions
        assert assumed == Assumption(name="it.nodeDiskGb", value=20, unit="GB of gp2 per node", given=False)

    def test_an_unknown_disk_size_is_omitted_and_expensive(self) -> None:
        found = self.nodes(diskSize=UNKNOWN)
        assert found.monthly_usd == money(0, 4 * 730, 5 * 730)
        assert found.missing == ("the disks of the nodes: diskSize is known only after the update",)
        assert found.large == "instances"


class TestDatabases:
    @pytest.mark.parametrize(
        ("engine", "gb", "iops", "above"),
        [
            ("mysql", 400, 14000, 2000),
            ("mysql", 400, 12000, 0),
            ("mysql", 399, 4000, 1000),
            ("mysql", 20, None, 0),
            ("sqlserver-se", 400, 4000, 1000),
        ],
    )
    def test_gp3_iops_above_the_baseline_are_billed(
        self, engine: str, gb: float, iops: float | None, above: int
    ) -> None:
        inputs = {"engine": engine, "instanceClass": "db.t3.large", "allocatedStorage": gb, "storageType": "gp3"}
        found = only(BOOK, change(DATABASE, {**inputs, "iops": iops}))
        hour = ROWS[f"rds/{engine}.single.db.t3.large"]
        assert isinstance(hour, float)
        assert found.monthly_usd == money(730 * hour + gb * 0.115 + above * 0.02)
        assert found.missing == ()

    def test_unpriced_throughput_above_the_baseline_is_reported(self) -> None:
        inputs = {"engine": "mysql", "instanceClass": "db.t3.large", "allocatedStorage": 100, "storageType": "gp3"}
        found = only(BOOK, change(DATABASE, {**inputs, "iops": 3000, "storageThroughput": 500}))
        (missing,) = found.missing
        assert missing == "throughput above 125 MiB/s: the price book has no rds/gp3-throughput.single in us-east-1"
        assert found.large == "databases"

    def test_all_io1_iops_are_billed(self) -> None:
        inputs = {"engine": "mysql", "instanceClass": "db.t3.large", "allocatedStorage": 100, "iops": 1000}
        found = only(BOOK, change(DATABASE, inputs))
        assert found.monthly_usd == money(730 * 0.136 + 100 * 0.125 + 1000 * 0.1)

    def test_a_standby_has_its_own_price_or_doubles_the_single_az_price(self) -> None:
        inputs = {"engine": "postgres", "allocatedStorage": 100, "multiAz": True, "storageType": "gp2"}
        known = only(BOOK, change(DATABASE, {**inputs, "instanceClass": "db.t4g.small", "storageType": "gp3"}))
        assert known.monthly_usd == money(730 * 0.065 + 100 * 0.23)
        assert known.assumptions == ()
        other = only(BOOK, change(DATABASE, {**inputs, "instanceClass": "db.r6g.large"}))
        assert other.monthly_usd == money(2 * (730 * 0.25 + 100 * 0.115))
        assert other.assumptions == (
            Assumption(name="it.standby", value=2, unit="times the single-AZ price", given=False),
        )

    def test_a_replica_inherits_engine_and_storage_from_its_source(self) -> None:
        source = change(DATABASE, {"engine": "postgres", "allocatedStorage": 100}, name="source")
        replica = change(DATABASE, {"instanceClass": "db.r6g.large"}, depends={"replicateSourceDb": [source]})
        assert only(BOOK, source, replica).monthly_usd == money(730 * 0.25 + 100 * 0.115)

    def test_unpriced_storage_is_reported_with_the_price_of_the_instance(self) -> None:
        inputs = {"engine": "postgres", "instanceClass": "db.r6g.large", "allocatedStorage": 5}
        found = only(BOOK, change(DATABASE, {**inputs, "storageType": "standard"}))
        assert found.monthly_usd == money(730 * 0.25)
        assert found.missing == ("its storage: the price book has no rds/standard-storage.single in us-east-1",)

    def test_long_retention_of_performance_insights_is_reported(self) -> None:
        inputs = {
            "engine": "aurora-postgresql",
            "instanceClass": "db.r6g.large",
            "performanceInsightsEnabled": True,
            "performanceInsightsRetentionPeriod": 731,
        }
        found = only(BOOK, change("aws:rds/clusterInstance:ClusterInstance", inputs))
        assert found.monthly_usd == money(730 * 0.26)
        assert found.missing == ("Performance Insights data older than 7 days",)

    @pytest.mark.parametrize(
        ("type", "inputs", "why"),
        [
            ("aws:rds/cluster:Cluster", {"engine": "aurora-mysql"}, "Aurora storage and requests are billed by usage"),
            ("aws:rds/cluster:Cluster", {"dbClusterInstanceClass": "db.m6gd.large"}, "not cover Multi-AZ DB clusters"),
            ("aws:elasticache/replicationGroup:ReplicationGroup", {}, "the price book does not cover caches"),
            ("aws:opensearch/domain:Domain", {}, "the price book does not cover search domains"),
            ("aws:fsx/ontapFileSystem:OntapFileSystem", {}, "the price book does not cover this type of file system"),
            ("aws:redshift/cluster:Cluster", {}, "the price book covers only RDS, Aurora and DynamoDB"),
        ],
    )
    def test_unpriced_databases_have_a_reason_and_are_expensive(
        self, type: str, inputs: Mapping[str, Any], why: str
    ) -> None:
        found = only(BOOK, change(type, inputs))
        assert why in found.unpriced
        assert found.large


class TestVolumes:
    def test_io2_price_tiers_apply_to_each_volume(self) -> None:
        template = change(
            "aws:ec2/launchTemplate:LaunchTemplate",
            {
                "instanceType": "g5.xlarge",
                "blockDeviceMappings": [
                    {"deviceName": "/dev/sdb", "ebs": {"volumeType": "io2", "volumeSize": 100, "iops": 40000}}
                ],
            },
            name="template",
        )
        sizes = {"minSize": 2, "desiredSize": 2, "maxSize": 2}
        nodes = change(
            NODES,
            {"scalingConfig": sizes, "launchTemplate": {"id": UNKNOWN}},
            depends={"launchTemplate": [template]},
        )
        a_node = 730 + 100 * 0.125 + 32000 * 0.065 + 8000 * 0.0455
        assert only(BOOK, template, nodes).monthly_usd == money(2 * a_node)

    def test_unpriced_iops_do_not_affect_the_price_of_the_storage(self) -> None:
        book = Prices({"ebs/gp3-storage": 0.08})
        found = only(book, change(VOLUME, {"type": "gp3", "size": 100, "iops": 6000, "throughput": 500}))
        assert found.monthly_usd == money(8)
        assert found.missing == (
            "IOPS above 3000: the price book has no ebs/gp3-iops in us-east-1",
            "throughput above 125 MiB/s: the price book has no ebs/gp3-throughput in us-east-1",
        )
        assert found.large == "disks"

    def test_volume_initialization_is_reported(self) -> None:
        found = only(BOOK, change(VOLUME, {"type": "gp3", "size": 100, "volumeInitializationRate": 300}))
        assert found.missing == ("its initialization, which is billed per GB of the snapshot",)

    @pytest.mark.parametrize(
        ("chosen", "usd"),
        [
            ({"provisioner": "ebs.csi.aws.com"}, 100 * 0.08),
            ({"provisioner": "kubernetes.io/aws-ebs"}, 100 * 0.1),
            (
                {"provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3", "iops": "4000", "throughput": "225"}},
                100 * 0.08 + 1000 * 0.005 + 100 * 0.04,
            ),
        ],
    )
    def test_a_claim_is_priced_with_the_parameters_of_its_class(self, chosen: Mapping[str, Any], usd: float) -> None:
        storage_class = change(CLASS, {"metadata": {"name": "fast"}, **chosen}, name="class")
        spec = {"storageClassName": "fast", "resources": {"requests": {"storage": "100Gi"}}}
        assert only(BOOK, storage_class, change(CLAIM, {"spec": spec})).monthly_usd == money(usd)

    @pytest.mark.parametrize(
        ("driver", "free", "why"),
        [
            ("efs.csi.aws.com", "included in the cost of the file system", ""),
            ("fsx.csi.aws.com", "", "the price book does not cover volumes of fsx.csi.aws.com"),
        ],
    )
    def test_a_claim_of_a_file_system_is_not_a_disk(self, driver: str, free: str, why: str) -> None:
        storage_class = change(CLASS, {"metadata": {"name": "shared"}, "provisioner": driver}, name="class")
        spec = {"storageClassName": "shared", "resources": {"requests": {"storage": "100Gi"}}}
        found = only(BOOK, storage_class, change(CLAIM, {"spec": spec}))
        assert (found.free, found.unpriced) == (free, why)


def test_a_claim_of_an_existing_volume_is_not_a_disk() -> None:
    for volume in ("weights", UNKNOWN):
        spec = {"storageClassName": "", "volumeName": volume, "resources": {"requests": {"storage": "1Gi"}}}
        found = only(BOOK, change("kubernetes:core/v1:PersistentVolumeClaim", {"spec": spec}))
        assert found.free == "it binds an existing volume, which is charged by itself"


def test_a_resource_without_the_flag_custom_is_not_a_component() -> None:
    lost = change(VOLUME, {"type": "gp3", "size": 100}, custom=False)
    assert only(BOOK, lost).monthly_usd == money(8)


def test_reserved_capacity_is_charged_without_running_nodes() -> None:
    reserved = change(
        "aws:ec2/capacityReservation:CapacityReservation",
        {"instanceType": "g5.xlarge", "instanceCount": 4, "instancePlatform": "Linux/UNIX"},
        name="reserved",
    )
    template = change(
        "aws:ec2/launchTemplate:LaunchTemplate",
        {
            "instanceType": "g5.xlarge",
            "capacityReservationSpecification": {"capacityReservationTarget": {"capacityReservationId": UNKNOWN}},
        },
        name="template",
        depends={"capacityReservationSpecification": [reserved]},
    )
    sizes = {"minSize": 0, "desiredSize": 0, "maxSize": 4}
    nodes = change(
        NODES, {"scalingConfig": sizes, "launchTemplate": {"id": UNKNOWN}}, depends={"launchTemplate": [template]}
    )
    assert only(BOOK, reserved).monthly_usd == money(4 * 730)
    assert only(BOOK, reserved, template, nodes).monthly_usd == money(0)
    block = only(BOOK, change("aws:ec2/capacityBlockReservation:CapacityBlockReservation", {}))
    assert (block.unpriced, block.large) == (
        "capacity blocks are paid up front, at the price of their offering",
        "instances",
    )


REGIONS = (
    *("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "eu-north-1"),
    *("ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-south-1"),
)
"""Regions that are commonly used for training and serving."""


@pytest.mark.parametrize("region", REGIONS)
def test_common_resources_are_priced_in_the_major_regions(region: str) -> None:
    packaged = book.load()
    sizes = {"minSize": 1, "desiredSize": 1, "maxSize": 1}
    for each in (
        change(VOLUME, {"type": "gp3", "size": 100}),
        change(VOLUME, {"type": "gp2", "size": 100}),
        change("aws:ec2/natGateway:NatGateway", {}),
        change("aws:ec2/eip:Eip", {}),
        change("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}),
        change("aws:eks/cluster:Cluster", {"version": "1.35"}),
        change("aws:kms/key:Key", {}),
        change("aws:secretsmanager/secret:Secret", {}),
        change("aws:lb/loadBalancer:LoadBalancer", {"loadBalancerType": "application", "internal": True}),
        change("aws:lb/loadBalancer:LoadBalancer", {"loadBalancerType": "network", "internal": True}),
        change(NODES, {"instanceTypes": ["m5.large"], "scalingConfig": sizes, "diskSize": 100}),
        change(
            DATABASE,
            {
                "engine": "postgres",
                "instanceClass": "db.m5.large",
                "allocatedStorage": 100,
                "storageType": "gp3",
                "multiAz": True,
            },
        ),
    ):
        found = only(packaged, each, region=region)
        assert not found.unpriced, each.type
        assert not found.large, each.type
        assert all(use.source and use.date for use in found.prices)
    for type, usage in (
        (FILES, "efsStorageGb"),
        ("aws:s3/bucket:Bucket", "s3StorageGb"),
        ("aws:ecr/repository:Repository", "ecrStorageGb"),
        ("aws:cloudwatch/logGroup:LogGroup", "logsStorageGb"),
    ):
        found = only(packaged, change(type, {}), region=region, usage={"default": {usage: 100}})
        assert found.monthly_usd and found.monthly_usd.expected > 0, type


def test_a_deleted_resource_is_never_expensive() -> None:
    gone = only(BOOK, change(VOLUME, None, old={"type": "io9", "size": 1}, op=Op.DELETE))
    assert gone.large == ""


@pytest.mark.parametrize("linked", [True, False])
def test_an_instance_of_an_io_optimized_cluster_has_no_price(linked: bool) -> None:
    cluster = change(
        "aws:rds/cluster:Cluster", {"clusterIdentifier": "orders", "storageType": "aurora-iopt1"}, name="cluster"
    )
    other = change("aws:rds/cluster:Cluster", {"clusterIdentifier": "users"}, name="other")
    for name, unpriced in (("orders", "the price book does not cover Aurora I/O-Optimized"), ("users", "")):
        inputs = {"engine": "aurora-postgresql", "instanceClass": "db.r6g.large", "clusterIdentifier": name}
        depends = {"clusterIdentifier": [cluster if name == "orders" else other]} if linked else {}
        member = change("aws:rds/clusterInstance:ClusterInstance", inputs, depends=depends)
        assert only(BOOK, cluster, other, member).unpriced == unpriced


def test_the_cluster_before_the_update_decides_the_price_before() -> None:
    old, new = ({"clusterIdentifier": "orders", "storageType": each} for each in ("aurora", "aurora-iopt1"))
    cluster = change("aws:rds/cluster:Cluster", new, name="cluster", old=old, op=Op.UPDATE)
    inputs = {"engine": "aurora-postgresql", "instanceClass": "db.r6g.large", "clusterIdentifier": "orders"}
    found = only(BOOK, cluster, change("aws:rds/clusterInstance:ClusterInstance", inputs, old=inputs, op=Op.SAME))
    assert found.before_monthly_usd == money(730 * 0.26)
    assert found.unpriced == "the price book does not cover Aurora I/O-Optimized"


def test_an_instance_whose_cluster_is_unknown_may_be_in_an_io_optimized_one() -> None:
    cluster = change("aws:rds/cluster:Cluster", {"storageType": "aurora-iopt1"}, name="cluster")
    inputs = {"engine": "aurora-postgresql", "instanceClass": "db.r6g.large", "clusterIdentifier": UNKNOWN}
    found = only(BOOK, cluster, change("aws:rds/clusterInstance:ClusterInstance", inputs))
    assert found.unpriced == "the price book does not cover Aurora I/O-Optimized"
