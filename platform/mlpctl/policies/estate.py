"""The resources that rules judge, from a plan, from a policy pack's arguments or from a deployed state."""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import pulumi

from mlpctl import urns
from mlpctl.policies.siblings import Siblings
from mlpctl.review.values.plain import Masked, Secret, Unknown, Value, items

Class: TypeAlias = type[pulumi.Resource]
"""An SDK class."""

_Found = TypeVar("_Found")


class NotEvaluated(Exception):
    """A rule cannot be evaluated: a value that it needs is not known yet, or is secret."""

    def __init__(self, why: str) -> None:
        """Keep the reason, as the end of a sentence."""
        super().__init__(why)
        self.why = why


class NotApplicable(Exception):
    """A rule for the stack has nothing to judge."""

    def __init__(self, why: str) -> None:
        """Keep the reason, as the end of a sentence."""
        super().__init__(why)
        self.why = why


class NeedsStack(NotEvaluated):
    """A rule needs the other resources of the stack, and has only one."""

    def __init__(self) -> None:
        """Set the reason."""
        super().__init__("it needs all resources of the stack")


@dataclass(frozen=True)
class Resource:
    """A resource that exists after the update, with its inputs.

    Inputs have the names of Pulumi's schema (camelCase). Paths join them with dots: `vpcConfig.publicAccessCidrs`.
    """

    urn: str
    type: str
    """The current type token, also for a resource of an older name of the type: `aws:s3/bucket:Bucket`."""

    inputs: Mapping[str, Value]
    estate: "Estate" = field(repr=False, compare=False)
    id: str = ""
    """The provider's ID; empty if it does not exist yet."""

    parent: str = ""
    """URN of the parent; empty without one."""

    depends: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """URNs of the resources that each input depends on."""

    protected: bool = False
    retained: bool | None = False
    """Whether `retainOnDelete` is set; None in a policy pack, which is not told it."""

    read: bool = False
    """Whether the program only reads it: rules do not judge it, but others may refer to it."""

    names: frozenset[str] = frozenset()
    """Its ID and the names in its inputs: what other resources may call it."""

    @property
    def name(self) -> str:
        """The logical name."""
        return urns.name(self.urn)

    def get(self, path: str, default: Any = None) -> Any:
        """The input at a path; `default` if it or something above it is not set.

        Raises:
            NotEvaluated: it is not known yet, or it is secret.
        """
        here: Value = self.inputs
        for key in path.split("."):
            here = here.get(key) if isinstance(here, Mapping) else None
            if isinstance(here, Unknown):
                raise NotEvaluated(f"{path} is not known yet")
            if isinstance(here, Secret):
                raise NotEvaluated(f"{path} is secret")
        return default if here is None else here

    def has(self, path: str) -> bool:
        """Whether an input is set, although its value may not be known yet."""
        above, _, key = path.rpartition(".")
        holder = self.get(above) if above else self.inputs
        return isinstance(holder, Mapping) and holder.get(key) not in (None, "", [], {})

    def each(self, path: str) -> Iterator[Any]:
        """The items of the list at a path; a single value counts as a list of one.

        Raises:
            NotEvaluated: the list, or an item when it is reached, is not known yet or is secret.
        """
        for number, item in enumerate(items(self.get(path))):
            if isinstance(item, Unknown | Secret):
                raise NotEvaluated(f"{path}[{number}] is {'secret' if isinstance(item, Secret) else 'not known yet'}")
            yield item

    def document(self, path: str) -> Mapping[str, Any]:
        """The JSON object at a path, such as a policy; empty if it is not set or no JSON object.

        Raises:
            NotEvaluated: it is not known yet, or a part of it is secret.
        """
        found = self.get(path)
        if isinstance(found, Masked):
            raise NotEvaluated(f"{path} is partly secret")
        if isinstance(found, str):
            try:
                found = json.loads(found)
            except (ValueError, RecursionError):
                return {}
        return found if isinstance(found, Mapping) else {}

    def referring(self, kind: Class, by: str) -> list["Resource"]:
        """The resources of an SDK class whose input `by` refers to this one.

        Raises:
            NotEvaluated: there is none, but the reference of another one is not known.
        """
        return self.estate.referring(self, kind, by)

    def referred(self, by: str) -> list["Resource"]:
        """The resources that an input refers to, by the engine's dependencies or by their IDs and names."""
        return self.estate.referred(self, by)


@dataclass(frozen=True)
class Setting:
    """A field of the stack file that violates a rule for the whole stack."""

    path: str
    """Its path below `mlplatform:platform`, e.g. `cluster.logDays`."""


