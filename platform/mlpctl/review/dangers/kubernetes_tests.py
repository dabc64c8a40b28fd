"""Tests of how a property of a Kubernetes object changed, by the names that records use: see `watch_tests`."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mlpctl.review.compare.equality import word
from mlpctl.review.compare.paths import value_at
from mlpctl.review.kubernetes import node_paths, pods, quotas, requirements
from mlpctl.review.kubernetes.powers import is_everything, powers
from mlpctl.review.values.plain import Value, items
from mlpctl.review.values.quantities import number


def mounts_node(old: Value, new: Value, value: Any) -> bool:
    """Whether paths of a node give control of the node, and did not."""
    before, after = ([each for each in items(side) if isinstance(each, str)] for side in (old, new))
    return node_paths.more_access(before, after)


def adds_ports(old: Value, new: Value, value: Any) -> bool:
    """Whether there are ports of a node that were not there; 0 is no port."""
    return bool(_words(new) - _words(old) - {"0"})


def unsafe_sysctls(old: Value, new: Value, value: Any) -> bool:
    """Whether there are settings of the kernel that affect more than the pod, and were not there."""
    return any(not pods.is_safe_sysctl(each) for each in _words(new) - _words(old))


def allows_all(old: Value, new: Value, value: Any) -> bool:
    """Whether the rules of a role together allow all verbs on all resources, and did not."""
    return is_everything(items(new)) and not is_everything(items(old))


def escalates(old: Value, new: Value, value: Any) -> bool:
    """Whether a rule of a role lets principals get any permissions beyond it, and none did."""
    return any(map(_escalates, items(new))) and not any(map(_escalates, items(old)))


def selects_all(old: Value, new: Value, value: Any) -> bool:
    """Whether a label selector, or one of several, is empty, so that it selects everything, and none was."""
    return _select_all(new) and not _select_all(old)


def empties_one(old: Value, new: Value, value: Any) -> bool:
    """Whether a part of a deployment, by its name or its key, has 0 replicas and had others."""
    before, after = _replicas(old), _replicas(new)
    return any(count == 0 and before.get(name, 0) != 0 for name, count in after.items())


def lowers_quota(old: Value, new: Value, value: Any) -> bool:
    """Whether a queue of Kueue has less quota."""
    return quotas.lowered(old, new)


def limits_borrowing(old: Value, new: Value, value: Any) -> bool:
    """Whether a queue of Kueue may borrow or lend less quota."""
    return quotas.limited(old, new)


def narrowed(old: Value, new: Value, value: Any) -> bool:
    """Whether nodes of Karpenter may no longer match the requirements of their pool."""
    return requirements.narrowed(old, new)


TESTS: Final[Mapping[str, Callable[[Value, Value, Any], bool]]] = {
    "mountsNode": mounts_node,
    "addsPorts": adds_ports,
    "unsafeSysctls": unsafe_sysctls,
    "allowsAll": allows_all,
    "escalates": escalates,
    "selectsAll": selects_all,
    "emptiesOne": empties_one,
    "lowersQuota": lowers_quota,
    "limitsBorrowing": limits_borrowing,
    "narrowed": narrowed,
}
"""The tests by their names. An unknown value cannot answer any of them."""


def _words(value: Value) -> set[str]:
    return set(map(word, items(value)))


def _escalates(rule: Value) -> bool:
    """Whether a rule of a role lets principals get more rights."""
    if not isinstance(rule, Mapping):
        return False
    keys = ("verbs", "apiGroups", "resources", "resourceNames")
    return bool(powers(*(_words(rule.get(key)) for key in keys)))


def _replicas(parts: Value) -> Mapping[str, float | None]:
    """The numbers of replicas of the parts of a deployment, which are the items of a list or of a mapping."""
    named = parts.items() if isinstance(parts, Mapping) else ((value_at(each, "name"), each) for each in items(parts))
    return {str(name): number(value_at(each, "replicas")) for name, each in named}


def _select_all(selectors: Value) -> bool:
    return any(isinstance(each, Mapping) and not any(each.values()) for each in items(selectors))
