"""Updates that let the pods of any workload control their node."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

TEMPLATE = ("spec", "template", "spec")
WORKLOADS = {
    "kubernetes:apps/v1:Deployment": TEMPLATE,
    "kubernetes:apps/v1:StatefulSet": TEMPLATE,
    "kubernetes:apps/v1:DaemonSet": TEMPLATE,
    "kubernetes:apps/v1:ReplicaSet": TEMPLATE,
    "kubernetes:core/v1:ReplicationController": TEMPLATE,
    "kubernetes:batch/v1:Job": TEMPLATE,
    "kubernetes:argoproj.io/v1alpha1:Rollout": TEMPLATE,
    "kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "kubernetes:core/v1:Pod": ("spec",),
    "kubernetes:apps/v1:DaemonSetPatch": TEMPLATE,
}


def container(**context: Any) -> dict[str, Any]:
    return {"name": "main", "image": "app", "securityContext": context}


PLAIN: dict[str, Any] = {"containers": [container()], "volumes": [{"name": "tmp", "emptyDir": {}}]}
POWERS: dict[str, dict[str, Any]] = {
    "privileged": {"containers": [container(privileged=True)]},
    "a privileged init container": {"initContainers": [container(privileged=True)]},
    "another privileged container": {"containers": [container(), {**container(privileged=True), "name": "more"}]},
    "SYS_ADMIN": {"containers": [container(capabilities={"add": ["SYS_ADMIN"]})]},
    "all capabilities": {"initContainers": [container(capabilities={"add": ["ALL"]})]},
    "a Windows host process": {"containers": [container(windowsOptions={"hostProcess": True})]},
    "hostNetwork": {"hostNetwork": True},
    "hostPID": {"hostPID": True},
    "hostIPC": {"hostIPC": True},
    "the node's root": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]},
    "the runtime's socket": {"volumes": [{"name": "r", "hostPath": {"path": "/var/run/docker.sock"}}]},
    "kubelet's files": {"volumes": [{"name": "r", "hostPath": {"path": "/var/lib/kubelet"}}]},
}


def nested(path: tuple[str, ...], pod: Any) -> dict[str, Any]:
    made = pod
    for name in reversed(path):
        made = {name: made}
    return {"metadata": {"name": "x"}, **made}


def identity(type: str, old: Any, new: Any) -> bool:
    path = WORKLOADS[type]
    found = dangers(plan(update(type, nested(path, old), nested(path, new))))
    return Harm.IDENTITY in {each.harm for each in found}


@pytest.mark.parametrize("type", WORKLOADS)
@pytest.mark.parametrize("power", POWERS)
def test_a_pod_that_gets_power_over_its_node_is_a_danger(type: str, power: str) -> None:
    pod = {**PLAIN, **POWERS[power]}
    assert identity(type, PLAIN, pod)
    assert not identity(type, pod, PLAIN)
    assert not identity(type, pod, {**pod, "priority": 1})


@pytest.mark.parametrize(
    "more",
    [
        {"containers": [container(capabilities={"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]})]},
        {"containers": [container(privileged=False)]},
        {"volumes": [{"name": "models", "hostPath": {"path": "/mnt/models"}}]},
        {"hostNetwork": False},
    ],
)
def test_other_settings_are_no_danger(more: Any) -> None:
    assert not identity("kubernetes:apps/v1:DaemonSet", PLAIN, {**PLAIN, **more})


def test_of_the_powers_of_a_new_workload_those_that_control_the_node_are_reported() -> None:
    found = {}
    for power, more in POWERS.items():
        made = nested(TEMPLATE, {**PLAIN, **more})
        found[power] = bool(dangers(plan(change("kubernetes:apps/v1:DaemonSet", Op.CREATE, inputs=made))))
    assert {power for power, reported in found.items() if not reported} == {"hostNetwork", "hostIPC"}
