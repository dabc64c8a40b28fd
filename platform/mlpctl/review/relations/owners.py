"""Finds the existing resources that properties refer to by their IDs.

IDs are not unique: an IAM role and an image repository may have the same name, and the ID of a setting, such as the
public access block of a bucket, is that of the resource that it belongs to. The name of the property decides:
`roleName` refers to a role, and never to a setting of a role.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from mlpctl.review.plan.model import Change
from mlpctl.review.types import records
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import Value

UNIQUE: Final = re.compile(r"^arn:|^/subscriptions/|^projects/|^[a-z]+-[0-9a-f]{8,}$")
"""IDs that are unique in all accounts and regions of a cloud."""

_END: Final = re.compile(r"(name|identifier|id|arn|url|uri)s?$")
"""Ends of a property that do not belong to the word for the resource: `Id` of `keyId`."""

_OWN: Final = frozenset({"name", "identifier"})

_MOST_ALIKE: Final = 4
"""Maximum number of resources with the same type, provider and ID that are compared; there is usually one."""


class _Words(NamedTuple):
    """The parts of a type."""

    package: str
    module: str
    name: str


class Owners:
    """The existing resources of a plan by their IDs, without settings, whose ID is that of another resource."""

    def __init__(self, changes: Iterable[Change]) -> None:
        """Use the resources of a plan."""
        self._by_id: dict[str, dict[str, list[Change]]] = defaultdict(dict)
        for change in changes:
            if change.custom and change.id and not _is_setting(change):
                self._by_id[change.id].setdefault(short_type(change.type), []).append(change)

    def all(self, id: str) -> Sequence[Change]:
        """The resources with an ID, of any type."""
        return [each for found in self._by_id.get(id, {}).values() for each in found[:_MOST_ALIKE]]

    def find(self, change: Change, name: str, value: Value) -> tuple[Change, ...]:
        """The resources that a value of a property refers to; empty if none has this ID and a type that fits."""
        types = self._by_id.get(value, {}) if isinstance(value, str) else {}
        fitting = [each for each in types if may_be(change.type, name, each)]
        exact = [each for each in fitting if _words(each).name == _word(name)]
        unique = isinstance(value, str) and UNIQUE.search(value)
        chosen = exact or fitting or ([*types] if unique else [])
        return tuple(each for type in chosen for each in _nearest(change, types[type]))


def may_be(user: str, name: str, type: str) -> bool:
    """Whether a property of a resource may refer to a resource of a type, by the property's name.

    Args:
        user: Type of the resource that has the property.
        name: Path of the property, e.g. `targetKeyId`.
        type: Type of the other resource.
    """
    return _may_be(short_type(user), name, short_type(type))


@cache
def _may_be(user: str, name: str, type: str) -> bool:
    word, mine, other = _word(name), _words(user), _words(type)
    modules = _modules(mine.package, word)
    if not modules:
        return True
    if mine.package != other.package or not _fits(word, other.name):
        return False
    # A `clusterName` of an EKS type is no database cluster; a `role` of a Lambda function is an IAM role.
    return mine.module == other.module or mine.module not in modules


@cache
def _modules(package: str, word: str) -> frozenset[str]:
    """The modules of a package with a type that a word stands for; empty if it does not stand for a type."""
    known = _known().get(package, ()) if word else ()
    return frozenset(each.module for each in known if _fits(word, each.name))


@cache
def _known() -> Mapping[str, Sequence[_Words]]:
    found: dict[str, list[_Words]] = defaultdict(list)
    for name in records.names():
        if "*" not in name:
            words = _words(name)
            found[words.package].append(words)
    return found


@cache
def _words(type: str) -> _Words:
    package, *rest = re.split("[:/]", type)
    name = re.sub(r"v\d+$", "", rest[-1].lower()) if rest else ""
    return _Words(package.removesuffix("-native"), rest[0].lower() if rest else "", name)


@cache
def _word(name: str) -> str:
    return _END.sub("", name.rpartition(".")[2].lower())


def _fits(word: str, name: str) -> bool:
    return word.endswith(name) or name.endswith(word)


def _is_setting(change: Change) -> bool:
    """Whether a resource has the ID of the resource that it belongs to."""
    own = _words(short_type(change.type)).name
    names = [key for key, value in change.inputs.items() if isinstance(value, str) and value == change.id]
    return bool(names) and not any(key in _OWN or (_word(key) and _fits(_word(key), own)) for key in names)


def _nearest(change: Change, found: Sequence[Change]) -> Sequence[Change]:
    """The resources with the same provider, or all if there are none."""
    others = [each for each in found[: _MOST_ALIKE + 1] if each.urn != change.urn]
    return [each for each in others if each.provider == change.provider] or others
