"""The inputs of an estimate: the plan with indexes, the price book, and the usage from the config."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final, Protocol, TypeAlias

from mlpctl import urns
from mlpctl.review.cost.book import Price
from mlpctl.review.plan.model import Change, Op, Plan

Usage: TypeAlias = Mapping[str, Mapping[str, float]]
"""Usage that a plan does not contain: logical name, or `EVERYTHING` → field → units per month."""

EVERYTHING: Final = "default"
"""The name of the usage that applies to every resource without its own entry."""


class Book(Protocol):
    """The methods of the price book that estimates use."""

    def find(self, service: str, region: str, item: str) -> Price | None:
        """The price of one unit, that of the first tier if there are several; None if the book has none."""

    def tiers(self, service: str, region: str, item: str) -> tuple[tuple[float, Price], ...]:
        """The price tiers of an item, each with its start in units per month; empty if the book has none."""

    def spot(self, region: str, instance_type: str) -> tuple[Price, Price] | None:
        """The lowest and the highest spot price per hour; None if the book has none."""


@dataclass(frozen=True)
class World:
    """The inputs of an estimate. Lookups of other resources use its indexes, because a plan may be long."""

    plan: Plan
    book: Book
    usage: Usage
    region: str
    """The region of the stack; empty if it is not known."""

    today: date
    reserved: dict[bool, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """`reserved.Covered` by URN, for the state before (True) and after the update; filled by `reserved.py`."""

    _users: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    _names: dict[tuple[str, str], dict[str, list[Change]]] = field(default_factory=dict, repr=False)
    _called: dict[tuple[str, bool], dict[str, list[Change]]] = field(default_factory=dict, repr=False)
    _objects: dict[tuple[str, bool], dict[str, list[Change]]] = field(default_factory=dict, repr=False)

    def used_by(self, urn: str, name: str) -> str:
        """The name by which `usage` sets a field for a resource, or for the nearest of its parents; empty if none."""
        known = self._users.setdefault(name, {"": ""})
        way = []
        while urn not in known:
            way.append(urn)
            own = urns.name(urn)
            if self.usage.get(own, {}).get(name) is not None:
                known[urn] = own
            else:
                urn = self.plan.parents.get(urn, "")
        known |= dict.fromkeys(way, known[urn])
        return known[urn]

    def of_type(self, kind: str) -> Sequence[Change]:
        """The resources of a type, in the plan's order."""
        return self._by_type.get(kind, ())

    def named(self, kind: str, ids: Iterable[str]) -> list[Change]:
        """The resources of a type with one of these IDs, in the plan's order."""
        found = {place: each for id in ids for place, each in self._by_id.get((kind, id), ())}
        return [found[place] for place in sorted(found)]

    def called(self, kind: str, name: object, path: str = "name") -> Sequence[Change]:
        """The resources of a type that have a name in their input `path`, before or after the update."""
        if (found := self._names.get((kind, path))) is None:
            found = self._names[kind, path] = defaultdict(list)
            for each in self.of_type(kind):
                names = [inputs.get(path) for inputs in (each.old, each.new) if inputs]
                for given in dict.fromkeys(given for given in names if isinstance(given, str)):
                    found[given].append(each)
        return found.get(name, ()) if isinstance(name, str) else ()

    def name_of(self, change: Change, before: bool) -> str:
        """The name of a resource before or after the update; empty if it has none, or it is not known."""
        inputs = (change.old if before else change.new) or {}
        given = inputs.get("name")
        if given is not None or not inputs:
            return given if isinstance(given, str) else ""
        return "" if change.op is Op.REPLACE and not before else change.called

    def with_name(self, like: Change, kind: str, names: Iterable[str], before: bool) -> Sequence[Change]:
        """The resource of a type and of another's provider that has one of these names; empty if it is not unique."""
        if (by_name := self._called.get((kind, before))) is None:
            by_name = self._called[kind, before] = defaultdict(list)
            for each in self.of_type(kind):
                if name := self.name_of(each, before):
                    by_name[name].append(each)
        found = [each for name in sorted({*names}) for each in by_name.get(name, ()) if each.provider == like.provider]
        return found if len(found) == 1 else ()

    def users(self, urn: str, kind: str, path: str) -> Sequence[Change]:
        """The resources of a type whose input `path` depends on a resource."""
        return self._by_cause.get((urn, kind, path), ())

    def objects(self, kind: str, name: object, before: bool) -> Sequence[Change]:
        """The Kubernetes objects of a kind that have a name, before or after the update."""
        if (found := self._objects.get((kind, before))) is None:
            found = self._objects[kind, before] = defaultdict(list)
            for each in self.of_type(kind):
                metadata = ((each.old if before else each.new) or {}).get("metadata")
                if isinstance(metadata, Mapping) and isinstance(metadata.get("name"), str):
                    found[metadata["name"]].append(each)
        return found.get(name, ()) if isinstance(name, str) else ()

    @cached_property
    def _by_type(self) -> Mapping[str, Sequence[Change]]:
        found: dict[str, list[Change]] = defaultdict(list)
        for each in self.plan:
            found[each.type].append(each)
        return found

    @cached_property
    def _by_id(self) -> Mapping[tuple[str, str], Sequence[tuple[int, Change]]]:
        found: dict[tuple[str, str], list[tuple[int, Change]]] = defaultdict(list)
        for place, each in enumerate(self.plan):
            if each.id:
                found[each.type, each.id].append((place, each))
        return found

    @cached_property
    def _by_cause(self) -> Mapping[tuple[str, str, str], Sequence[Change]]:
        found: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
        for each in self.plan:
            for path, causes in each.depends.items():
                for urn in dict.fromkeys(causes):
                    found[urn, each.type, path].append(each)
        return found
