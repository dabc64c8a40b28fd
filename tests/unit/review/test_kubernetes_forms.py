"""Kubernetes objects in another form that means the same to the API."""

import base64
import json
from typing import Any

import pytest

from changes import plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.kubernetes.kubernetes_forms import quantity
from mlpctl.review.reading import reader
from unit.review.canaries import resource

SERVICE, INGRESS = "kubernetes:core/v1:Service", "kubernetes:networking.k8s.io/v1:Ingress"
POLICY, ROLE = "kubernetes:networking.k8s.io/v1:NetworkPolicy", "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
BINDING, QUOTA = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "kubernetes:core/v1:ResourceQuota"
SETS, NAMESPACE = "kubernetes:apps/v1:StatefulSet", "kubernetes:core/v1:Namespace"
WEBHOOKS = "kubernetes:admissionregistration.k8s.io/v1:ValidatingWebhookConfiguration"


def of(spec: Any, **more: Any) -> dict[str, Any]:
    return {"spec": spec, **more}


def policy(*ingress: Any, **more: Any) -> dict[str, Any]:
    return of({"podSelector": {"matchLabels": {"app": "a"}}, "ingress": [*ingress], **more})


def pods(**container: Any) -> dict[str, Any]:
    return of({"replicas": 1, "template": {"spec": {"containers": [{"name": "a", "image": "a:1", **container}]}}})


