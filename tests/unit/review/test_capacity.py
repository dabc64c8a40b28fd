"""Services that hold data or serve traffic: less capacity, fewer copies, shorter retention, removed protection."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

CACHE, REPLICAS = "aws:elasticache/cluster:Cluster", "aws:elasticache/replicationGroup:ReplicationGroup"
STREAM, KAFKA, SEARCH = "aws:kinesis/stream:Stream", "aws:msk/cluster:Cluster", "aws:opensearch/domain:Domain"
REDSHIFT, TABLE, DOCUMENTS = "aws:redshift/cluster:Cluster", "aws:dynamodb/table:Table", "aws:docdb/cluster:Cluster"
MEMORY, GROUP = "aws:memorydb/cluster:Cluster", "aws:autoscaling/group:Group"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
BUCKET, VAULT = "aws:s3/bucket:Bucket", "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
TARGET, MANAGED = "aws:appautoscaling/target:Target", "gcp:compute/instanceGroupManager:InstanceGroupManager"
SCALER, REDIS, SQL = "gcp:compute/autoscaler:Autoscaler", "gcp:redis/instance:Instance", "gcp:sql/databaseInstance"
POSTGRES, SETS = "azure-native:dbforpostgresql:Server", "azure-native:compute:VirtualMachineScaleSet"

SERVES, DATA, KEPT = Harm.SERVING, Harm.DATA, Harm.PROTECTION
CAPACITY, WHO = Harm.CAPACITY, Harm.IDENTITY

LESS: list[tuple[str, str, Any, Any, Harm]] = [
    (CACHE, "numCacheNodes", 3, 1, SERVES),
    (CACHE, "nodeType", "cache.r6g.large", "cache.t3.micro", SERVES),
    (CACHE, "snapshotRetentionLimit", 7, 1, DATA),
    (CACHE, "snapshotRetentionLimit", 7, 0, DATA),
    (CACHE, "snapshotRetentionLimit", 7, None, DATA),
    (CACHE, "finalSnapshotIdentifier", "last", None, KEPT),
    (REPLICAS, "numNodeGroups", 3, 1, SERVES),
    (REPLICAS, "replicasPerNodeGroup", 2, 0, SERVES),
    (REPLICAS, "numCacheClusters", 3, 2, SERVES),
    (REPLICAS, "automaticFailoverEnabled", True, None, SERVES),
    (REPLICAS, "multiAzEnabled", True, False, SERVES),
    (REPLICAS, "authToken", "x", None, WHO),
    ("aws:elasticache/serverlessCache:ServerlessCache", "cacheUsageLimits.dataStorage.maximum", 100, 10, DATA),
    (MEMORY, "numShards", 3, 1, SERVES),
    (MEMORY, "numReplicasPerShard", 1, 0, SERVES),
    (STREAM, "shardCount", 4, 1, SERVES),
    (STREAM, "retentionPeriod", 168, 24, DATA),
    (STREAM, "retentionPeriod", 168, None, DATA),
    (KAFKA, "numberOfBrokerNodes", 6, 3, SERVES),
    (KAFKA, "brokerNodeGroupInfo.instanceType", "kafka.m5.large", "kafka.t3.small", SERVES),
    (KAFKA, "clientAuthentication.unauthenticated", False, True, WHO),
    (SEARCH, "clusterConfig.instanceCount", 3, 1, SERVES),
    (SEARCH, "clusterConfig.instanceType", "r6g.large.search", "t3.small.search", SERVES),
    (SEARCH, "clusterConfig.zoneAwarenessEnabled", True, False, SERVES),
    (SEARCH, "clusterConfig.dedicatedMasterEnabled", True, False, SERVES),
    (SEARCH, "clusterConfig.warmEnabled", True, False, DATA),
    (SEARCH, "ebsOptions.volumeSize", 100, 10, DATA),
    (SEARCH, "domainEndpointOptions.enforceHttps", True, False, WHO),
    (REDSHIFT, "numberOfNodes", 4, 2, SERVES),
    (REDSHIFT, "multiAz", True, False, SERVES),
    (REDSHIFT, "automatedSnapshotRetentionPeriod", 7, 0, DATA),
    ("aws:redshiftserverless/workgroup:Workgroup", "baseCapacity", 128, 8, SERVES),
    (TABLE, "readCapacity", 100, 5, SERVES),
    (TABLE, "billingMode", "PAY_PER_REQUEST", "PROVISIONED", SERVES),
    (TABLE, "pointInTimeRecovery.recoveryPeriodInDays", 35, 1, DATA),
    (DOCUMENTS, "serverlessV2ScalingConfiguration.maxCapacity", 8, 1, SERVES),
    ("aws:docdb/elasticCluster:ElasticCluster", "shardCount", 4, 1, SERVES),
    ("aws:rds/cluster:Cluster", "serverlessv2ScalingConfiguration.minCapacity", 2, 0.5, SERVES),
    (LOCK, "rule.defaultRetention.days", 30, 1, KEPT),
    (LOCK, "rule.defaultRetention.mode", "COMPLIANCE", "GOVERNANCE", KEPT),
    (BUCKET, "objectLockConfiguration.rule.defaultRetention.days", 30, 1, KEPT),
    (BUCKET, "versioning.mfaDelete", True, False, KEPT),
    (VAULT, "minRetentionDays", 30, 7, KEPT),
    (VAULT, "minRetentionDays", 30, None, KEPT),
    (VAULT, "maxRetentionDays", 100, 10, KEPT),
    (VAULT, "changeableForDays", 3, None, KEPT),
    (GROUP, "minSize", 2, 0, CAPACITY),
    ("aws:autoscaling/schedule:Schedule", "minSize", 2, 0, CAPACITY),
    ("aws:eks/nodeGroup:NodeGroup", "scalingConfig.minSize", 2, 0, CAPACITY),
    (TARGET, "minCapacity", 2, 0, SERVES),
    ("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "spec.minReplicas", 2, 0, SERVES),
    ("azure-native:authorization:ManagementLockByScope", "level", "CanNotDelete", "NotSpecified", KEPT),
    (TARGET, "maxCapacity", 20, 2, SERVES),
    (
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        "provisionedConcurrentExecutions",
        10,
        1,
        SERVES,
    ),
    ("aws:mq/broker:Broker", "deploymentMode", "ACTIVE_STANDBY_MULTI_AZ", "SINGLE_INSTANCE", SERVES),
    (MANAGED, "targetSize", 3, 0, CAPACITY),
    (MANAGED, "targetSize", 3, 1, CAPACITY),
    ("gcp:compute/regionInstanceGroupManager:RegionInstanceGroupManager", "targetSize", 3, 1, CAPACITY),
    (SCALER, "autoscalingPolicy.minReplicas", 3, 0, CAPACITY),
    ("gcp:compute/regionAutoscaler:RegionAutoscaler", "autoscalingPolicy.maxReplicas", 3, 1, CAPACITY),
    (REDIS, "tier", "STANDARD_HA", "BASIC", SERVES),
    (REDIS, "memorySizeGb", 8, 1, DATA),
    (f"{SQL}:DatabaseInstance", "settings.availabilityType", "REGIONAL", "ZONAL", SERVES),
    (f"{SQL}:DatabaseInstance", "settings.backupConfiguration.pointInTimeRecoveryEnabled", True, False, KEPT),
    ("gcp:spanner/instance:Instance", "numNodes", 3, 1, SERVES),
    ("gcp:storage/bucket:Bucket", "retentionPolicy.retentionPeriod", 86400, 60, KEPT),
    ("gcp:container/nodePool:NodePool", "autoscaling.minNodeCount", 1, 0, CAPACITY),
    (POSTGRES, "highAvailability.mode", "ZoneRedundant", "Disabled", SERVES),
    (POSTGRES, "backup.backupRetentionDays", 30, 7, DATA),
    (SETS, "sku.capacity", 3, 0, CAPACITY),
    ("azure-native:cache:Redis", "sku.capacity", 3, 1, DATA),
    ("azure-native:insights:AutoscaleSetting", "profiles[].capacity.minimum", "2", "0", CAPACITY),
    ("aws-native:elasticache:ReplicationGroup", "replicasPerNodeGroup", 2, 1, SERVES),
    ("aws-native:kinesis:Stream", "shardCount", 4, 1, SERVES),
    ("aws-native:opensearchservice:Domain", "clusterConfig.instanceCount", 3, 1, SERVES),
    ("aws-native:redshift:Cluster", "numberOfNodes", 4, 2, SERVES),
    ("aws-native:dynamodb:Table", "provisionedThroughput.readCapacityUnits", 100, 5, SERVES),
    ("aws-native:backup:BackupVault", "lockConfiguration.minRetentionDays", 30, 7, KEPT),
    ("aws-native:autoscaling:AutoScalingGroup", "minSize", 2, 0, CAPACITY),
    ("digitalocean:index/databaseCluster:DatabaseCluster", "nodeCount", 3, 1, SERVES),
]

GRAVE = [
    (CACHE, "snapshotRetentionLimit", 7, 0),
    (REPLICAS, "replicasPerNodeGroup", 2, 0),
    (STREAM, "shardCount", 4, 1),
    (TARGET, "minCapacity", 2, 0),
    (MANAGED, "targetSize", 3, 0),
]


def nested(path: str, value: Any, **more: Any) -> dict[str, Any]:
    """Inputs with a value at a path; without a value, with its parents."""
    *above, last = path.split(".")
    made: Any = {} if value is None else {last: value}
    for name in reversed(above):
        made = {name.removesuffix("[]"): [{"name": "n", **made}] if name.endswith("[]") else made}
    return {**made, **more}


def harms(type: str, path: str, old: Any, new: Any, **more: Any) -> set[Harm]:
    change = update(type, nested(path, old, **more), nested(path, new, **more))
    return {each.harm for each in dangers(plan(change))}


@pytest.mark.parametrize(("type", "path", "old", "new", "harm"), LESS)
def test_a_decrease_is_a_danger_and_an_increase_is_not(type: str, path: str, old: Any, new: Any, harm: Harm) -> None:
    assert harm in harms(type, path, old, new)
    if isinstance(old, int) and not isinstance(old, bool) and new is not None:
        assert harms(type, path, new, old) == set()
    assert harms(type, path, old, old) == set()


@pytest.mark.parametrize(("type", "path", "old", "new"), GRAVE)
def test_scaling_to_zero_is_more_severe_than_scaling_down(type: str, path: str, old: Any, new: Any) -> None:
    less = update("aws:opensearch/domain:Domain", {"clusterConfig": {"instanceCount": 3}}, {"clusterConfig": {}})
    less = update(less.type, {"clusterConfig": {"instanceCount": 3}}, {"clusterConfig": {"instanceCount": 2}}, name="a")
    nothing = update(type, nested(path, old), nested(path, new), name="z")
    first, *_ = dangers(plan(less, nothing))
    assert first.urn == nothing.urn


def test_removing_a_memcached_node_loses_its_keys() -> None:
    assert harms(CACHE, "numCacheNodes", 3, 1, engine="memcached") == {DATA, SERVES}
    assert harms(CACHE, "numCacheNodes", 3, 1, engine="redis") == {SERVES}


PROTECTED = [
    ("aws:dsql/cluster:Cluster", "deletionProtectionEnabled", True, False),
    ("aws:qldb/ledger:Ledger", "deletionProtection", True, None),
    ("aws:networkfirewall/firewall:Firewall", "deleteProtection", True, False),
    ("aws:emr/cluster:Cluster", "terminationProtection", True, False),
    ("aws:cognito/userPool:UserPool", "deletionProtection", "ACTIVE", "INACTIVE"),
    ("aws-native:redshift:Cluster", "deletionProtection", True, False),
    ("gcp:alloydb/cluster:Cluster", "deletionProtection", True, False),
    ("gcp:spanner/database:Database", "enableDropProtection", True, False),
    ("gcp:firestore/database:Database", "deleteProtectionState", "DELETE_PROTECTION_ENABLED", None),
    ("gcp:bigtable/table:Table", "deletionProtection", "PROTECTED", "UNPROTECTED"),
    ("acme:store/thing:Thing", "deletionProtection", True, False),
]


@pytest.mark.parametrize(("type", "path", "old", "new"), PROTECTED)
def test_removed_deletion_protection_is_reported_for_every_type(type: str, path: str, old: Any, new: Any) -> None:
    (danger,) = dangers(plan(update(type, nested(path, old), nested(path, new))))
    assert danger.harm is KEPT and danger.text.count("a later change may delete it") == 1
    assert harms(type, path, new, old) == set()
    assert dangers(plan(change(type, Op.CREATE, inputs=nested(path, new)))) == ()
