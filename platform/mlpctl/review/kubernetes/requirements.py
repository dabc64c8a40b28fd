"""Determines whether nodes may no longer match the requirements of a node pool of Karpenter."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple

from mlpctl.review.values.plain import Value, finite, items


class _Requirement(NamedTuple):
    operator: str
    values: frozenset[str]

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest whole number that it allows."""
        number = next(iter(map(finite, self.values)), None)
        if number is None:
            return -inf, inf
        return _BOUNDS[self.operator](number) if self.operator in _BOUNDS else (-inf, inf)


_BOUNDS: Final[Mapping[str, Callable[[float], tuple[float, float]]]] = {
    "Gt": lambda number: (number + 1, inf),
    "Gte": lambda number: (number, inf),
    "Lt": lambda number: (-inf, number - 1),
    "Lte": lambda number: (-inf, number),
}

_ABSENT: Final = "DoesNotExist"
_EXCLUDES: Final = "NotIn"


def narrowed(old: Value, new: Value) -> bool:
    """Whether a node that matches the old requirements may not match the new ones.

    A node that still matches stays: https://karpenter.sh/docs/concepts/disruption/#drift
    """
    before, after = _by_key(old), _by_key(new)
    return any(not _implies(before.get(key, []), each) for key, wanted in after.items() for each in wanted)


def _by_key(requirements: Value) -> Mapping[str, Sequence[_Requirement]]:
    found: dict[str, list[_Requirement]] = {}
    for each in items(requirements):
        if isinstance(each, Mapping):
            values = frozenset(map(str, items(each.get("values"))))
            found.setdefault(str(each.get("key")), []).append(_Requirement(str(each.get("operator", "In")), values))
    return found


def _implies(given: Sequence[_Requirement], wanted: _Requirement) -> bool:
    """Whether every value that meets the given requirements of a label meets another one."""
    listed = [each.values for each in given if each.operator == "In"]
    if listed:
        values = frozenset.intersection(*listed)
        return all(_meets(each, wanted) for each in values if all(_meets(each, other) for other in given))
    if any(each.operator == _ABSENT for each in given):
        return wanted.operator in (_ABSENT, _EXCLUDES)
    if wanted.operator == "Exists":
        return any(each.operator != _EXCLUDES for each in given)
    low, high = _range(given)
    if wanted.operator == _EXCLUDES:
        excluded = frozenset[str]().union(*(each.values for each in given if each.operator == _EXCLUDES))
        return all(not low <= (finite(each) or 0) <= high for each in wanted.values - excluded)
    least, most = wanted.bounds
    return wanted.operator in _BOUNDS and least <= low and high <= most


def _range(given: Sequence[_Requirement]) -> tuple[float, float]:
    bounds = [each.bounds for each in given]
    return max((low for low, _ in bounds), default=-inf), min((high for _, high in bounds), default=inf)


def _meets(value: str, wanted: _Requirement) -> bool:
    if wanted.operator in _BOUNDS:
        low, high = wanted.bounds
        number = finite(value)
        return number is not None and low <= number <= high
    if wanted.operator in ("In", _EXCLUDES):
        return (value in wanted.values) is (wanted.operator == "In")
    return wanted.operator == "Exists"
