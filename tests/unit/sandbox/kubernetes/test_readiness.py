"""When each kind is ready, and what is said until then."""

from typing import Any

import pytest

from mlsandbox.providers.kubernetes.readiness import AWAITED, Readiness, awaited, expression_error

HALF_ROLLED = {"replicas": 3, "updatedReplicas": 1, "availableReplicas": 3}
ROLLED = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


def item(api_version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "n"}, **fields}


def condition(type: str, status: str = "True", **more: str) -> dict[str, Any]:
    return {"conditions": [{"type": type, "status": status, **more}]}


def looked_at(cluster: Any, live: dict[str, Any]) -> Readiness:
    how = awaited(live, created=True)
    assert how is not None
    return how.check(live, cluster)


DEPLOYMENT, STATEFUL_SET, DAEMON_SET = ("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet")
JOB, POD, SERVICE = ("batch/v1", "Job"), ("v1", "Pod"), ("v1", "Service")
CLAIM, VOLUME = ("v1", "PersistentVolumeClaim"), ("v1", "PersistentVolume")
TOKEN = "kubernetes.io/service-account-token"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (DEPLOYMENT, {"spec": {"replicas": 2}, "status": ROLLED}),
        (DEPLOYMENT, {"spec": {"replicas": 0}, "status": {}}),
        (STATEFUL_SET, {"spec": {"replicas": 2}, "status": {"readyReplicas": 2, "updatedReplicas": 2}}),
        (
            STATEFUL_SET,
            {
                "spec": {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
                "status": {"readyReplicas": 2, "updatedReplicas": 1},
            },
        ),
        (
            STATEFUL_SET,
            {"spec": {"replicas": 1, "updateStrategy": {"type": "OnDelete"}}, "status": {"readyReplicas": 1}},
        ),
        (DAEMON_SET, {"spec": {}, "status": {"desiredNumberScheduled": 0}}),
        (
            DAEMON_SET,
            {
                "spec": {},
                "status": {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2},
            },
        ),
        (("apps/v1", "ReplicaSet"), {"spec": {"replicas": 1}, "status": {"availableReplicas": 1}}),
        (JOB, {"spec": {}, "status": condition("Complete")}),
        (JOB, {"spec": {"suspend": True}}),
        (POD, {"status": {"phase": "Succeeded"}}),
        (POD, {"status": {"phase": "Running", **condition("Ready")}}),
        (SERVICE, {"spec": {"type": "ExternalName"}}),
        (SERVICE, {"spec": {"clusterIP": "None", "selector": {"a": "b"}}}),
        (SERVICE, {"spec": {}}),
        (CLAIM, {"spec": {}, "status": {"phase": "Bound"}}),
        (VOLUME, {"status": {"phase": "Available"}}),
        (("v1", "ResourceQuota"), {"spec": {"hard": {"pods": "1"}}, "status": {"hard": {"pods": "1"}}}),
        (("v1", "Secret"), {"type": "Opaque"}),
        (("v1", "Secret"), {"type": TOKEN, "data": {"token": "x"}}),
    ],
)
def test_it_is_ready(cluster: Any, kind: tuple[str, str], fields: dict[str, Any]) -> None:
    assert looked_at(cluster, item(*kind, **fields)).ready


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (DEPLOYMENT, {"spec": {"replicas": 3}, "status": HALF_ROLLED}, "1 of 3 replicas are of the new version"),
        (
            DEPLOYMENT,
            {"spec": {"replicas": 2}, "status": {**ROLLED, "replicas": 3}},
            "1 replicas of the old version still run",
        ),
        (DEPLOYMENT, {"spec": {}, "status": {"updatedReplicas": 1}}, "0 of 1 replicas are available"),
        (STATEFUL_SET, {"spec": {}, "status": {}}, "0 of 1 replicas are ready"),
        (STATEFUL_SET, {"spec": {}, "status": {"readyReplicas": 1}}, "0 of 1 replicas are of the new version"),
        (DAEMON_SET, {"spec": {}, "status": {"desiredNumberScheduled": 1}}, "0 of 1 pods are of the new version"),
        (
            DAEMON_SET,
            {"spec": {}, "status": {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1}},
            "0 of 1 pods are available",
        ),
        (JOB, {"spec": {"completions": 3}, "status": {"succeeded": 1}}, "1 of 3 completions"),
        (POD, {"status": {"phase": "Pending"}}, "the pod is Pending and not ready"),
        (SERVICE, {"spec": {"type": "LoadBalancer"}}, "no load balancer has been allocated"),
        (SERVICE, {"spec": {"selector": {"a": "b"}}}, "no ready pod fits its selector"),
        (CLAIM, {"spec": {}}, "it names no StorageClass and the cluster has no default one"),
        (CLAIM, {"spec": {"storageClassName": "gp3"}}, "there is no StorageClass gp3"),
        (("v1", "ResourceQuota"), {"spec": {"hard": {"pods": "1"}}}, "the quota is not in force yet"),
        (("v1", "Secret"), {"type": TOKEN}, "no token has been issued"),
        (
            ("networking.k8s.io/v1", "Ingress"),
            {"spec": {"defaultBackend": {"service": {"name": "web"}}}},
            "there is no Service web",
        ),
        (
            ("networking.k8s.io/v1", "Ingress"),
            {"spec": {"rules": [{"host": "h"}]}},
            "no ingress controller has given it an address",
        ),
    ],
)
def test_it_says_what_is_awaited(cluster: Any, kind: tuple[str, str], fields: dict[str, Any], message: str) -> None:
    assert looked_at(cluster, item(*kind, **fields)) == Readiness(False, message)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (
            JOB,
            {"spec": {}, "status": condition("Failed", reason="BackoffLimitExceeded", message="too often")},
            "the Job failed: BackoffLimitExceeded: too often",
        ),
        (POD, {"status": {"phase": "Failed"}}, "the pod failed"),
        (
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            {"status": condition("NamesAccepted", "False", message="taken")},
            "its names were not accepted: taken",
        ),
    ],
)
def test_it_says_that_waiting_is_of_no_use(
    cluster: Any, kind: tuple[str, str], fields: dict[str, Any], message: str
) -> None:
    assert looked_at(cluster, item(*kind, **fields)) == Readiness(False, message, failed=True)


