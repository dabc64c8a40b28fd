"""Roles of Kubernetes that give as much as `cluster-admin`, and similar ones that do not."""

from typing import Any

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op

ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
RBAC, CORE = ["rbac.authorization.k8s.io"], [""]
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]


def rule(groups: list[str], resources: list[str], *verbs: str, names: Any = None) -> dict[str, Any]:
    made = {"apiGroups": groups, "resources": resources, "verbs": [*verbs]}
    return made if names is None else {**made, "resourceNames": names}


FULL = [
    rule(RBAC, ["clusterroles"], "*"),
    rule(RBAC, ["roles"], "get", "escalate"),
    rule(["*"], ["clusterroles"], "bind"),
    rule(RBAC, ["*"], "bind", names=[]),
    rule(RBAC, ["clusterroles"], "bind", names=["view", "cluster-admin"]),
    rule(RBAC, ["clusterroles"], "*", names=["cluster-admin"]),
    rule(CORE, ["groups"], "impersonate", names=["system:masters"]),
    rule(CORE, ["users"], "impersonate"),
    rule(CORE, ["serviceaccounts"], "*"),
    rule(CORE, ["*"], "*"),
    rule(["*"], ["*"], "*"),
    rule(["*"], ["*"], *VERBS),
]
NARROW = [
    rule(CORE, ["pods"], "bind"),
    rule(CORE, ["pods"], "escalate", "impersonate"),
    rule(["apps"], ["*"], "*"),
    rule(RBAC, ["clusterroles"], "bind", names=["view"]),
    rule(RBAC, ["clusterroles"], "get", names=["cluster-admin"]),
    rule(RBAC, ["rolebindings"], "create"),
    rule(CORE, ["groups"], "impersonate", names=["ml"]),
    rule(["*"], ["*"], "get", "list", "watch"),
]


def _grave(*rules: dict[str, Any]) -> bool:
    found = dangers(plan(change(ROLE, Op.CREATE, new={"rules": [*rules]})))
    return any("permissions beyond it" in each.text or "full access" in each.text for each in found)


def test_a_new_role_that_gives_everything_is_reported() -> None:
    assert [each for each in FULL if not _grave(each) or not _grave(rule(CORE, ["pods"], "get"), each)] == []


def test_a_new_role_with_such_verbs_on_other_resources_is_not_reported() -> None:
    assert [each for each in NARROW if _grave(each)] == []


def test_a_role_that_gets_such_a_verb_for_other_resources_has_other_permissions_only() -> None:
    old, new = ({"rules": [rule(CORE, ["pods"], *verbs)]} for verbs in (["get"], ["get", "bind"]))
    (danger,) = dangers(plan(update(ROLE, old, new)))
    assert danger.text.endswith("its permissions change.")
