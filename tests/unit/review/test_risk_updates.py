"""Harms of an update, by the property that changes."""

import json
from typing import Any

import pytest

from changes import plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.report.model import Certainty, Harm
from mlpctl.review.types.kinds import kind
from mlpctl.review.values.plain import UNKNOWN, Secret
from unit.review.risks import (
    BUCKET,
    BUDGET,
    CLUSTER,
    CPU,
    DATABASE,
    DEPLOYMENT,
    GPU,
    GROUP,
    KEY,
    LIFE,
    LIFECYCLE,
    NODES,
    POLICY,
    POOL,
    RESERVATION,
    ROLE,
    SERVICE,
    document,
    only,
)

VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"


def image_rule(number: int) -> dict[str, Any]:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": number}
    return {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}


SOONER = {"rules": [{"id": "a", "expiration": {"days": 30}}]}
RECREATE = {"spec": {"strategy": {"type": "Recreate"}, "template": {"image": "a"}}}

UPDATES: dict[str, tuple[str, Any, Any, Harm | None]] = {
    "a bucket that may be deleted with its objects": (BUCKET, {}, {"forceDestroy": True}, Harm.PROTECTION),
    "a bucket that may no longer": (BUCKET, {"forceDestroy": True}, {"forceDestroy": False}, None),
    "a bucket's tags": (BUCKET, {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, None),
    "versioning off": (
        VERSIONING,
        {"versioningConfiguration": {"status": "Enabled"}},
        {"versioningConfiguration": {"status": "Suspended"}},
        Harm.PROTECTION,
    ),
    "versioning on": (
        VERSIONING,
        {"versioningConfiguration": {"status": "Suspended"}},
        {"versioningConfiguration": {"status": "Enabled"}},
        None,
    ),
    "objects that expire sooner": (LIFECYCLE, LIFE, SOONER, Harm.DATA),
    "objects that expire later": (LIFECYCLE, SOONER, LIFE, None),
    "objects that begin to expire": (LIFECYCLE, {"rules": [{"id": "a"}]}, LIFE, Harm.DATA),
    "objects that no longer expire": (LIFECYCLE, LIFE, {"rules": [{"id": "a"}]}, None),
    "a database's deletion protection off": (
        DATABASE,
        {"deletionProtection": True},
        {"deletionProtection": False},
        Harm.PROTECTION,
    ),
    "a database's deletion protection on": (
        DATABASE,
        {"deletionProtection": False},
        {"deletionProtection": True},
        None,
    ),
    "no last snapshot": (DATABASE, {"skipFinalSnapshot": False}, {"skipFinalSnapshot": True}, Harm.PROTECTION),
    "no backups": (DATABASE, {"backupRetentionPeriod": 7}, {"backupRetentionPeriod": 0}, Harm.DATA),
    "more backups": (DATABASE, {"backupRetentionPeriod": 7}, {"backupRetentionPeriod": 14}, None),
    "another server of a database": (
        DATABASE,
        {"instanceClass": "db.m5.large"},
        {"instanceClass": "db.m6g.large"},
        Harm.SERVING,
    ),
    "another password": (DATABASE, {"password": Secret("a", b"1")}, {"password": Secret("a", b"2")}, Harm.IDENTITY),
    "no recovery of a table": (
        "aws:dynamodb/table:Table",
        {"pointInTimeRecovery": {"enabled": True}},
        {"pointInTimeRecovery": {"enabled": False}},
        Harm.DATA,
    ),
    "a key that is off": (KEY, {"isEnabled": True}, {"isEnabled": False}, Harm.DATA),
    "a key that is sooner gone": (KEY, {"deletionWindowInDays": 30}, {"deletionWindowInDays": 7}, Harm.PROTECTION),
    "a key's other description": (KEY, {"description": "a"}, {"description": "b"}, None),
    "images that may be overwritten": (
        "aws:ecr/repository:Repository",
        {"imageTagMutability": "IMMUTABLE"},
        {"imageTagMutability": "MUTABLE"},
        Harm.PROTECTION,
    ),
    "other images expire": (
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        {"policy": json.dumps({"rules": [image_rule(100)]})},
        {"policy": json.dumps({"rules": [image_rule(10)]})},
        Harm.DATA,
    ),
    "logs retained for a shorter time": (
        "aws:cloudwatch/logGroup:LogGroup",
        {"retentionInDays": 365},
        {"retentionInDays": 30},
        Harm.DATA,
    ),
    "logs no longer retained forever": (
        "aws:cloudwatch/logGroup:LogGroup",
        {"retentionInDays": 0},
        {"retentionInDays": 30},
        Harm.DATA,
    ),
    "logs retained forever": (
        "aws:cloudwatch/logGroup:LogGroup",
        {"retentionInDays": 30},
        {"retentionInDays": 0},
        None,
    ),
    "nodes given up": (
        NODES,
        GPU,
        {**GPU, "scalingConfig": {"desiredSize": 1, "maxSize": 4, "minSize": 0}},
        Harm.CAPACITY,
    ),
    "a lower ceiling": (
        NODES,
        GPU,
        {**GPU, "scalingConfig": {"desiredSize": 2, "maxSize": 2, "minSize": 0}},
        Harm.CAPACITY,
    ),
    "more nodes": (NODES, GPU, {**GPU, "scalingConfig": {"desiredSize": 3, "maxSize": 5, "minSize": 1}}, None),
    "on demand to spot": (NODES, {"capacityType": "ON_DEMAND"}, {"capacityType": "SPOT"}, Harm.CAPACITY),
    "spot to on demand": (NODES, {"capacityType": "SPOT"}, {"capacityType": "ON_DEMAND"}, None),
    "a subnet less": (NODES, {"subnetIds": ["a", "b"]}, {"subnetIds": ["b"]}, Harm.CAPACITY),
    "a subnet more": (NODES, {"subnetIds": ["a"]}, {"subnetIds": ["a", "b"]}, None),
    "subnets in another order": (NODES, {"subnetIds": ["a", "b"]}, {"subnetIds": ["b", "a"]}, None),
    "unknown subnets": (NODES, {"subnetIds": ["a", "b"]}, {"subnetIds": [UNKNOWN, UNKNOWN]}, None),
    "a new release of GPU nodes": (
        NODES,
        {**GPU, "releaseVersion": "1"},
        {**GPU, "releaseVersion": "2"},
        Harm.CAPACITY,
    ),
    "a new release of other nodes": (NODES, {**CPU, "releaseVersion": "1"}, {**CPU, "releaseVersion": "2"}, None),
    "labels of nodes": (NODES, {**GPU, "labels": {"a": "1"}}, {**GPU, "labels": {"a": "2"}}, None),
    "a smaller reservation": (RESERVATION, {"instanceCount": 4}, {"instanceCount": 2}, Harm.CAPACITY),
    "a lower limit of GPUs": (
        POOL,
        {"spec": {"limits": {"nvidia.com/gpu": "8"}}},
        {"spec": {"limits": {"nvidia.com/gpu": "4"}}},
        Harm.CAPACITY,
    ),
    "a first limit of GPUs": (POOL, {"spec": {}}, {"spec": {"limits": {"nvidia.com/gpu": "4"}}}, Harm.CAPACITY),
    "a higher limit of memory": (
        POOL,
        {"spec": {"limits": {"memory": "1000Mi"}}},
        {"spec": {"limits": {"memory": "1Gi"}}},
        None,
    ),
    "no pod": (DEPLOYMENT, {"spec": {"replicas": 2}}, {"spec": {"replicas": 0}}, Harm.SERVING),
    "fewer pods": (DEPLOYMENT, {"spec": {"replicas": 2}}, {"spec": {"replicas": 1}}, None),
    "another image, one pod after the other": (
        DEPLOYMENT,
        {"spec": {"template": {"image": "a"}}},
        {"spec": {"template": {"image": "b"}}},
        None,
    ),
    "another image, all pods at once": (
        DEPLOYMENT,
        RECREATE,
        {"spec": {**RECREATE["spec"], "template": {"image": "b"}}},
        Harm.SERVING,
    ),
    "updates of all pods at once": (
        DEPLOYMENT,
        {"spec": {"strategy": {"type": "RollingUpdate"}}},
        {"spec": {"strategy": {"type": "Recreate"}}},
        Harm.SERVING,
    ),
    "another type of a service": (
        SERVICE,
        {"spec": {"type": "ClusterIP"}},
        {"spec": {"type": "ExternalName"}},
        Harm.SERVING,
    ),
    "a port less": (
        SERVICE,
        {"spec": {"ports": [{"port": 80}, {"port": 443}]}},
        {"spec": {"ports": [{"port": 443}]}},
        Harm.SERVING,
    ),
    "a port more": (
        SERVICE,
        {"spec": {"ports": [{"port": 80}]}},
        {"spec": {"ports": [{"port": 443}, {"port": 80}]}},
        None,
    ),
    "ports in another order": (
        SERVICE,
        {"spec": {"ports": [{"port": 80, "targetPort": 1}, {"port": 443, "targetPort": 2}]}},
        {"spec": {"ports": [{"port": 443, "targetPort": 2}, {"port": 80, "targetPort": 1}]}},
        None,
    ),
    "more pods may be down": (
        BUDGET,
        {"spec": {"maxUnavailable": 1}},
        {"spec": {"maxUnavailable": "50%"}},
        Harm.SERVING,
    ),
    "more pods have to be up": (BUDGET, {"spec": {"minAvailable": 1}}, {"spec": {"minAvailable": 2}}, None),
    "a role that another principal can assume": (
        ROLE,
        {"assumeRolePolicy": document("sts:AssumeRole", Principal={"AWS": "a"})},
        {"assumeRolePolicy": document("sts:AssumeRole", Principal={"AWS": "b"})},
        Harm.IDENTITY,
    ),
    "a trust policy in another order": (
        ROLE,
        {"assumeRolePolicy": document(["a:B", "c:D"])},
        {"assumeRolePolicy": document(["c:D", "a:B"])},
        None,
    ),
    "a role's other session": (ROLE, {"maxSessionDuration": 1}, {"maxSessionDuration": 2}, None),
    "a role without a boundary": (ROLE, {"permissionsBoundary": "a"}, {}, Harm.IDENTITY),
    "a policy with other actions": (
        POLICY,
        {"policy": document()},
        {"policy": document("s3:PutObject")},
        Harm.IDENTITY,
    ),
    "a policy that is written in another way": (
        POLICY,
        {"policy": document()},
        {"policy": document(["s3:GetObject"])},
        None,
    ),
    "a group that is open to all": (
        GROUP,
        {"ingress": [{"cidrBlocks": ["10.0.0.0/8"]}]},
        {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]},
        Harm.IDENTITY,
    ),
    "a group's rules in another order": (
        GROUP,
        {"ingress": [{"fromPort": 1, "cidrBlocks": ["a"]}, {"fromPort": 2, "cidrBlocks": ["b"]}]},
        {"ingress": [{"fromPort": 2, "cidrBlocks": ["b"]}, {"fromPort": 1, "cidrBlocks": ["a"]}]},
        None,
    ),
    "a bucket that may become public": (BLOCK, {"blockPublicAcls": True}, {"blockPublicAcls": False}, Harm.IDENTITY),
    "a bucket that may not": (BLOCK, {"blockPublicAcls": False}, {"blockPublicAcls": True}, None),
    "a cluster open to the internet": (
        CLUSTER,
        {"vpcConfig": {"endpointPublicAccess": False}},
        {"vpcConfig": {"endpointPublicAccess": True}},
        Harm.IDENTITY,
    ),
    "a cluster that closes": (
        CLUSTER,
        {"vpcConfig": {"endpointPublicAccess": True}},
        {"vpcConfig": {"endpointPublicAccess": False}},
        None,
    ),
    "a cluster open to every address": (
        CLUSTER,
        {"vpcConfig": {"publicAccessCidrs": ["10.0.0.0/8"]}},
        {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}},
        Harm.IDENTITY,
    ),
    "a role that allows everything": (
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
        {"rules": [{"verbs": ["get"], "resources": ["pods"]}]},
        {"rules": [{"verbs": ["*"], "resources": ["pods"]}]},
        Harm.IDENTITY,
    ),
    "a service account with another role": (
        "kubernetes:core/v1:ServiceAccount",
        {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "a"}}},
        {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "b"}}},
        Harm.IDENTITY,
    ),
    "a service account with another note": (
        "kubernetes:core/v1:ServiceAccount",
        {"metadata": {"annotations": {"a": "a"}}},
        {"metadata": {"annotations": {"a": "b"}}},
        None,
    ),
}


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_has_exactly_the_expected_harms(name: str) -> None:
    type, old, new, harm = UPDATES[name]
    assert [each.harm for each in dangers(plan(update(type, old, new)))] == ([harm] if harm else [])


@pytest.mark.parametrize("name", [name for name, each in UPDATES.items() if each[3]])
def test_an_update_that_harms_names_the_property(name: str) -> None:
    type, old, new, _ = UPDATES[name]
    danger = only(update(type, old, new))
    root = next(key for key in {**old, **new} if old.get(key) != new.get(key))
    assert danger.certainty is Certainty.WILL
    assert danger.because and all(each.startswith(root) for each in danger.because)
    assert danger.text.startswith(f"Changes the {kind(type).words} it: ") and danger.text.endswith(".")


def test_old_and_new_values_are_abbreviated() -> None:
    danger = only(update(NODES, GPU, {**GPU, "scalingConfig": {"desiredSize": 1, "maxSize": 2, "minSize": 0}}))
    assert danger.because == ("scalingConfig.desiredSize: 2 → 1", "scalingConfig.maxSize: 4 → 2")