@pytest.mark.parametrize("kind", [DEPLOYMENT, STATEFUL_SET, DAEMON_SET])
def test_a_status_of_before_the_change_does_not_count(cluster: Any, kind: tuple[str, str]) -> None:
    live = item(*kind, spec={"replicas": 0}, status={"observedGeneration": 1})
    live["metadata"]["generation"] = 2
    assert not looked_at(cluster, live).ready


def test_a_deployment_without_progress_is_stalled(cluster: Any) -> None:
    status = condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="timed out")
    live = item(*DEPLOYMENT, spec={}, status=status)
    assert looked_at(cluster, live) == Readiness(False, "ProgressDeadlineExceeded: timed out", stalled=True)


def test_a_service_is_ready_with_one_ready_endpoint(cluster: Any) -> None:
    live = item(*SERVICE, spec={"selector": {"a": "b"}})
    endpoints = item("discovery.k8s.io/v1", "EndpointSlice", endpoints=[{"conditions": {"ready": False}}])
    endpoints["metadata"]["labels"] = {"kubernetes.io/service-name": "x"}
    cluster.put(endpoints)
    assert not looked_at(cluster, live).ready
    endpoints["endpoints"].append({"conditions": {"ready": True}})
    assert looked_at(cluster, live).ready


def test_a_claim_whose_class_waits_for_a_pod_is_ready(cluster: Any) -> None:
    live = item(*CLAIM, spec={"storageClassName": "gp3"}, status={"phase": "Pending"})
    cluster.put(item("storage.k8s.io/v1", "StorageClass", volumeBindingMode="WaitForFirstConsumer"))
    cluster.items[0]["metadata"]["name"] = "gp3"
    assert looked_at(cluster, live).ready


@pytest.mark.parametrize(("group", "ready"), [("example.com", True), ("unserved.example.com", False)])
def test_a_definition_is_ready_once_its_kinds_are_served(cluster: Any, group: str, ready: bool) -> None:
    spec = {"group": group, "names": {"kind": "Widget"}, "versions": [{"name": "v1", "served": True}]}
    kind = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    assert looked_at(cluster, item(*kind, spec=spec, status=condition("Established"))).ready is ready


def test_nothing_is_awaited_for_other_kinds_or_where_the_program_says_so() -> None:
    assert awaited(item("policy/v1", "PodDisruptionBudget"), created=True) is None
    skipped = item(*DEPLOYMENT)
    skipped["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    assert awaited(skipped, created=True) is None


def test_a_claim_is_awaited_when_it_is_made_only() -> None:
    assert awaited(item(*CLAIM), created=False) is None
    assert awaited(item(*DEPLOYMENT), created=False) is AWAITED[("apps", "Deployment")]


@pytest.mark.parametrize(
    ("text", "status", "ready"),
    [
        ("condition=Ready", condition("Ready"), True),
        ("condition=Ready", condition("Ready", "False"), False),
        ("condition=Ready=false", condition("Ready", "False"), True),
        ("jsonpath={.status.phase}", {"phase": "any"}, True),
        ("jsonpath={.status.phase}", {}, False),
        ("jsonpath={.status.list[1].phase}=Done", {"list": [{}, {"phase": "Done"}]}, True),
        ("jsonpath={.status.phase}=Done", {"phase": "Other"}, False),
        ('["condition=A", "jsonpath={.status.b}=1"]', {**condition("A"), "b": 1}, True),
        ('["condition=A", "jsonpath={.status.b}=1"]', {**condition("A"), "b": 2}, False),
    ],
)
def test_a_program_may_say_what_to_wait_for(cluster: Any, text: str, status: dict[str, Any], ready: bool) -> None:
    live = item("example.com/v1", "Widget", status=status)
    live["metadata"]["annotations"] = {"pulumi.com/waitFor": text}
    assert looked_at(cluster, live).ready is ready


@pytest.mark.parametrize("text", ["Ready", "jsonpath={..phase}", "condition=", "jsonpath=.status.phase"])
def test_an_expression_that_is_not_understood_is_refused(text: str) -> None:
    error = expression_error(text)
    assert error is not None and repr(text) in error and "condition=Type" in error
