"""Settings of Kubernetes objects that stop work, allow more evictions or grant permissions."""

from typing import Any

from changes import change, plan, update
from every_record import aws, others
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm
from mlpctl.review.types import records

DEPLOYMENT, BUDGET = "kubernetes:apps/v1:Deployment", "kubernetes:policy/v1:PodDisruptionBudget"
ROLE, SCALER = (
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
)


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


def role(*verbs: str, **fields: Any) -> dict[str, Any]:
    groups = ["rbac.authorization.k8s.io"]
    return {"rules": [{"apiGroups": groups, "resources": ["clusterroles"], "verbs": [*verbs], **fields}]}


def pods(**security: Any) -> dict[str, Any]:
    return spec(template={"spec": {"containers": [{"name": "c", "image": "i:1", "securityContext": security}]}})


def identity(client: str) -> dict[str, Any]:
    return {"metadata": {"name": "x", "annotations": {"azure.workload.identity/client-id": client}}}


CHANGED: list[tuple[str, Any, Any, str]] = [
    (DEPLOYMENT, spec(replicas=10), spec(replicas=1), "less than half of its pods"),
    ("kubernetes:batch/v1:CronJob", spec(), spec(suspend=True), "its jobs no longer run"),
    ("kubernetes:batch/v1:Job", spec(parallelism=4), spec(parallelism=4, suspend=True), "its running work stops"),
    (BUDGET, spec(maxUnavailable=1), spec(minAvailable=0), "evict more pods|evict all pods"),
    (BUDGET, spec(maxUnavailable=1), spec(), "evict all pods"),
    (BUDGET, spec(minAvailable=2), spec(minAvailable=0), "evict all pods"),
    (SCALER, spec(minReplicas=2, maxReplicas=9), spec(maxReplicas=9), "scale in to one pod"),
    ("kubernetes:core/v1:ServiceAccount", identity("a"), identity("b"), "its pods' permissions change"),
    (ROLE, role("get"), role("get", "escalate"), "permissions beyond it"),
]


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)))


def test_a_setting_that_stops_work_or_allows_more_is_reported() -> None:
    for type, old, new, says in CHANGED:
        text = text_of(update(type, old, new))
        assert any(each in text for each in says.split("|")), (type, new)


def test_a_minimum_of_one_is_the_default() -> None:
    assert text_of(update(SCALER, spec(minReplicas=1), spec())) == ""
    assert text_of(update(BUDGET, spec(maxUnavailable=1), spec(minAvailable=3))) == ""


def test_a_new_role_that_can_extend_itself_is_reported() -> None:
    for verb in ("escalate", "bind"):
        assert "permissions beyond it" in text_of(change(ROLE, Op.CREATE, inputs=role(verb)))
    assert text_of(change(ROLE, Op.CREATE, inputs=role("bind", resourceNames=["view"]))) == ""
    assert text_of(change(ROLE, Op.CREATE, inputs=role("get", "list"))) == ""


def test_new_privileged_pods_are_reported_once() -> None:
    says = "its pods get the node's privileges"
    for type in (DEPLOYMENT, "kubernetes:apps/v1:DaemonSet", "kubernetes:batch/v1:Job"):
        assert text_of(change(type, Op.CREATE, inputs=pods(privileged=True))).count(says) == 1
    (raised,) = dangers(plan(update(DEPLOYMENT, pods(), pods(privileged=True))))
    assert raised.harm is Harm.IDENTITY
    assert raised.text.count(says) == 1
    assert text_of(change(DEPLOYMENT, Op.CREATE, inputs=pods(privileged=False))) == ""


def test_no_record_says_the_same_of_a_change_twice() -> None:
    tokens = [token for token, _ in aws()] + [type for types, _ in others() for type in types if "*" not in type]
    twice = []
    for token in tokens:
        watches = [each.model_dump_json(exclude={"says", "grave"}) for each in records.record(token).watches]
        twice += [token] if len(watches) > len(set(watches)) else []
    assert twice == []
