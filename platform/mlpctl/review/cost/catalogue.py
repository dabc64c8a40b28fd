"""Which types of resources are priced and how, which are free and why, and which cannot be priced."""

import functools
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any, Final, TypeAlias

import yaml

from mlpctl.review.cost import compute, database, kubernetes, network, operations, storage
from mlpctl.review.cost.parts import Free, NoPrice, Parts, Subject

Pricing: TypeAlias = Callable[[Subject], Parts]
"""From a resource to the parts of its price.

Raises `NoPrice` where a part without which the figure would mean nothing has no price.
"""

PRICED: Final[Mapping[str, Pricing]] = {
    "aws:acm/certificate:Certificate": operations.certificate,
    "aws:alb/loadBalancer:LoadBalancer": network.load_balancer,
    "aws:autoscaling/group:Group": compute.scaling_group,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": operations.composite_alarm,
    "aws:cloudwatch/dashboard:Dashboard": operations.dashboard,
    "aws:cloudwatch/logGroup:LogGroup": operations.log_group,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": operations.metric_filter,
    "aws:cloudwatch/metricAlarm:MetricAlarm": operations.alarm,
    "aws:dynamodb/table:Table": database.table,
    "aws:ebs/snapshot:Snapshot": storage.snapshot,
    "aws:ebs/volume:Volume": storage.volume,
    "aws:ec2/capacityReservation:CapacityReservation": compute.capacity_reservation,
    "aws:ec2/eip:Eip": network.address,
    "aws:ec2/flowLog:FlowLog": operations.flow_log,
    "aws:ec2/instance:Instance": compute.instance,
    "aws:ec2/natGateway:NatGateway": network.nat_gateway,
    "aws:ec2/vpcEndpoint:VpcEndpoint": network.endpoint,
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": storage.registry_scanning,
    "aws:ecr/repository:Repository": storage.repository,
    "aws:efs/fileSystem:FileSystem": storage.file_system,
    "aws:eks/addon:Addon": kubernetes.addon,
    "aws:eks/cluster:Cluster": kubernetes.cluster,
    "aws:eks/nodeGroup:NodeGroup": compute.node_group,
    "aws:fsx/lustreFileSystem:LustreFileSystem": storage.lustre,
    "aws:kms/key:Key": operations.key,
    "aws:kms/replicaKey:ReplicaKey": operations.key,
    "aws:lb/loadBalancer:LoadBalancer": network.load_balancer,
    "aws:rds/cluster:Cluster": database.cluster,
    "aws:rds/clusterInstance:ClusterInstance": database.cluster_instance,
    "aws:rds/instance:Instance": database.instance,
    "aws:route53/zone:Zone": network.hosted_zone,
    "aws:s3/bucket:Bucket": storage.bucket,
    "aws:s3/bucketV2:BucketV2": storage.bucket,
    "aws:sagemaker/endpoint:Endpoint": compute.sagemaker_endpoint,
    "aws:secretsmanager/secret:Secret": operations.secret,
    "aws:sqs/queue:Queue": operations.queue,
    "kubernetes:apps/v1:StatefulSet": kubernetes.stateful_set,
    "kubernetes:core/v1:PersistentVolumeClaim": kubernetes.claim,
    "kubernetes:core/v1:Service": kubernetes.service,
    "kubernetes:networking.k8s.io/v1:Ingress": kubernetes.ingress,
}
"""How a type is priced, by its token."""

NOT_KNOWN: Final = "mlpctl has no way to price this type"


@functools.lru_cache(maxsize=4096)
def because(type: str, table: str) -> str:
    """Why a type is `free` or `unpriced`, or what of it is `large`; empty where that table does not have it."""
    for entry in _tables()[table]:
        if any(fnmatchcase(type, pattern) for pattern in entry["types"]):
            return str(entry["because"])
    return ""


def parts(of: Subject) -> Parts:
    """What a resource is charged for.

    Raises:
        NoPrice: it has no price.
    """
    kind = of.change.type
    # A state may lack the mark of what a provider makes; a type that is priced is no component.
    if not of.change.custom and kind not in PRICED:
        yield Free("a component costs what its parts cost")
    elif kind in PRICED:
        yield from PRICED[kind](of)
    elif reason := because(kind, "free"):
        yield Free(reason)
    else:
        raise NoPrice(because(kind, "unpriced") or NOT_KNOWN)


@functools.cache
def _tables() -> Mapping[str, Any]:
    tables: Mapping[str, Any] = yaml.safe_load((files("mlpctl.review.cost") / "types.yaml").read_text(encoding="utf-8"))
    return tables
