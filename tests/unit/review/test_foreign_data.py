"""Data of other clouds and of cluster controllers: loss by deletion or by a shorter retention."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

APPLICATION = "kubernetes:argoproj.io/v1alpha1:Application"
KUSTOMIZATION = "kubernetes:kustomize.toolkit.fluxcd.io/v1:Kustomization"
FINALIZER = {"kind": "Application", "metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}}


def harms(*changes: Any) -> set[Harm]:
    return {each.harm for each in dangers(plan(*changes))}


@pytest.mark.parametrize(
    "type",
    [
        "kafka:index/topic:Topic",
        "pinecone:index:PineconeIndex",
        "pinecone:index:PineconeCollection",
        "supabase:index/project:Project",
        "rediscloud:index/subscription:Subscription",
        "rediscloud:index/activeActiveSubscription:ActiveActiveSubscription",
        "rediscloud:index/subscriptionDatabase:SubscriptionDatabase",
        "ec:index/deployment:Deployment",
        "azure-native:recoveryservices:ProtectedItem",
        "azure-native:recoveryservices/v20240101:ProtectedItem",
        "azure:backup/protectedVM:ProtectedVM",
        "cloudflare:index/zone:Zone",
        "azure-native:network:Zone",
        "azure-native:dns:Zone",
        "azure:dns/zone:Zone",
        "kubernetes:ceph.rook.io/v1:CephBlockPool",
        "kubernetes:ceph.rook.io/v1:CephFilesystem",
        "kubernetes:ceph.rook.io/v1:CephObjectStore",
        "kubernetes:objectbucket.io/v1alpha1:ObjectBucketClaim",
        "kubernetes:k8s.mariadb.com/v1alpha1:MariaDB",
        "kubernetes:psmdb.percona.com/v1:PerconaServerMongoDB",
        "kubernetes:clickhouse.altinity.com/v1:ClickHouseInstallation",
        "kubernetes:databases.spotahome.com/v1:RedisFailover",
        "kubernetes:neo4j.com/v1:Neo4j",
        "kubernetes:jetstream.nats.io/v1beta2:Stream",
        "kubernetes:rabbitmq.com/v1beta1:Queue",
        "kubernetes:kubevirt.io/v1:VirtualMachine",
        "kubernetes:cdi.kubevirt.io/v1beta1:DataVolume",
        "kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease",
        "kubernetes:kubeflow.org/v1:Profile",
        KUSTOMIZATION,
        "github:index/repository:Repository",
    ],
)
def test_a_deletion_with_data_is_reported(type: str) -> None:
    assert Harm.DATA in harms(change(type, Op.DELETE, inputs={"name": "shop"}))


def test_objects_that_argo_cd_and_flux_retain_are_reported_as_retained() -> None:
    assert Harm.DATA in harms(change(APPLICATION, Op.DELETE, inputs=FINALIZER))
    assert harms(change(APPLICATION, Op.DELETE, inputs={"kind": "Application"})) == {Harm.PROTECTION}
    assert harms(change(KUSTOMIZATION, Op.DELETE, inputs={"spec": {"prune": False}})) == {Harm.PROTECTION}
    assert Harm.DATA in harms(change(KUSTOMIZATION, Op.DELETE, inputs={"spec": {"prune": True}}))


LOSSES: dict[str, tuple[str, Any, Any]] = {
    "items": (
        "azure-native:documentdb:SqlResourceSqlContainer",
        {"resource": {"id": "a", "defaultTtl": -1}},
        {"resource": {"id": "a", "defaultTtl": 3600}},
    ),
    "items, classic": ("azure:cosmosdb/sqlContainer:SqlContainer", {}, {"defaultTtl": 60}),
    "cells": ("gcp:bigtable/gCPolicy:GCPolicy", {"gcRules": '{"a": 1}'}, {"gcRules": '{"a": 2}'}),
    "cells by age": (
        "gcp:bigtable/gCPolicy:GCPolicy",
        {"maxAge": {"duration": "720h"}},
        {"maxAge": {"duration": "24h"}},
    ),
    "documents": (
        "gcp:firestore/field:Field",
        {"field": "at"},
        {"field": "at", "ttlConfig": {}},
    ),
    "messages": (
        "kafka:index/topic:Topic",
        {"config": {"retention.ms": "604800000"}},
        {"config": {"retention.ms": "3600000"}},
    ),
    "messages with unlimited retention": (
        "kafka:index/topic:Topic",
        {"config": {"retention.ms": "-1"}},
        {"config": {"retention.ms": "3600000"}},
    ),
    "Pub/Sub": (
        "gcp:pubsub/topic:Topic",
        {"messageRetentionDuration": "604800s"},
        {"messageRetentionDuration": "600s"},
    ),
    "a subscription": (
        "gcp:pubsub/subscription:Subscription",
        {"messageRetentionDuration": "604800s"},
        {"messageRetentionDuration": "600s"},
    ),
    "events": ("azure-native:eventhub:EventHub", {"messageRetentionInDays": 7}, {"messageRetentionInDays": 1}),
    "events, classic": ("azure:eventhub/eventHub:EventHub", {"messageRetention": 7}, {"messageRetention": 1}),
    "logs": ("azure-native:operationalinsights:Workspace", {"retentionInDays": 365}, {"retentionInDays": 30}),
    "logs, classic": (
        "azure:operationalinsights/analyticsWorkspace:AnalyticsWorkspace",
        {"retentionInDays": 365},
        {"retentionInDays": 30},
    ),
    "telemetry": ("azure-native:insights:Component", {"retentionInDays": 365}, {"retentionInDays": 30}),
    "telemetry, classic": ("azure:appinsights/insights:Insights", {"retentionInDays": 365}, {"retentionInDays": 30}),
}


@pytest.mark.parametrize("case", LOSSES)
def test_data_lost_by_a_shorter_retention_is_reported(case: str) -> None:
    type, old, new = LOSSES[case]
    assert Harm.DATA in harms(update(type, old, new))


@pytest.mark.parametrize("case", [each for each in LOSSES if not each.startswith("cells")])
def test_a_longer_retention_loses_nothing(case: str) -> None:
    type, old, new = LOSSES[case]
    assert Harm.DATA not in harms(update(type, new, old))
