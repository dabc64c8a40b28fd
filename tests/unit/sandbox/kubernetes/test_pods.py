"""Why pods do not run."""

from typing import Any

import pytest

from mlsandbox.providers.kubernetes.pods import pod_problems, workload_problems


def container(state: dict[str, Any]) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "model", "state": state}]}


def unscheduled(message: str) -> dict[str, Any]:
    return {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}


@pytest.mark.parametrize(
    ("status", "problems"),
    [
        ({"phase": "Running"}, []),
        (container({"waiting": {"reason": "ContainerCreating"}}), []),
        (container({"terminated": {"exitCode": 0, "reason": "Completed"}}), []),
        (unscheduled("0/1 nodes"), ["Unschedulable: 0/1 nodes"]),
        (
            container({"waiting": {"reason": "ErrImagePull", "message": "not found"}}),
            ["container model: ErrImagePull: not found"],
        ),
        (container({"waiting": {"reason": "CrashLoopBackOff"}}), ["container model: CrashLoopBackOff"]),
        (
            container({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
            ["container model: OOMKilled, exit code 137"],
        ),
        ({"phase": "Failed", "reason": "Evicted"}, ["failed: Evicted"]),
    ],
)
def test_a_pods_problems_are_named(status: dict[str, Any], problems: list[str]) -> None:
    assert list(pod_problems({"status": status})) == problems


def owned(kind: str, name: str, owner: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "n", "labels": {"app": "x"}, "ownerReferences": [{"uid": owner}]}
    api_version = "v1" if kind == "Pod" else "apps/v1"
    return {"apiVersion": api_version, "kind": kind, "metadata": {**metadata, "uid": f"uid-of-{name}"}, **fields}


def deployment() -> dict[str, Any]:
    metadata = {
        "name": "x",
        "namespace": "n",
        "uid": "d",
        "annotations": {"deployment.kubernetes.io/revision": "2"},
    }
    return {"kind": "Deployment", "metadata": metadata, "spec": {"selector": {"matchLabels": {"app": "x"}}}}


def revision(name: str, number: str, **fields: Any) -> dict[str, Any]:
    made = owned("ReplicaSet", name, "d", **fields)
    made["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": number}
    return made


def test_a_deployments_problems_are_those_of_its_newest_pods_each_once(cluster: Any) -> None:
    cluster.put(
        revision("old", "1"),
        revision("new", "2"),
        owned("Pod", "a", "uid-of-old", status=unscheduled("of the old version")),
        owned("Pod", "b", "uid-of-new", status=unscheduled("no GPU")),
        owned("Pod", "c", "uid-of-new", status=unscheduled("no GPU")),
        owned("Pod", "d", "uid-of-new", status=container({"waiting": {"reason": "ErrImagePull"}})),
    )
    assert workload_problems(deployment(), cluster) == [
        "2 pods: Unschedulable: no GPU",
        "a pod: container model: ErrImagePull",
    ]


def test_pods_that_may_not_be_made_are_a_problem(cluster: Any) -> None:
    refusal = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    cluster.put(revision("new", "2", status={"conditions": [refusal]}))
    assert workload_problems(deployment(), cluster) == ["FailedCreate: exceeded quota"]
