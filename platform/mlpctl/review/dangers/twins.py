"""Finds pairs of resources in a plan that are the same resource in the cloud: one is created, the other deleted."""

import re
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple

from mlpctl import urns
from mlpctl.review.compare.paths import value_at
from mlpctl.review.dangers.groups import is_counted
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.relations.owners import UNIQUE
from mlpctl.review.types.kinds import kind, short_type
from mlpctl.review.types.records import original
from mlpctl.review.values.plain import Masked, Secret, Unknown, Value
from mlpctl.review.values.short import short

_NAMES: Final = re.compile(r"^(name|bucket|key|identifier|domain|(?P<what>[a-zA-Z]+)(Name|Identifier))$")
"""Inputs that name a resource or its parent: `clusterName` of a node group."""

_OWN: Final = ("name", "identifier")
"""Inputs that name the resource itself, for every type."""

_SCOPES: Final = re.compile(
    r"^(type|path|host|hostname|location|region|zone|project|namespace|registry|catalog|qualifier|version|"
    r"[a-zA-Z]+(Id|Arn|Url|Uri|Type|Path|Group|Namespace))$"
)
"""Inputs with the kind or the location of a resource: resources with different values are different."""

_MOST_NAMED: Final = 3

_ONLY_IN_STATE: Final = frozenset(
    {"cloudinit", "local", "null", "pulumi-nodejs", "pulumi-python", "random", "time", "tls"}
)
"""Packages whose resources do not exist in a cloud, so equal IDs do not mean one resource (e.g. random passwords)."""

_MOST_ALIKE: Final = 4
"""Maximum number of deleted resources with the same type and ID; if there are more, the ID does not identify them."""

_ENOUGH: Final = 2
"""Number of deleted resources with the same names that are compared: all others have the same result."""


class Pair(NamedTuple):
    """A deleted and another resource of a plan that are the same resource in the cloud."""

    gone: str
    """URN of the deleted resource."""

    come: str
    """URN of the other one."""

    text: str
    is_renamed: bool
    """Whether the other one is created with the names of the deleted one."""


def twins(plan: Plan) -> Iterator[tuple[str, str]]:
    """The pairs, each as the URN of the deleted resource and a sentence."""
    yield from ((each.gone, each.text) for each in pairs(plan))


def pairs(plan: Plan) -> Iterator[Pair]:
    """The pairs; each deleted resource is in one pair at most."""
    going = _Going(_placed(plan, each) for each in plan if each.op is Op.DELETE and _is_in_cloud(each))
    if going.is_empty:
        return
    for change in plan:
        come = _placed(plan, change)
        for gone in going.like(come):
            if come.urn != gone.urn and (text := _sentence(gone, come)):
                going.reported.add(gone.urn)
                yield Pair(gone.urn, come.urn, text, come.op is Op.CREATE and bool(_same_names(gone, come)))
                break


def _placed(plan: Plan, change: Change) -> Change:
    """A resource with the default namespace if it is a Kubernetes object without one.

    The default is that of the provider, or else `default`.
    """
    if not change.type.startswith(urns.KUBERNETES):
        return change
    provider = plan.by_urn.get(change.provider)
    namespace = (provider.inputs.get("namespace") if provider else None) or "default"
    return replace(change, old=_in_namespace(change.old, namespace), new=_in_namespace(change.new, namespace))


def _in_namespace(inputs: Mapping[str, Value] | None, namespace: Value) -> Mapping[str, Value] | None:
    metadata = inputs.get("metadata") if inputs else None
    if inputs is None or not isinstance(metadata, Mapping) or metadata.get("namespace"):
        return inputs
    return {**inputs, "metadata": {**metadata, "namespace": namespace}}


def _is_in_cloud(change: Change) -> bool:
    return is_counted(change) and change.type.partition(":")[0] not in _ONLY_IN_STATE


