"""Real changes that look like noise: none of them is hidden."""

import json
from typing import Any

import pytest

from changes import update
from mlpctl.review.compare.delta import CHANGED_SECRET
from mlpctl.review.compare.diff import differences
from mlpctl.review.plan.model import Op
from mlpctl.review.values.plain import Secret

THING = "aws:x/thing:Thing"
OBJECT = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
PAIR = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}]

REAL: dict[str, tuple[str, Any, Any, str]] = {
    "variables of which one uses the other": (
        "kubernetes:apps/v1:Deployment",
        {"env": PAIR},
        {"env": PAIR[::-1]},
        "env",
    ),
    "containers that start in order": (
        "kubernetes:core/v1:Pod",
        {"spec": {"containers": [{"name": "proxy"}, {"name": "app"}]}},
        {"spec": {"containers": [{"name": "app"}, {"name": "proxy"}]}},
        "spec.containers",
    ),
    "routes of which the first that fits counts": (
        "kubernetes:networking.istio.io/v1:VirtualService",
        {"spec": {"http": [{"name": "canary"}, {"name": "all"}]}},
        {"spec": {"http": [{"name": "all"}, {"name": "canary"}]}},
        "spec.http",
    ),
    "a listener's actions": (
        "aws:lb/listenerRule:ListenerRule",
        {"actions": [{"type": "authenticate-oidc"}, {"type": "forward"}]},
        {"actions": [{"type": "forward"}, {"type": "authenticate-oidc"}]},
        "actions",
    ),
    "which origin is the first": (
        "aws:cloudfront/distribution:Distribution",
        {"originGroups": [{"originId": "g", "members": [{"originId": "a"}, {"originId": "b"}]}]},
        {"originGroups": [{"originId": "g", "members": [{"originId": "b"}, {"originId": "a"}]}]},
        "originGroups[0].members[0].originId",
    ),
    "a model's features, in JSON": (
        "kubernetes:core/v1:ConfigMap",
        {"data": {"model.json": json.dumps({"features": ["age", "income"]})}},
        {"data": {"model.json": json.dumps({"features": ["income", "age"]})}},
        'data["model.json"].features[0]',
    ),
    "a chart's values": (
        "kubernetes:helm.sh/v3:Release",
        {"values": {"resolver": {"hosts": ["10.0.0.2", "10.0.0.3"]}}},
        {"values": {"resolver": {"hosts": ["10.0.0.3", "10.0.0.2"]}}},
        "values.resolver.hosts[0]",
    ),
    "a selector of every namespace": (
        OBJECT,
        {"spec": {"ingress": [{"from": [{"podSelector": {"a": "b"}}]}]}},
        {"spec": {"ingress": [{"from": [{"podSelector": {"a": "b"}, "namespaceSelector": {}}]}]}},
        "spec.ingress[0].from[0].namespaceSelector",
    ),
    "a node selector without a value": (
        "kubernetes:apps/v1:Deployment",
        {"spec": {"nodeSelector": {"node-role/gpu": ""}}},
        {"spec": {"nodeSelector": {}}},
        'spec.nodeSelector["node-role/gpu"]',
    ),
    "no storage class rather than the usual one": (
        "kubernetes:core/v1:PersistentVolumeClaim",
        {"spec": {}},
        {"spec": {"storageClassName": ""}},
        "spec.storageClassName",
    ),
    "a tag without a value": (THING, {"tags": {}}, {"tags": {"public": ""}}, "tags.public"),
    "a name with a commit in it": (
        "aws:sagemaker/endpoint:Endpoint",
        {"endpointConfigName": "llm-1a2b3c4"},
        {"endpointConfigName": "llm-9f8e7d6"},
        "endpointConfigName",
    ),
    "a user that becomes root": (
        "aws:efs/accessPoint:AccessPoint",
        {"posixUser": {"uid": 1000}},
        {"posixUser": {"uid": 0}},
        "posixUser.uid",
    ),
    "a model by its checksum": (THING, {"size": 1, "modelSha256": "a"}, {"size": 2, "modelSha256": "b"}, "modelSha256"),
    "a policy that says one thing twice": (
        THING,
        {"policy": '{"Statement": {"Effect": "Deny"}}'},
        {"policy": '{"Statement": {"Effect": "Allow", "Effect": "Deny"}}'},
        "policy",
    ),
    "code of which only the hash is there": (
        "aws:lambda/function:Function",
        {"s3Key": "code.zip", "sourceCodeHash": "ab"},
        {"s3Key": "code.zip", "sourceCodeHash": "cd"},
        "sourceCodeHash",
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_a_real_change_that_looks_like_noise_is_shown(name: str) -> None:
    kind, old, new, path = REAL[name]
    assert path in [each.path for each in differences(update(kind, old, new)).shown]


def test_a_hash_of_a_changed_input_is_noise() -> None:
    found = differences(update(THING, {"s3Key": "a", "sourceCodeHash": "a"}, {"s3Key": "b", "sourceCodeHash": "b"}))
    assert ([each.path for each in found.shown], found.noise) == (["s3Key"], 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"spec": {"args": []}}, {"spec": {}}),
        ({"metadata": {"creationTimestamp": None}}, {"metadata": {}}),
        (
            {"spec": {"tolerations": [{"key": "a"}, {"key": "b"}]}},
            {"spec": {"tolerations": [{"key": "b"}, {"key": "a"}]}},
        ),
        (
            {"spec": {"requirements": [{"key": "a", "values": ["x", "y"]}]}},
            {"spec": {"requirements": [{"key": "a", "values": ["y", "x"]}]}},
        ),
    ],
)
def test_insignificant_differences_in_kubernetes_are_hidden(old: Any, new: Any) -> None:
    found = differences(update("kubernetes:karpenter.sh/v1:NodePool", old, new))
    assert (found.shown, found.noise) == ((), 1)


def test_a_new_generated_name_of_the_resource_itself_is_hidden() -> None:
    found = differences(update(THING, {"bucket": "it-1a2b3c4"}, {"bucket": "it-9f8e7d6"}, op=Op.REPLACE))
    assert (found.shown, found.noise) == ((), 1)


def test_a_changed_part_of_a_hidden_value_is_a_changed_secret() -> None:
    inputs = {"stringData": Secret("secret")}
    (found,) = differences(update(THING, inputs, inputs, reported=("stringData.token",))).shown
    assert (found.path, found.old, found.new) == ("stringData.token", "(secret)", CHANGED_SECRET)