def level(name: str | None) -> dict[str, Any]:
    return {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": name} if name else {}}}


PODS, RANGE = {"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}
PORT, GROUP = {"port": 80}, {"kind": "Group", "name": "ml"}
ACCOUNT = {"kind": "ServiceAccount", "name": "a", "namespace": "b"}
RBAC = "rbac.authorization.k8s.io"
CLASS = {"kubernetes.io/ingress.class": "nginx"}
RULES = [{"host": "a"}, {"host": "b"}]

SAME: dict[str, tuple[str, Any, Any]] = {
    "a service's type": (SERVICE, of({"ports": [PORT]}), of({"ports": [PORT], "type": "ClusterIP"})),
    "a service's port": (
        SERVICE,
        of({"ports": [PORT], "sessionAffinity": "None"}),
        of({"ports": [{**PORT, "targetPort": 80, "protocol": "TCP"}], "internalTrafficPolicy": "Cluster"}),
    ),
    "an ingress class": (
        INGRESS,
        of({"rules": RULES}, metadata={"annotations": {**CLASS, "a": "b"}}),
        of({"rules": RULES, "ingressClassName": "nginx"}, metadata={"annotations": {"a": "b"}}),
    ),
    "an ingress class without other annotations": (
        INGRESS,
        of({"rules": RULES, "ingressClassName": "nginx"}),
        of({"rules": RULES}, metadata={"annotations": CLASS}),
    ),
    "certificates of hosts together": (
        INGRESS,
        of({"rules": RULES, "tls": [{"hosts": ["a"], "secretName": "s"}, {"hosts": ["b"], "secretName": "s"}]}),
        of({"rules": RULES[::-1], "tls": [{"hosts": ["b", "a"], "secretName": "s"}]}),
    ),
    "a binding's groups": (
        BINDING,
        {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [GROUP, ACCOUNT]},
        {
            "roleRef": {"kind": "Role", "name": "r", "apiGroup": RBAC},
            "subjects": [{**ACCOUNT, "apiGroup": ""}, {**GROUP, "apiGroup": RBAC}],
        },
    ),
    "a service account's token": (
        "kubernetes:core/v1:ServiceAccount",
        {"metadata": {"name": "a"}},
        {"metadata": {"name": "a"}, "automountServiceAccountToken": True},
    ),
    "quantities": (
        SETS,
        pods(resources={"requests": {"cpu": "1000m", "memory": "1Gi"}, "limits": {"nvidia.com/gpu": 1}}),
        pods(resources={"requests": {"cpu": 1, "memory": "1024Mi"}, "limits": {"nvidia.com/gpu": "1"}}),
    ),
    "defaults of pods": (
        SETS,
        pods(ports=[{"containerPort": 80}], livenessProbe={"httpGet": {"port": 80}}),
        pods(
            ports=[{"containerPort": 80, "protocol": "TCP"}],
            livenessProbe={"httpGet": {"port": 80, "scheme": "HTTP"}, "periodSeconds": 10},
            terminationMessagePolicy="File",
            securityContext={"privileged": False},
        ),
    ),
    "names of a quota": (
        QUOTA,
        of({"hard": {"cpu": "10", "memory": "1Gi"}}),
        of({"hard": {"requests.cpu": 10, "requests.memory": "1024Mi"}}),
    ),
    "a policy's protocol": (
        POLICY,
        policy({"ports": [PORT], "from": [PODS]}),
        policy({"ports": [{**PORT, "protocol": "TCP"}], "from": [PODS]}, policyTypes=["Ingress"]),
    ),
    "a policy's rules one by one": (
        POLICY,
        policy({"from": [RANGE, PODS], "ports": [PORT, {"port": 81}]}),
        policy(
            {"from": [PODS], "ports": [{"port": 81}, PORT]},
            {"from": [RANGE], "ports": [{"port": 81}]},
            {"from": [RANGE], "ports": [PORT]},
        ),
    ),
    "a policy's empty parts": (
        POLICY,
        of({"podSelector": {}, "policyTypes": ["Ingress"]}),
        of({"podSelector": {"matchLabels": {}}, "policyTypes": ["Ingress"], "ingress": []}),
    ),
    "a policy's outgoing connections": (
        POLICY,
        of({"podSelector": {}, "egress": [{"to": [RANGE, PODS]}]}),
        of({"podSelector": {}, "egress": [{"to": [PODS]}, {"to": [RANGE]}], "policyTypes": ["Egress", "Ingress"]}),
    ),
    "a role's rules one by one": (
        ROLE,
        {"rules": [{"apiGroups": [""], "resources": ["a", "b"], "verbs": ["get", "list"]}]},
        {
            "rules": [
                {"apiGroups": [""], "resources": ["b"], "verbs": ["list", "get"]},
                {"apiGroups": [""], "resources": ["a"], "verbs": ["get"]},
                {"apiGroups": [""], "resources": ["a"], "verbs": ["list"]},
            ]
        },
    ),
    "a webhook's policy": (
        WEBHOOKS,
        {"webhooks": [{"name": "a", "rules": [{"resources": ["pods"]}]}]},
        {"webhooks": [{"name": "a", "failurePolicy": "Fail", "rules": [{"resources": ["pods"], "scope": "*"}]}]},
    ),
    "a stricter level": (NAMESPACE, level("baseline"), level("restricted")),
    "a first level": (NAMESPACE, level(None), level("baseline")),
}
OTHER: dict[str, tuple[str, Any, Any]] = {
    "a service's type": (SERVICE, of({"ports": [PORT]}), of({"ports": [PORT], "type": "ExternalName"})),
    "a service's port": (SERVICE, of({"ports": [PORT]}), of({"ports": [{**PORT, "targetPort": 8080}]})),
    "an ingress class": (
        INGRESS,
        of({"rules": RULES}, metadata={"annotations": CLASS}),
        of({"rules": RULES, "ingressClassName": "alb"}),
    ),
    "a host's certificate": (
        INGRESS,
        of({"rules": RULES, "tls": [{"hosts": ["a"]}, {"hosts": ["b"]}]}),
        of({"rules": RULES, "tls": [{"hosts": ["a"]}]}),
    ),
    "a binding's group": (
        BINDING,
        {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [GROUP]},
        {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [GROUP, ACCOUNT]},
    ),
    "a service account's token": (
        "kubernetes:core/v1:ServiceAccount",
        {"automountServiceAccountToken": False},
        {"automountServiceAccountToken": True},
    ),
    "quantities": (
        SETS,
        pods(resources={"requests": {"memory": "1Gi"}}),
        pods(resources={"requests": {"memory": "1G"}}),
    ),
    "a quota": (QUOTA, of({"hard": {"cpu": "10"}}), of({"hard": {"requests.cpu": "9"}})),
    "a policy's protocol": (
        POLICY,
        policy({"ports": [PORT], "from": [PODS]}),
        policy({"ports": [{**PORT, "protocol": "UDP"}], "from": [PODS]}),
    ),
    "a policy's combinations": (
        POLICY,
        policy({"from": [RANGE], "ports": [PORT]}, {"from": [PODS], "ports": [{"port": 81}]}),
        policy({"from": [RANGE, PODS], "ports": [PORT, {"port": 81}]}),
    ),
    "a policy's peers": (POLICY, policy({"from": [PODS]}), policy({})),
    "a role's rules": (
        ROLE,
        {"rules": [{"apiGroups": [""], "resources": ["a", "b"], "verbs": ["get"]}]},
        {"rules": [{"apiGroups": [""], "resources": ["a"], "verbs": ["get"]}]},
    ),
    "a webhook's policy": (
        WEBHOOKS,
        {"webhooks": [{"name": "a"}]},
        {"webhooks": [{"name": "a", "failurePolicy": "Ignore"}]},
    ),
    "a looser level": (NAMESPACE, level("restricted"), level("baseline")),
    "no level": (NAMESPACE, level("baseline"), level(None)),
    "a patch": (f"{SERVICE}Patch", of({"ports": [PORT]}), of({"ports": [PORT], "type": "ClusterIP"})),
}


@pytest.mark.parametrize("name", SAME)
def test_another_form_of_the_same_object_is_no_danger(name: str) -> None:
    type, old, new = SAME[name]
    assert dangers(plan(update(type, old, new))) == ()
    if type != NAMESPACE:
        assert dangers(plan(update(type, new, old))) == ()


@pytest.mark.parametrize("name", OTHER)
def test_another_object_is_still_a_danger(name: str) -> None:
    type, old, new = OTHER[name]
    assert dangers(plan(update(type, old, new)))


@pytest.mark.parametrize(("text", "same"), [("correct-horse", True), ("x", True), ("other", False)])
def test_a_secret_with_encoded_values(text: str, same: bool) -> None:
    value = text if same else f"{text}!"
    encoded = {"data": {"a": base64.b64encode(value.encode()).decode()}}
    steps = [resource("s", "kubernetes:core/v1:Secret", op="update", old={"stringData": {"a": text}}, new=encoded)]
    assert (dangers(reader.read(json.dumps({"steps": steps}))) == ()) is same


def test_quantities_of_kubernetes() -> None:
    same = [("1000m", 1), ("1Gi", "1024Mi"), ("1e3", "1k"), ("0.5", "500m"), ("1E", "1000P"), (".5Ki", "512")]
    assert [pair for pair in same if quantity(pair[0]) != quantity(pair[1])] == []
    assert [quantity(each) for each in ("1Gi ", "Gi", "one", True, None)] == [None] * 5


def test_all_limits_of_a_quota_are_enforced() -> None:
    def lowered(old: dict[str, Any], new: dict[str, Any]) -> bool:
        return bool(dangers(plan(update(QUOTA, of({"hard": old}), of({"hard": new})))))

    wide, low, both = {"cpu": "100"}, {"requests.cpu": "4"}, {"cpu": "100", "requests.cpu": "4"}
    for each in (both, dict(reversed(both.items())), low, {"cpu": "4", "requests.cpu": 100}):
        assert lowered(wide, each), each
        assert not lowered(low, each), each
    assert not lowered(both, wide)
    assert not lowered(wide, {"cpu": "100000m", "requests.cpu": 100})
    assert lowered(both, {"cpu": "2", "requests.cpu": "4"})
    assert lowered({"pods": 5}, {"pods": 4, **wide})
