"""Costs of configurations, with the calculation written out from rows of a price book."""

import pytest

from costing import Prices, change, cost, money
from mlpctl.review.cost import items
from mlpctl.review.values.plain import UNKNOWN
from unit.review.cost.configurations import INSTANCES, STORAGE, SUBNETS, Case

BOOK = Prices(
    {
        "ec2/m7i.2xlarge": 0.4032,
        "ec2/m7i.large": 0.1008,
        "ec2/t3.medium": 0.0416,
        "ec2/g5.2xlarge": 1.212,
        "ec2/g6.2xlarge": 0.9776,
        "ec2/g6.4xlarge": 1.3232,
        "ec2/g6e.12xlarge": 10.49264,
        "ec2/p5.48xlarge": 55.04,
        "ec2/trn1.32xlarge": 21.5,
        "sagemaker-hosting/ml.g5.2xlarge": 1.515,
        "sagemaker-hosting/ml.m5.xlarge": 0.23,
        "ebs/gp3-storage": 0.08,
        "ebs/gp3-iops": 0.005,
        "ebs/gp3-throughput": 0.04,
        "ebs/gp2-storage": 0.1,
        "ebs/io2-storage": 0.125,
        "ebs/io2-iops": {0: 0.065, 32000: 0.0455, 64000: 0.03185},
        "ebs/snapshot": 0.05,
        "s3/standard-storage": {0: 0.023, 51200: 0.022, 512000: 0.021},
        "s3/put-requests": 0.000005,
        "s3/get-requests": 0.0000004,
        "efs/standard-storage": 0.3,
        "efs/ia-storage": 0.025,
        "efs/ia-storage-elastic": 0.016,
        "efs/archive-storage": 0.008,
        "backup/efs-warm": 0.05,
        "efs/elastic-read": 0.03,
        "efs/elastic-write": 0.06,
        "efs/provisioned-throughput": 6,
        "fsx-lustre/persistent-125": 0.145,
        "fsx-lustre/scratch": 0.14,
        "rds/postgres.multi.db.m6g.large": 0.318,
        "rds/mysql.single.db.t3.medium": 0.068,
        "rds/aurora-postgresql.single.db.r6g.large": 0.26,
        "rds/gp3-storage.multi": 0.23,
        "rds/gp2-storage.single": 0.115,
        "eks/cluster": 0.1,
        "eks/extended-support": 0.5,
        "nat/gateway": 0.045,
        "nat/data": 0.045,
        "transfer/out": {0: 0.09, 10240: 0.085, 51200: 0.07, 153600: 0.05},
        "elb/alb": 0.0225,
        "elb/alb-lcu": 0.008,
        "elb/nlb": 0.0225,
        "elb/nlb-lcu": 0.006,
        "vpc-endpoint/interface": 0.01,
        "vpc-endpoint/data": {0: 0.01, 1048576: 0.006},
        "public-ipv4/in-use": 0.005,
        "kms/key": 1,
        "kms/requests": 0.000003,
        "ecr/storage": 0.1,
        "cloudwatch/logs-ingest": 0.5,
        "cloudwatch/logs-vended": 0.25,
        "cloudwatch/logs-storage": 0.03,
        "cloudwatch/alarm": 0.1,
        "cloudwatch/alarm-high-resolution": 0.3,
        "cloudwatch/dashboard": 3,
        "cloudwatch/metric": 0.3,
        "secrets-manager/secret": 0.4,
        "secrets-manager/requests": 0.000005,
        "dynamodb/on-demand-read": 0.000000125,
        "dynamodb/on-demand-write": 0.000000625,
        "dynamodb/provisioned-rcu": 0.00013,
        "dynamodb/provisioned-wcu": 0.00065,
        "dynamodb/storage": 0.25,
        "dynamodb/pitr": 0.2,
        "route53/hosted-zone": 0.5,
    },
    spots={"g6.2xlarge": (0.3753, 0.4538), "g6.4xlarge": (0.5522, 0.7217), "g5.2xlarge": (0.4417, 0.5054)},
)
"""Rows of the packaged book on one day."""

