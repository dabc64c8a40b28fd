"""Resources that lie in others: what stays in the cloud by its own option goes all the same with what it lies in.

The engine leaves out the deletion of what is retained, and the provider that deletes the whole takes it along, or
refuses as long as something is in it. Which of the two is data: `containers.yaml`.
"""

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from awsfacts.tables import Row, read_table
from mlpctl.review.kinds import kind, short_type
from mlpctl.review.naming import own_keys
from mlpctl.review.plan import Change, Message, Op
from mlpctl.review.values import Value, root
from mlpctl.review.watches import holds, value_at

_GOES: Final = frozenset({Op.DELETE, Op.REPLACE})
_MOST_NAMED: Final = 3


class Container(Row):
    """What lies in what."""

    whole: Sequence[str]
    """Types, or patterns of them, as `records.short` writes them."""

    parts: Sequence[str]
    by: Sequence[str] = ()
    """Ways in a part to what names the whole: its name, or its id."""

    provided: bool = False
    """Whether a part is made with a provider that comes from the whole."""

    alike: bool = False
    """Whether whole and part have the same provider."""

    takes: Mapping[str, Any] = {}
    """Inputs of the whole with which its deletion takes its parts along; it refuses without them. None: always."""

    refuses: bool = False
    """Whether the deletion of the whole always fails as long as the part is there."""


def own_names(type: str, inputs: Mapping[str, Value]) -> Iterator[str]:
    """What a resource is called by its own inputs: `name`, or `bucketName` of a bucket."""
    names = own_keys(type)
    yield from (value for key, value in inputs.items() if key.lower() in names and isinstance(value, str))


@dataclass
class _Going:
    """The containers that go, by what their parts may call them."""

    by_urn: dict[str, Change] = field(default_factory=dict)
    by_name: dict[tuple[int, str, str], Change] = field(default_factory=dict)
    """By row, name and, where whole and part have the same, the provider."""

    def add(self, change: Change) -> None:
        """Take up what goes, if it is a container."""
        rows = _rows_of(short_type(change.type))
        if not rows:
            return
        self.by_urn[change.urn] = change
        for number in rows:
            provider = change.provider if _table()[number].alike else ""
            for name in _names(change):
                self.by_name.setdefault((number, name.lower(), provider), change)


def emptied(changes: Sequence[Change]) -> tuple[list[Change], list[Message]]:
    """The changes, where what is retained goes with what it lies in; and what is to be said of it."""
    going = _Going()
    for each in changes:
        if each.custom and each.op in _GOES and not each.retained:
            going.add(each)
    if not going.by_urn:
        return [*changes], []
    found = {each.urn: each for each in changes}
    waiting = [
        each for each in changes if each.custom and (each.op is Op.FORGET or (each.op in _GOES and each.retained))
    ]
    notes: list[Message] = []
    held: dict[str, list[Change]] = defaultdict(list)
    more = True
    while more:
        more, left = False, []
        for part in waiting:
            whole, takes = _whole(part, going, found)
            if whole is None:
                left.append(part)
            elif takes:
                taken = replace(part, op=Op.DELETE if part.op is Op.FORGET else part.op, retained=False)
                found[part.urn] = taken
                notes.append(Message("info", f"It is retained, but goes with {_called(whole)}.", part.urn))
                going.add(taken)
                more = True
            else:
                held[whole.urn].append(part)
        waiting = left
    for urn, parts in held.items():
        found[urn] = replace(found[urn], held_by=tuple(map(_called, parts)))
        notes.append(Message("info", f"Its deletion fails: {left_in(found[urn].held_by)} in it.", urn))
    return [found[each.urn] for each in changes], notes


def left_in(parts: Sequence[str]) -> str:
    """Which parts are left in a container, as the beginning of a clause: `the EKS node group gpu stays`."""
    shown = [*parts[:_MOST_NAMED], *([f"{len(parts) - _MOST_NAMED:,} more"] if len(parts) > _MOST_NAMED else [])]
    named = " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
    return f"{named} {'stays' if len(parts) == 1 else 'stay'}"


def _called(change: Change) -> str:
    return f"the {kind(change.type).words} {change.name}"


def _whole(part: Change, going: _Going, found: Mapping[str, Change]) -> tuple[Change | None, bool]:
    """What goes and has a part in it, and whether it takes the part along; one that refuses comes first."""
    takers: list[Change] = []
    for row, whole in _candidates(part, going, found):
        if whole.urn == part.urn or (
            row.alike and part.provider and whole.provider and part.provider != whole.provider
        ):
            continue
        if row.refuses or (row.takes and not holds(whole.old or {}, row.takes)):
            return whole, False
        takers.append(whole)
    return (takers[0], True) if takers else (None, False)


def _candidates(part: Change, going: _Going, found: Mapping[str, Change]) -> Iterator[tuple[Container, Change]]:
    for number in _parts_of(short_type(part.type)):
        row = _table()[number]
        if row.provided:
            provider = found.get(part.provider)
            causes = {urn for each in provider.depends.values() for urn in each} if provider else ()
            yield from ((row, going.by_urn[urn]) for urn in causes if _fits(row, going.by_urn.get(urn)))
        for way in row.by:
            for urn in part.depends.get(root(way), ()):
                if _fits(row, going.by_urn.get(urn)):
                    yield row, going.by_urn[urn]
            value = value_at(part.old or {}, way)
            if isinstance(value, str):
                whole = going.by_name.get((number, value.lower(), part.provider if row.alike else ""))
                if whole is not None:
                    yield row, whole


def _fits(row: Container, change: Change | None) -> bool:
    return change is not None and any(pattern.match(short_type(change.type)) for pattern in _patterns(row.whole))


def _names(change: Change) -> Iterator[str]:
    """What parts may call their container: its id, the end of it, its own names."""
    inputs = change.old or {}
    yield from filter(None, (change.id, change.id.rsplit("/", 1)[-1]))
    yield from own_names(change.type, inputs)
    for way in ("metadata.name", "bucket", "projectId", "resourceName", "vaultName", "accountName", "serverName"):
        if isinstance(value := value_at(inputs, way), str):
            yield value


@cache
def _table() -> tuple[Container, ...]:
    return tuple(Container.model_validate(each) for each in read_table("containers.yaml", "mlpctl.review"))


@cache
def _rows_of(type: str) -> tuple[int, ...]:
    """The rows in which a type is the whole."""
    return _matching(type, (each.whole for each in _table()))


@cache
def _parts_of(type: str) -> tuple[int, ...]:
    """The rows in which a type is a part."""
    return _matching(type, (each.parts for each in _table()))


def _matching(type: str, names: Iterable[Sequence[str]]) -> tuple[int, ...]:
    return tuple(number for number, each in enumerate(names) if any(pattern.match(type) for pattern in _patterns(each)))


def _patterns(names: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(map(_pattern, names))


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(name))
