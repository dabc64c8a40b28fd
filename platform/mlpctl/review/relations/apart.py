"""Finds settings that only move between a resource's own inputs and separate resources: `apart.yaml`."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Final

from awsfacts.tables import Row, read_table
from mlpctl.review.compare.equality import canonical, policy, word
from mlpctl.review.compare.paths import value_at
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.relations.containers import own_names
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import Value, document, items, root

_OFF: Final = frozenset({"", "None", "false", "Suspended", "Disabled"})
_ON: Final = "Enabled"

_Values = frozenset[tuple[str, str]]


class _Setting(Row):
    """A row of `apart.yaml`, which explains its fields."""

    whole: str
    property: str
    parts: Sequence[str]
    by: Sequence[str]
    pairs: Mapping[str, Sequence[str]]


class Apart:
    """The settings of a plan that move between resources without a change."""

    def __init__(self, plan: Plan, named: Callable[[Change, str], Sequence[Change]]) -> None:
        """Use a plan; `named` finds the resources that a property refers to."""
        self._plan = plan
        self._named = named

    def moved(self, change: Change) -> frozenset[str]:
        """The properties of a resource whose settings move to or from separate resources without a change."""
        return self._found[0].get(change.urn, frozenset())

    def takes(self, change: Change) -> bool:
        """Whether a resource is created or deleted only because its settings move."""
        return change.op in (Op.CREATE, Op.DELETE) and change.urn in self._found[1]

    @cached_property
    def _found(self) -> tuple[Mapping[str, frozenset[str]], frozenset[str]]:
        """Moved properties by URN, and the URNs of the separate resources."""
        moved: dict[str, frozenset[str]] = {}
        takers: set[str] = set()
        for (number, urn), parts in self._parts().items():
            row, whole = _table()[number], self._plan.by_urn[urn]
            before, after = (_values(row, whole, parts, side) for side in ("old", "new"))
            if before and before == after and not any(_turns_off(whole, path) for path in row.pairs):
                moved[urn] = moved.get(urn, frozenset()) | {root(row.property)}
                takers |= {each.urn for each in parts}
        return moved, frozenset(takers)

    def _parts(self) -> Mapping[tuple[int, str], Sequence[Change]]:
        """The separate settings by the row and the URN of the existing resource that they belong to."""
        wholes: dict[tuple[int, str], Change] = {}
        found: dict[tuple[int, str], list[Change]] = defaultdict(list)
        for change in self._plan:
            for number in _wholes().get(short_type(change.type), ()):
                if change.old is not None and change.new is not None and change.op is not Op.SAME:
                    names = (change.id, change.urn, *own_names(change.type, change.new))
                    wholes |= {(number, name): change for name in names if name}
        if not wholes:
            return {}
        for change in self._plan:
            for number in _owned().get(short_type(change.type), ()):
                for name in self._owners(change, _table()[number].by):
                    if whole := wholes.get((number, name)):
                        found[number, whole.urn].append(change)
                        break
        return found

    def _owners(self, change: Change, names: Sequence[str]) -> Iterator[str]:
        """The URNs, names and IDs in the properties that refer to the resource of a setting."""
        for name in names:
            yield from (each.urn for each in self._named(change, name))
            value = change.inputs.get(name)
            if isinstance(value, str):
                yield value


def _values(row: _Setting, whole: Change, parts: Sequence[Change], side: str) -> _Values:
    """The settings before or after the update, in all resources together."""
    found: set[tuple[str, str]] = set()
    for inline, ways in row.pairs.items():
        values = items(value_at(_inputs(whole, side), inline))
        for part in parts:
            values += [each for way in ways for each in items(value_at(_inputs(part, side), way))]
        found |= {(inline, text) for each in values if (text := _normal(each)) not in _OFF}
    return frozenset(found)


def _turns_off(whole: Change, path: str) -> bool:
    """Whether an inline setting is disabled instead of removed; a separate resource may still enable it."""
    old, new = (value_at(_inputs(whole, side), path) for side in ("old", "new"))
    return new is not None and old != new and _normal(new) in _OFF


def _inputs(change: Change, side: str) -> Mapping[str, Value]:
    return (change.old if side == "old" else change.remaining) or {}


def _normal(value: Value) -> str:
    """A value as text, equal for equivalent values."""
    found: Any = document(value) if type(value) is str else value
    if isinstance(found, Mapping) and "Statement" in found:
        return canonical(policy(found))
    text = word(value)
    return "true" if text == _ON else text


@cache
def _table() -> Sequence[_Setting]:
    rows = read_table("apart.yaml", "mlpctl.review.relations")["settings"]
    return tuple(_Setting.model_validate(each) for each in rows)


@cache
def _wholes() -> Mapping[str, Sequence[int]]:
    """The numbers of the rows by the type of the resource."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(_table()):
        found[row.whole].append(number)
    return found


@cache
def _owned() -> Mapping[str, Sequence[int]]:
    """The numbers of the rows by the type of the separate resources."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(_table()):
        for part in row.parts:
            found[part].append(number)
    return found