CASES = (
    *INSTANCES,
    *STORAGE,
    Case(
        "a PostgreSQL database with a standby",
        [
            change(
                "aws:rds/instance:Instance",
                {
                    "engine": "postgres",
                    "instanceClass": "db.m6g.large",
                    "multiAz": True,
                    "storageType": "gp3",
                    "allocatedStorage": 100,
                },
            )
        ],
        money(730 * 0.318 + 100 * 0.23),
    ),
    Case(
        "a small MySQL database with the default storage type",
        [
            change(
                "aws:rds/instance:Instance",
                {"engine": "mysql", "instanceClass": "db.t3.medium", "allocatedStorage": 20},
            )
        ],
        money(730 * 0.068 + 20 * 0.115),
    ),
    Case(
        "two Aurora instances",
        [
            change(
                "aws:rds/clusterInstance:ClusterInstance",
                {"engine": "aurora-postgresql", "instanceClass": "db.r6g.large"},
                name=name,
            )
            for name in ("one", "two")
        ],
        money(2 * 730 * 0.26),
    ),
    Case(
        "a table with provisioned capacity and an index",
        [
            change(
                "aws:dynamodb/table:Table",
                {
                    "billingMode": "PROVISIONED",
                    "readCapacity": 20,
                    "writeCapacity": 10,
                    "globalSecondaryIndexes": [{"readCapacity": 5, "writeCapacity": 5}],
                },
            )
        ],
        money(730 * (20 + 5) * 0.00013 + 730 * (10 + 5) * 0.00065 + 40 * 0.25),
        {"dynamodbStorageGb": 40},
    ),
    Case(
        "an on-demand table with point-in-time recovery",
        [
            change(
                "aws:dynamodb/table:Table",
                {"billingMode": "PAY_PER_REQUEST", "pointInTimeRecovery": {"enabled": True}},
            )
        ],
        money(50_000_000 * 0.000000125 + 8_000_000 * 0.000000625 + 40 * 0.25 + 40 * 0.2),
        {"dynamodbReads": 50_000_000, "dynamodbWrites": 8_000_000, "dynamodbStorageGb": 40},
    ),
    Case(
        "a cluster in standard support",
        [change("aws:eks/cluster:Cluster", {"version": "1.35"})],
        money(730 * 0.1),
    ),
    Case(
        "a cluster in extended support",
        [change("aws:eks/cluster:Cluster", {"version": "1.32"})],
        money(730 * 0.1 + 730 * 0.5),
    ),
    Case(
        "three NAT gateways, their addresses and the traffic through them",
        [
            *(change("aws:ec2/eip:Eip", {"domain": "vpc"}, name=f"address-{zone}") for zone in "abc"),
            *(change("aws:ec2/natGateway:NatGateway", {"allocationId": UNKNOWN}, name=f"nat-{zone}") for zone in "abc"),
        ],
        money(3 * (730 * 0.005 + 730 * 0.045 + 500 * 0.045 + 10240 * 0.09 + (12000 - 10240) * 0.085)),
        {"natDataGb": 500, "dataOutGb": 12000},
    ),
    Case(
        "an interface endpoint in three zones with subnets that do not exist yet, and a gateway endpoint",
        [
            *SUBNETS,
            change("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Gateway"}, name="s3"),
            change(
                "aws:ec2/vpcEndpoint:VpcEndpoint",
                {"vpcEndpointType": "Interface", "subnetIds": UNKNOWN},
                depends={"subnetIds": SUBNETS},
            ),
        ],
        money(3 * 730 * 0.01 + 250 * 0.01),
        {"endpointDataGb": 250},
    ),
    Case(
        "an internet-facing Application Load Balancer in two zones",
        [change("aws:lb/loadBalancer:LoadBalancer", {"subnets": [UNKNOWN, UNKNOWN]})],
        money(730 * 0.0225 + 3 * 730 * 0.008 + 100 * 0.09 + 2 * 730 * 0.005),
        {"loadBalancerLcu": 3, "dataOutGb": 100},
    ),
    Case(
        "a Kubernetes Service with a Network Load Balancer",
        [
            change(
                "kubernetes:core/v1:Service",
                {
                    "metadata": {"annotations": {"service.beta.kubernetes.io/aws-load-balancer-type": "external"}},
                    "spec": {"type": "LoadBalancer"},
                },
            )
        ],
        money(730 * 0.0225 + 2 * 730 * 0.006 + 10 * 0.09),
        {"loadBalancerLcu": 2, "dataOutGb": 10},
    ),
    Case(
        "five keys that rotate: each of the first two rotations adds a key's price",
        [change("aws:kms/key:Key", {"enableKeyRotation": True}, name=name) for name in "abcde"],
        money(5 * (1 + 100_000 * 0.000003), 5 * (1 + 100_000 * 0.000003), 5 * (3 + 100_000 * 0.000003)),
        {"kmsRequests": 100_000},
    ),
    Case(
        "two secrets, one of which is replicated to two regions",
        [
            change("aws:secretsmanager/secret:Secret", {}, name="one"),
            change(
                "aws:secretsmanager/secret:Secret",
                {"replicas": [{"region": "us-west-2"}, {"region": "eu-west-1"}]},
                name="two",
            ),
        ],
        money(0.4 + 3 * 0.4 + 2 * 10_000 * 0.000005),
        {"secretRequests": 10_000},
    ),
    Case(
        "application logs, and flow logs, whose ingestion has its own price",
        [
            change("aws:cloudwatch/logGroup:LogGroup", {}, name="programs"),
            traffic := change("aws:cloudwatch/logGroup:LogGroup", {}, name="traffic"),
            change(
                "aws:ec2/flowLog:FlowLog",
                {"logDestinationType": "cloud-watch-logs"},
                depends={"logDestination": [traffic]},
            ),
        ],
        money(40 * 0.5 + 40 * 0.25 + 2 * 200 * 0.03),
        {"logsIngestGb": 40, "logsStorageGb": 200},
    ),
    Case(
        "alarms (standard, every ten seconds, with two metrics), a dashboard, and a metric of a log filter",
        [
            change("aws:cloudwatch/metricAlarm:MetricAlarm", {"period": 300}, name="a"),
            change("aws:cloudwatch/metricAlarm:MetricAlarm", {"period": 10}, name="b"),
            change(
                "aws:cloudwatch/metricAlarm:MetricAlarm",
                {
                    "metricQueries": [
                        {"id": "a", "metric": {"period": 60}},
                        {"id": "b", "metric": {"period": 60}},
                        {"id": "c", "expression": "a/b"},
                    ]
                },
                name="c",
            ),
            change("aws:cloudwatch/dashboard:Dashboard", {}),
            change("aws:cloudwatch/logMetricFilter:LogMetricFilter", {}),
        ],
        money(0.1 + 0.3 + 2 * 0.1, 0.1 + 0.3 + 2 * 0.1 + 3 + 0.3, 0.1 + 0.3 + 2 * 0.1 + 3 + 0.3),
    ),
    Case(
        "two repositories, a hosted zone and a snapshot",
        [
            change("aws:ecr/repository:Repository", {}, name="serving"),
            change("aws:ecr/repository:Repository", {}, name="training"),
            change("aws:route53/zone:Zone", {}),
            change("aws:ebs/snapshot:Snapshot", {}),
        ],
        money(2 * 80 * 0.1 + 0.5 + 300 * 0.05),
        {"ecrStorageGb": 80, "snapshotGb": 300},
    ),
    Case(
        "a StatefulSet of three pods with a disk each, and a separate claim",
        [
            change(
                "kubernetes:storage.k8s.io/v1:StorageClass",
                {"metadata": {"name": "fast"}, "parameters": {"type": "gp3"}},
            ),
            change(
                "kubernetes:apps/v1:StatefulSet",
                {
                    "spec": {
                        "replicas": 3,
                        "volumeClaimTemplates": [
                            {"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "100Gi"}}}}
                        ],
                    }
                },
            ),
            change(
                "kubernetes:core/v1:PersistentVolumeClaim",
                {"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "2Ti"}}}},
            ),
        ],
        money(3 * 100 * 0.08 + 2048 * 0.08),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_configuration_has_the_calculated_cost(case: Case) -> None:
    found = cost(BOOK, *case.changes, usage={"default": case.usage}, today=case.today)
    assert [each.unpriced for each in found.resources if each.unpriced] == []
    assert found.totals.monthly_usd == case.costs


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_reported_rows_add_up_to_the_figure(case: Case) -> None:
    found = cost(BOOK, *case.changes, usage={"default": case.usage}, today=case.today)
    uses = [use for each in found.resources for use in each.prices]
    rounding = 0.005 * len(found.resources) + 1e-6
    assert sum(use.usd * use.quantity for use in uses) == pytest.approx(found.totals.monthly_usd.expected, abs=rounding)
    assert {each.name.split(".")[1] for resource in found.resources for each in resource.assumptions} == {*case.usage}


def test_there_are_at_least_thirty_cases() -> None:
    assert len(CASES) >= 30


def test_every_row_is_in_the_catalog() -> None:
    unknown = [row for row in BOOK.rows if not items.catalogue().find(*row.split("/", 1))]
    assert unknown == []
