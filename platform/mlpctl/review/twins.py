"""Finds pairs of resources in a plan that are the same resource in the cloud: one is created, the other deleted."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mlpctl import urns
from mlpctl.review.groups import is_counted
from mlpctl.review.kinds import kind, short_type
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.short import short
from mlpctl.review.values import Masked, Secret, Unknown, Value

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


def twins(plan: Plan) -> Iterator[tuple[str, str]]:
    """The pairs, each as the URN of the deleted resource and a sentence."""
    going = _Going([change for change in plan if change.op is Op.DELETE and is_counted(change)])
    if not going.by_id and not going.by_name and not going.by_inputs:
        return
    reported: set[str] = set()
    for come in plan:
        for gone in going.like(come):
            if come.urn != gone.urn and gone.urn not in reported and (text := _sentence(gone, come)):
                reported.add(gone.urn)
                yield gone.urn, text
                break


class _Going:
    """The deleted resources, by the properties that another resource may share with them."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.by_id: dict[tuple[str, str], list[Change]] = defaultdict(list)
        self.by_name: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
        self.by_inputs: dict[tuple[str, str], list[Change]] = defaultdict(list)
        for change in changes:
            type = short_type(change.type)
            if change.id:
                self.by_id[type, change.id].append(change)
            for key, value in _names(change.old or {}):
                self.by_name[type, key, value].append(change)
            self.by_inputs[type, repr(change.old)].append(change)

    def like(self, change: Change) -> Iterator[Change]:
        """The deleted resources that may be the same as a resource."""
        type = short_type(change.type)
        yield from self.by_id.get((type, change.id), ())
        if change.op is Op.CREATE:
            for key, value in _names(change.new or {}):
                yield from self.by_name.get((type, key, value), ())
            yield from self.by_inputs.get((type, repr(change.new)), ())


def _sentence(gone: Change, come: Change) -> str:
    """The sentence about two resources of one type; empty if they are different resources."""
    words = kind(gone.type).words
    if gone.id and gone.id == come.id and come.op not in (Op.DELETE, Op.GONE):
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


def _provider(change: Change) -> str:
    """The provider of a resource; all default providers of a package count as one."""
    is_default = urns.name(change.provider).startswith("default") if change.provider else False
    return urns.kind(change.provider) if is_default else change.provider


def _alias(gone: Change, come: Change) -> str:
    return f"An alias for {gone.urn} on {come.name} would keep it."


def _same_names(gone: Change, come: Change) -> str:
    """The names that two resources share; empty if a name or a location differs."""
    old, new = _flat(gone.old or {}), _flat(come.new or {})
    type = short_type(gone.type)
    where = [key for key in {**old, **new} if _SCOPES.match(_last(key)) or _NAMES.match(_last(key))]
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