class _Going:
    """The deleted resources, by the properties that another resource may share with them."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.reported: set[str] = set()
        self._by_id: dict[tuple[str, str], deque[Change]] = defaultdict(deque)
        self._by_name: dict[Hashable, deque[Change]] = defaultdict(deque)
        self._by_inputs: dict[Hashable, deque[Change]] = defaultdict(deque)
        for change in changes:
            if change.id:
                self._by_id[_type(change), change.id].append(change)
            if key := _unique(change, change.old or {}):
                self._by_name[key].append(change)
            if names := _all_names(change, change.old or {}):
                self._by_name[names].append(change)
            self._by_inputs[_inputs(change, change.old)].append(change)
        self.is_empty = not self._by_inputs

    def like(self, change: Change) -> Iterator[Change]:
        """The deleted resources that may be the same as a resource and are not reported yet."""
        alike = self._by_id.get((_type(change), change.id), ()) if change.id else ()
        if len(alike) <= _MOST_ALIKE:
            yield from (each for each in alike if each.urn not in self.reported)
        if change.op is Op.CREATE:
            if key := _unique(change, change.new or {}):
                yield from self._left(self._by_name.get(key))
            if names := _all_names(change, change.new or {}):
                yield from self._left(self._by_name.get(names))
            yield from self._left(self._by_inputs.get(_inputs(change, change.new)))

    def _left(self, found: deque[Change] | None) -> Sequence[Change]:
        while found and found[0].urn in self.reported:
            found.popleft()
        return [*islice(found or (), _ENOUGH)]


def _all_names(change: Change, inputs: Mapping[str, Value]) -> Hashable:
    """The type, the provider and all names and locations of a resource; None if one of these is unknown."""
    where = {key: each for key, each in _flat(inputs).items() if _is_where(key)}
    if not where or not all(map(_is_known, where.values())):
        return None
    return _type(change), _provider(change), frozenset(where.items())


def _unique(change: Change, inputs: Mapping[str, Value]) -> Hashable:
    """The type, the provider and the inputs that identify a resource; None if there are none or one is unknown."""
    found = _identity(change, inputs)
    known = bool(found) and all(_is_known(value) for _, value in found)
    return (_type(change), _provider(change), repr(inputs.get("region")), *found) if known else None


def _identity(change: Change, inputs: Mapping[str, Value]) -> list[tuple[str, Value]]:
    """The inputs that identify a resource, with their paths."""
    found = []
    for path in kind(change.type).unique:
        ways = path.split("|")
        way = next((each for each in ways if value_at(inputs, each) is not None), ways[0])
        found.append((way, value_at(inputs, way)))
    return found


def _type(change: Change) -> str:
    """The type of a resource, or the one that it is an older or an alternative name of."""
    return original(short_type(change.type))


def _inputs(change: Change, inputs: Mapping[str, Value] | None) -> Hashable:
    return _type(change), _provider(change), repr(inputs)


def _is_where(key: str) -> bool:
    """Whether an input contains a name or a location."""
    return bool(_SCOPES.match(_last(key)) or _NAMES.match(_last(key)))


def _sentence(gone: Change, come: Change) -> str:
    """The sentence about two resources of one type; empty if they are different resources."""
    words = kind(gone.type).words
    if _same_id(gone, come) and come.op not in (Op.DELETE, Op.GONE):
        if gone.old_copy:
            return f"This old copy is the same resource as the {words} in use ({gone.id}), which its deletion deletes."
        happens = {Op.IMPORT: "is imported", Op.READ: "is read"}.get(come.op, "stays")
        return (
            f"It is deleted and {come.name} {happens}, but both are the same resource ({gone.id}), "
            f"which will be deleted. {_alias(gone, come)}"
        )
    if come.op is not Op.CREATE or _provider(gone) != _provider(come):
        return ""
    if names := _same_names(gone, come):
        return (
            f"It is deleted and {come.name} is created, but both name the same resource ({names}): the creation fails, "
            f"or the deletion deletes the new resource. {_alias(gone, come)}"
        )
    if _same_inputs(gone, come):
        return (
            f"It is deleted and {come.name} is created with the same inputs: if these contain its name, both are the "
            f"same resource. {_alias(gone, come)}"
        )
    return ""


def _same_id(gone: Change, come: Change) -> bool:
    """Whether two resources have an ID that identifies a resource, and no different names or locations."""
    if not gone.id or gone.id != come.id:
        return False
    if UNIQUE.search(gone.id) or gone.old_copy:
        return True
    old, new = _flat(gone.old or {}), _flat(come.old or come.inputs)
    where = [key for key in old.keys() & new.keys() if _is_where(key)]
    differs = any(old[key] != new[key] and _is_known(old[key]) and _is_known(new[key]) for key in where)
    return _provider(gone) == _provider(come) and not differs


def _provider(change: Change) -> str:
    """The provider of a resource; all default providers of a package count as one."""
    is_default = urns.name(change.provider).startswith("default") if change.provider else False
    return urns.kind(change.provider) if is_default else change.provider


def _alias(gone: Change, come: Change) -> str:
    return f"An alias for {gone.urn} on {come.name} would keep it."


def _same_names(gone: Change, come: Change) -> str:
    """The names that two resources share; empty if a name or a location differs."""
    if unique := _unique(gone, gone.old or {}):
        if unique != _unique(come, come.new or {}):
            return ""
        return ", ".join(f"{path} {short(value, 60)}" for path, value in _identity(gone, gone.old or {}))
    old, new = _flat(gone.old or {}), _flat(come.new or {})
    type = _type(gone)
    where = [key for key in {**old, **new} if _is_where(key)]
    known = [key for key, _ in _names(gone.old or {}) if key in new]
    if not any(_is_own(key, type) for key in known) or any(
        old.get(key) != new.get(key) or not _is_known(old.get(key)) for key in where
    ):
        return ""
    return ", ".join(f"{key} {short(old[key], 60)}" for key in known[:_MOST_NAMED])


def _is_own(key: str, type: str) -> bool:
    """Whether an input names a resource of a type itself, e.g. `nodeGroupName` of a node group, `key` of an object."""
    last, word = _last(key), re.split("[/:]", type)[-1].lower()
    found = _NAMES.match(last)
    what = (found["what"] or last if found else last).lower()
    bare = re.sub(r"v\d+$", "", word)
    return last in _OWN or bare.endswith(what) or what.endswith(bare) or (last == "key" and "object" in bare)


def _names(inputs: Mapping[str, Value]) -> list[tuple[str, str]]:
    """The known inputs that name a resource or its parent."""
    return [(key, each) for key, each in _flat(inputs).items() if _NAMES.match(_last(key)) and _is_known(each)]


def _same_inputs(gone: Change, come: Change) -> bool:
    old, new = gone.old or {}, come.new or {}
    known = [each for each in _flat(old).values() if _is_known(each)]
    return bool(known) and old == new and not any(isinstance(each, Unknown) for each in _flat(new).values())


def _flat(inputs: Mapping[str, Value]) -> dict[str, Value]:
    """The top-level inputs, and the name and namespace of a Kubernetes object."""
    found = {key: each for key, each in inputs.items() if not isinstance(each, (Mapping, list))}
    metadata = inputs.get("metadata")
    if isinstance(metadata, Mapping) and isinstance(inputs.get("kind"), str | None):
        found |= {f"metadata.{key}": metadata[key] for key in ("name", "namespace") if key in metadata}
    return found


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _is_known(value: Value) -> bool:
    return isinstance(value, str) and bool(value) and not isinstance(value, (Unknown, Secret, Masked))
