"""Losses that are easily missed: unlisted types, and inconspicuous harmful changes."""

import json
import random
from datetime import date
from typing import Any

import pytest

from changes import change, plan, update, urn
from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.reading import reader
from mlpctl.review.report.model import Harm
from mlpctl.review.values.plain import Secret
from mlpctl.review.writers.markdown import markdown
from review_plans import FOLDER

TEMPLATE, GROUP = "aws:ec2/launchTemplate:LaunchTemplate", "aws:autoscaling/group:Group"


def harms(*changes: Any) -> list[Harm]:
    return [each.harm for each in dangers(plan(*changes))]


@pytest.mark.parametrize("op", [Op.DELETE, Op.REPLACE])
@pytest.mark.parametrize(
    "type",
    [
        "hcloud:index/volume:Volume",
        "oci:ObjectStorage/bucket:Bucket",
        "scaleway:index/objectBucket:ObjectBucket",
        "ovh:CloudProject/database:Database",
        "aiven:index/pg:Pg",
        "upstash:index/redisDatabase:RedisDatabase",
        "openstack:blockstorage/volume:Volume",
        "cloudflare:index/workersKvNamespace:WorkersKvNamespace",
        "mongodbatlas:index/cluster:Cluster",
        "mongodbatlas:index/advancedCluster:AdvancedCluster",
        "qdrant-cloud:index/accountsCluster:AccountsCluster",
        "azure:postgresql/flexibleServerDatabase:FlexibleServerDatabase",
        "aws-native:docdb:DbCluster",
        "aws-native:opensearchserverless:Collection",
        "aws-native:redshiftserverless:Namespace",
        "aws-native:s3express:DirectoryBucket",
        "aws-native:cassandra:Table",
        "aws-native:amazonmq:Broker",
        "aws-native:cloudformation:Stack",
        "pulumi-nodejs:dynamic/my:Table",
        "kubernetes:rds.services.k8s.aws/v1alpha1:DBInstance",
        "kubernetes:s3.aws.upbound.io/v1beta1:Bucket",
        "kubernetes:longhorn.io/v1beta2:Volume",
        "kubernetes:postgres-operator.crunchydata.com/v1beta1:PostgresCluster",
        "kubernetes:rabbitmq.com/v1beta1:RabbitmqCluster",
    ],
)
def test_a_type_whose_name_suggests_data_is_a_danger_for_every_provider(type: str, op: Op) -> None:
    assert harms(change(type, op))[0] is Harm.DATA


@pytest.mark.parametrize(
    "type",
    [
        "my:module:Thing",
        "pulumi-python:dynamic:Resource",
        "aws:datasync/locationFsxOntapFileSystem:LocationFsxOntapFileSystem",
        "azure-native:network:Watcher",
    ],
)
def test_an_unknown_type_is_not_a_danger_by_itself(type: str) -> None:
    assert harms(change(type, Op.DELETE)) == []


@pytest.mark.parametrize(
    ("type", "harm"),
    [
        ("aws-native:ec2:TransitGatewayRouteTable", Harm.SERVING),
        ("azure-native:network:RouteTable", Harm.SERVING),
        ("gcp:compute/attachedDisk:AttachedDisk", Harm.SERVING),
        ("gcp:compute/instanceFromTemplate:InstanceFromTemplate", Harm.CAPACITY),
        ("lambdalabs:index/instance:Instance", Harm.CAPACITY),
        ("aws-native:wafv2:WebAcl", Harm.IDENTITY),
    ],
)
def test_similar_names_are_distinguished(type: str, harm: Harm) -> None:
    assert harms(change(type, Op.DELETE)) == [harm]


