"""Compares the quotas of Kueue's queues.

https://kueue.sigs.k8s.io/docs/concepts/cluster_queue
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from math import inf
from typing import Final

from mlpctl.review.kubernetes.kubernetes_forms import quantity
from mlpctl.review.values.plain import Value, items


def lowered(old: Value, new: Value) -> bool:
    """Whether the resource groups of a queue have less quota of a resource of a flavor."""
    return _any_less(old, new, lambda each: quantity(each.get("nominalQuota")) or Decimal(0))


def limited(old: Value, new: Value) -> bool:
    """Whether a queue may borrow less quota from others, or lend less: a missing limit is no limit."""
    return any(_any_less(old, new, partial(_limit, name)) for name in ("borrowingLimit", "lendingLimit"))


def _limit(name: str, resource: Mapping[str, Value]) -> Decimal | float:
    found = quantity(resource.get(name))
    return inf if found is None else found


def _any_less(old: Value, new: Value, amount: Callable[[Mapping[str, Value]], Decimal | float]) -> bool:
    after = dict(_resources(new))
    return any(amount(after.get(key, _NONE)) < amount(each) for key, each in _resources(old))


_NONE: Final[Mapping[str, Value]] = {}


def _resources(groups: Value) -> Iterator[tuple[tuple[str, str], Mapping[str, Value]]]:
    """The quotas by flavor and resource."""
    for group in items(groups):
        for flavor in items(group.get("flavors")) if isinstance(group, Mapping) else ():
            for each in items(flavor.get("resources")) if isinstance(flavor, Mapping) else ():
                if isinstance(each, Mapping):
                    yield (str(flavor.get("name")), str(each.get("name"))), each