@dataclass(frozen=True)
class Estate:
    """All resources of a stack after an update."""

    make: Any = field(repr=False)
    """Makes the resources for this estate."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """The platform's section of the stack file with all defaults; empty for a program without it."""

    whole: bool = True
    """Whether it contains all resources of the stack; if not, relations between resources cannot be evaluated."""

    today: date = field(default_factory=date.today)
    """The day on which AWS must support what the resources use."""

    siblings: Siblings | None = field(default=None, repr=False)
    """The other stacks of the project; None if it is not at hand."""

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """The resources, in the engine's order."""
        return tuple(self.make(self))

    @cached_property
    def by_type(self) -> Mapping[str, Sequence[Resource]]:
        """The resources by type token."""
        found: dict[str, list[Resource]] = {}
        for each in self.resources:
            found.setdefault(each.type, []).append(each)
        return found

    @cached_property
    def by_urn(self) -> Mapping[str, Resource]:
        """The resources by URN."""
        return {each.urn: each for each in self.resources}

    def of(self, *kinds: Class) -> list[Resource]:
        """The resources of SDK classes.

        Raises:
            NotEvaluated: this is not the whole stack.
        """
        self._needs_whole()
        return [each for kind in kinds for each in self.by_type.get(token(kind), ())]

    def referring(self, target: Resource, kind: Class, by: str) -> list[Resource]:
        """See `Resource.referring`."""
        self._needs_whole()
        by_urn, by_name, blind = self._index(token(kind), by)
        found = {each.urn: each for each in by_urn.get(target.urn, ())}
        for name in target.names:
            found |= {each.urn: each for each in by_name.get(name, ())}
        if not found and blind:
            raise NotEvaluated(f"{by} of {blind[0].name} is not known yet")
        return [*found.values()]

    def referred(self, resource: Resource, by: str) -> list[Resource]:
        """See `Resource.referred`."""
        self._needs_whole()
        found = {urn: self.by_urn[urn] for urn in resource.depends.get(by, ()) if urn in self.by_urn}
        if not found:
            for value in items(resource.inputs.get(by)):
                found |= {each.urn: each for each in self._by_name.get(value, ())} if isinstance(value, str) else {}
        return [*found.values()]

    def called(self, names: Iterable[Value], *kinds: Class) -> list[Resource]:
        """The resources of SDK classes that have one of these names.

        Raises:
            NotEvaluated: this is not the whole stack.
        """
        self._needs_whole()
        types = {*map(token, kinds)}
        named = (each for name in names if isinstance(name, str) for each in self._by_name.get(name, ()))
        return [*{each.urn: each for each in named if each.type in types}.values()]

    def once(self, key: Hashable, find: Callable[[], _Found]) -> _Found:
        """What a function finds in all resources, which is the same for each of them; it is called once for each key.

        Without this, a rule that looks at all resources for each one takes four times as long for twice as many.

        Raises:
            NotEvaluated: the function raised it.
        """
        if key not in self._kept:
            try:
                self._kept[key] = (find(), None)
            except NotEvaluated as error:
                self._kept[key] = (None, error)
        found, late = self._kept[key]
        if late:
            # Each time that an exception is raised, its traceback grows.
            raise late.with_traceback(None)
        made: _Found = found
        return made

    @cached_property
    def _kept(self) -> dict[Hashable, tuple[Any, NotEvaluated | None]]:
        return {}

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[Resource]]:
        found: dict[str, list[Resource]] = {}
        for each in self.resources:
            for name in each.names:
                found.setdefault(name, []).append(each)
        return found

    @cached_property
    def _indexes(self) -> dict[tuple[str, str], "_Index"]:
        return {}

    def _index(self, type: str, by: str) -> "_Index":
        """The resources of a type by what an input refers to, and those for which this is not known."""
        if (type, by) not in self._indexes:
            by_urn: dict[str, list[Resource]] = {}
            by_name: dict[str, list[Resource]] = {}
            blind: list[Resource] = []
            for each in self.by_type.get(type, ()):
                causes = each.depends.get(by, ())
                values = items(each.inputs.get(by))
                for urn in causes:
                    by_urn.setdefault(urn, []).append(each)
                for value in values:
                    if isinstance(value, str):
                        by_name.setdefault(value, []).append(each)
                if not causes and any(isinstance(value, Unknown | Secret) for value in values):
                    blind.append(each)
            self._indexes[type, by] = (by_urn, by_name, blind)
        return self._indexes[type, by]

    def _needs_whole(self) -> None:
        if not self.whole:
            raise NeedsStack


_Index = tuple[Mapping[str, Sequence[Resource]], Mapping[str, Sequence[Resource]], Sequence[Resource]]


def token(kind: Class) -> str:
    """The type token of an SDK class, e.g. `aws:s3/bucket:Bucket`."""
    return str(vars(kind)["pulumi_type"])
