"""Rights of a role with which its principals can get more rights."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from mlpctl.review.values.plain import Value, items

_RBAC: Final = "rbac.authorization.k8s.io"
_CORE: Final = ""


class _Power(NamedTuple):
    verb: str
    group: str
    resources: tuple[str, ...]
    names: frozenset[str] = frozenset()
    """Names of objects for which the verb gives full access; with other names, it gives limited access."""


_POWERS: Final = (
    _Power("escalate", _RBAC, ("roles", "clusterroles")),
    _Power("bind", _RBAC, ("roles", "clusterroles"), frozenset({"cluster-admin"})),
    _Power(
        "impersonate",
        _CORE,
        ("users", "groups", "serviceaccounts"),
        frozenset({"system:masters", "kubeadm:cluster-admins"}),
    ),
    _Power("create", _CORE, ("serviceaccounts/token",)),
    _Power("get", _CORE, ("nodes/proxy",)),
    _Power("create", _CORE, ("nodes/proxy",)),
)
"""https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks,
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping,
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation"""


def powers(
    verbs: Collection[str], groups: Collection[str], resources: Collection[str], names: Collection[str]
) -> list[str]:
    """The verbs and resources of a rule that give more rights, e.g. `bind clusterroles`.

    Args:
        verbs: its verbs, in lower case.
        groups: its API groups; empty text for the core group.
        resources: its resources, subresources included.
        names: the objects that it is limited to; empty if it is for all.
    """
    found = []
    for power in _POWERS:
        if not {power.verb, "*"} & {*verbs} or not {power.group, "*"} & {*groups}:
            continue
        if names and not power.names & {*names}:
            continue
        if hit := [each for each in power.resources if _covers(resources, each)]:
            found.append(f"{power.verb} {', '.join(hit)}")
    return found


def _covers(resources: Collection[str], resource: str) -> bool:
    """Whether a rule's resources contain one; `*` contains subresources, and `*/proxy` those of all resources."""
    _, slash, part = resource.partition("/")
    return bool({"*", resource, *([f"*/{part}"] if slash else ())} & {*resources})


_USUAL_VERBS: Final = frozenset({"get", "list", "watch", "create", "update", "patch", "delete"})
"""https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb"""


def is_everything(rules: Iterable[Value]) -> bool:
    """Whether the rules of a role together allow all verbs on all objects of all resources and API groups.

    Permissions are additive: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#role-and-clusterrole
    """
    verbs = {
        str(verb)
        for rule in rules
        if isinstance(rule, Mapping)
        and not rule.get("resourceNames")
        and all("*" in items(rule.get(key)) for key in ("resources", "apiGroups"))
        for verb in items(rule.get("verbs"))
    }
    return "*" in verbs or verbs >= _USUAL_VERBS