def test_another_type_in_a_template_is_reported_if_its_group_is_unchanged() -> None:
    template = update(TEMPLATE, {"instanceType": "p5.48xlarge"}, {"instanceType": "g6.xlarge"}, name="template")
    group: Any = {"inputs": {"launchTemplate": {"id": "lt-1", "version": "$Latest"}}}
    source = {"launchTemplate": (urn(TEMPLATE, "template"),)}
    (danger,) = dangers(plan(template, change(GROUP, Op.SAME, depends=source, **group)))
    assert danger.harm is Harm.CAPACITY and "p5.48xlarge" in danger.text
    # If the group changes too, it is reported itself.
    old, new = ({"launchTemplate": {"id": "lt-1", "version": number}} for number in ("1", "2"))
    assert [each.words for each in dangers(plan(template, update(GROUP, old, new, depends=source)))] == [
        "Auto Scaling group"
    ]


@pytest.mark.parametrize(
    ("type", "old", "new", "harm"),
    [
        (
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            {"spec": {"ingress": [{"from": [{"podSelector": {"a": "b"}}]}]}},
            {"spec": {"ingress": [{"from": [{"podSelector": {"a": "b"}, "namespaceSelector": {}}]}]}},
            Harm.IDENTITY,
        ),
        (
            "kubernetes:storage.k8s.io/v1:StorageClass",
            {"reclaimPolicy": "Retain"},
            {"reclaimPolicy": "Delete"},
            Harm.PROTECTION,
        ),
        (
            "kubernetes:karpenter.sh/v1:NodePool",
            {"spec": {"template": {"spec": {"nodeClassRef": {"name": "a"}}}}},
            {"spec": {"template": {"spec": {"nodeClassRef": {"name": "b"}}}}},
            Harm.CAPACITY,
        ),
        (
            "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
            {"spec": {"userData": "a"}},
            {"spec": {"userData": "b"}},
            Harm.CAPACITY,
        ),
        (
            "kubernetes:serving.kserve.io/v1beta1:InferenceService",
            {"spec": {"predictor": {"minReplicas": 8}}},
            {"spec": {"predictor": {"minReplicas": 1}}},
            Harm.SERVING,
        ),
        ("aws:msk/cluster:Cluster", {"numberOfBrokerNodes": 6}, {"numberOfBrokerNodes": 3}, Harm.SERVING),
    ],
)
def test_an_inconspicuous_harmful_change_is_reported(type: str, old: Any, new: Any, harm: Harm) -> None:
    assert harms(update(type, old, new)) == [harm]


HIDDEN: Any = {"password": Secret("secret"), "data": {"token": Secret("secret")}}


def test_a_changed_password_that_the_engine_hides_is_found_by_the_providers_report() -> None:
    database = "aws:rds/instance:Instance"
    (danger,) = dangers(plan(update(database, HIDDEN, HIDDEN, reported=("password",))))
    assert (danger.harm, danger.because) == (Harm.IDENTITY, ("password: (secret) → (secret, changed)",))
    assert harms(update(database, HIDDEN, HIDDEN, reported=("tags",))) == []


@pytest.mark.parametrize("deletes_first", [False, True])
def test_a_rotated_kubernetes_secret_loses_no_data(deletes_first: bool) -> None:
    secret = "kubernetes:core/v1:Secret"
    found = harms(update(secret, HIDDEN, HIDDEN, op=Op.REPLACE, forced_by=("data.token",), deletes_first=deletes_first))
    assert found == ([Harm.SERVING] if deletes_first else []) + [Harm.IDENTITY]
    assert harms(change(secret, Op.DELETE)) == [Harm.DATA]


def test_an_object_with_content_from_the_program_is_not_lost_by_a_replacement() -> None:
    thing = "aws:s3/bucketObject:BucketObject"
    assert (harms(change(thing, Op.REPLACE)), harms(change(thing, Op.DELETE))) == ([], [Harm.DATA])


def test_a_report_does_not_depend_on_the_engines_order() -> None:
    """The engine works on many resources in parallel, so the order of its steps varies."""
    document = json.loads((FOLDER / "foreign.json").read_text())
    texts = set()
    for seed in range(4):
        random.Random(seed).shuffle(document["steps"])
        found = assemble.review(reader.read(json.dumps(document)), book.load(), date(2026, 11, 1))
        texts.add(markdown(found))
    assert len(texts) == 1
