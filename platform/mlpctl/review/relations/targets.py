"""Finds grants and rules that are changed to another target or principal than before: `targets.yaml`."""

import fnmatch
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

from awsfacts.tables import Row, read_table
from mlpctl.review.compare.paths import value_at
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.relations.containers import own_names
from mlpctl.review.relations.owners import Owners
from mlpctl.review.types.kinds import short_type
from mlpctl.review.types.naming import own_keys
from mlpctl.review.values.plain import Unknown, Value, items, root

_AGAIN: Final = frozenset({Op.REPLACE, Op.UPDATE, Op.SAME, Op.REFRESH})


class _Table(Row):
    """`targets.yaml`, which explains its fields."""

    names: Sequence[Sequence[str]]
    more: Mapping[str, Sequence[str]]


class Targets:
    """The old and new targets of the grants and rules of a plan."""

    def __init__(self, plan: Plan, by_id: Owners, named: Callable[[Change, str], Sequence[Change]]) -> None:
        """Use a plan; `by_id` contains its existing resources, `named` finds those that a property refers to."""
        self._plan = plan
        self._by_id = by_id
        self._named = named

    def new(self, change: Change) -> tuple[str, ...]:
        """The properties of an existing resource that refer to another target or principal than before."""
        if change.old is None or change.new is None:
            return ()
        return tuple(name for name in _names(short_type(change.type)) if self.moves(change, name))

    def moves(self, change: Change, name: str) -> bool:
        """Whether a property refers to something that it did not refer to before."""
        if change.old is None or change.new is None:
            return False
        old, new = value_at(change.old, name), value_at(change.new, name)
        if isinstance(old, list) or isinstance(new, list):
            return _adds(items(old), items(new))
        if old is None or new is None or isinstance(old, Unknown) or _is_same(old, new):
            return False
        if isinstance(new, Unknown):
            return not self._is_again(change, name, old)
        return not self._is_renamed(change, name)

    def key(self, change: Change, name: str, side: str) -> str:
        """What a property refers to on the old or the new side: a URN, or the value as text."""
        if not self.moves(change, name):
            found = self._named(change, name)
            return found[0].urn if found else json.dumps(change.inputs.get(name), sort_keys=True, default=repr)
        value = ((change.old if side == "old" else change.new) or {}).get(name)
        if isinstance(value, str):
            found = self._by_id.find(change, name, value)
            return found[0].urn if found else json.dumps(value)
        return next((each.urn for each in self._plan.causes(change, name)), f"{change.urn} {name} {side}")

    def _is_again(self, change: Change, name: str, old: Value) -> bool:
        """Whether an unknown target is probably the old one, which is replaced or changes."""
        before = self._by_id.find(change, name, old)
        causes = [each for each in self._plan.causes(change, root(name)) if each.custom]
        if causes:
            urns = {each.urn for each in before}
            return any(each.urn in urns if before else each.op in _AGAIN for each in causes)
        # The stream of events has no dependencies, and an ID may be the last part of an ARN.
        parts = re.split("[:/]", old) if isinstance(old, str) else ()
        before = before or (self._by_id.find(change, name, parts[-1]) if parts else ())
        return any(each.op is Op.REPLACE for each in before)

    def _is_renamed(self, change: Change, name: str) -> bool:
        """Whether the old target gets the name of the new one."""
        old, new = value_at(change.old or {}, name), value_at(change.new or {}, name)
        before = self._by_id.find(change, name, old)
        return any(new in {*own_names(each.type, each.new or {})} for each in before)


@cache
def _table() -> _Table:
    return _Table.model_validate(read_table("targets.yaml", "mlpctl.review.relations"))


@cache
def _names(type: str) -> Sequence[str]:
    """The properties of a type that refer to its targets and principals."""
    own = own_keys(type)
    everywhere = [name for names in _table().names for name in names if name.lower() not in own]
    more = [name for pattern, names in _table().more.items() if fnmatch.fnmatchcase(type, pattern) for name in names]
    return (*everywhere, *more)


def _adds(old: Sequence[Value], new: Sequence[Value]) -> bool:
    """Whether a list contains a new item; an unknown one may be one that is missing."""
    before, after = ({json.dumps(each, sort_keys=True, default=repr) for each in side} for side in (old, new))
    unknown = sum(isinstance(each, Unknown) for each in new)
    come = len(after - before) - bool(unknown)
    return come > 0 or unknown > len(before - after)


def _is_same(old: Value, new: Value) -> bool:
    """Whether two values are equal, or one is the name and the other the ARN or the path of the same resource."""
    if old == new:
        return True
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    short, long = sorted((old, new), key=len)
    return bool(short) and long.endswith((f"/{short}", f":{short}"))
