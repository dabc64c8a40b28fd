"""Finds retained resources inside containers that are deleted.

The engine does not delete a retained resource. The deletion of its container either deletes it too, or fails while the
container is not empty. Which of the two applies is data: `containers.yaml`.
"""

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from awsfacts.tables import Row, read_table
from mlpctl.review.compare.paths import holds, value_at
from mlpctl.review.plan.model import Change, Message, Op
from mlpctl.review.types.kinds import kind, short_type
from mlpctl.review.types.naming import own_keys
from mlpctl.review.values.plain import Value, root
from mlpctl.text import all_of

_GOES: Final = frozenset({Op.DELETE, Op.REPLACE})
_MOST_NAMED: Final = 3


class Container(Row):
    """A kind of container and the resources inside it."""

    whole: Sequence[str]
    """Types of the container, or patterns of types, in the form of `records.short`."""

    parts: Sequence[str]
    """Types of the resources inside it."""

    by: Sequence[str] = ()
    """Paths of the inputs of a part that contain the name or the ID of the container."""

    provided: bool = False
    """Whether the provider of a part is configured from the container."""

    alike: bool = False
    """Whether container and part have the same provider."""

    takes: Mapping[str, Any] = {}
    """Inputs of the container with which its deletion deletes its parts too; without them the deletion fails.

    If empty, the deletion always deletes its parts.
    """

    refuses: bool = False
    """Whether the deletion of the container always fails while the part exists."""


def own_names(type: str, inputs: Mapping[str, Value]) -> Iterator[str]:
    """The names of a resource in its own inputs: `name`, or `bucketName` of a bucket."""
    names = own_keys(type)
    yield from (value for key, value in inputs.items() if key.lower() in names and isinstance(value, str))


@dataclass
class _Going:
    """The containers that are deleted, by the names that their parts may use."""

    by_urn: dict[str, Change] = field(default_factory=dict)
    by_name: dict[tuple[int, str, str], Change] = field(default_factory=dict)
    """By row, name and, if container and part have the same, the provider."""

    def add(self, change: Change) -> None:
        """Add a deleted resource if it is a container."""
        rows = _rows_of(short_type(change.type))
        if not rows:
            return
        self.by_urn[change.urn] = change
        for number in rows:
            provider = change.provider if _table()[number].alike else ""
            for name in _names(change):
                self.by_name.setdefault((number, name.lower(), provider), change)


def emptied(changes: Sequence[Change]) -> tuple[list[Change], list[Message]]:
    """The changes, with retained resources counted as deleted if their container's deletion deletes them, and notes."""
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
                notes.append(Message("info", f"It is retained, but deleted with {_called(whole)}.", part.urn))
                going.add(taken)
                more = True
            else:
                held[whole.urn].append(part)
        waiting = left
    for urn, parts in held.items():
        found[urn] = replace(found[urn], held_by=tuple(map(_called, parts)))
        notes.append(Message("info", f"Its deletion fails, since {left_in(found[urn].held_by)} in it.", urn))
    return [found[each.urn] for each in changes], notes


def left_in(parts: Sequence[str]) -> str:
    """The remaining parts of a container, as the beginning of a clause: `the EKS node group gpu remains`."""
    shown = [*parts[:_MOST_NAMED], *([f"{len(parts) - _MOST_NAMED:,} more"] if len(parts) > _MOST_NAMED else [])]
    return f"{all_of(shown)} {'remains' if len(parts) == 1 else 'remain'}"


def _called(change: Change) -> str:
    return f"the {kind(change.type).words} {change.name}"


def _whole(part: Change, going: _Going, found: Mapping[str, Change]) -> tuple[Change | None, bool]:
    """The deleted container of a part, and whether its deletion deletes the part; one whose deletion fails is first."""
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
    """The names that parts may use for their container: its ID, the end of it, its own names."""
    inputs = change.old or {}
    yield from filter(None, (change.id, change.id.rsplit("/", 1)[-1]))
    yield from own_names(change.type, inputs)
    for way in ("metadata.name", "bucket", "projectId", "resourceName", "vaultName", "accountName", "serverName"):
        if isinstance(value := value_at(inputs, way), str):
            yield value


@cache
def _table() -> tuple[Container, ...]:
    return tuple(Container.model_validate(each) for each in read_table("containers.yaml", "mlpctl.review.relations"))


@cache
def _rows_of(type: str) -> tuple[int, ...]:
    """The rows in which a type is the container."""
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
