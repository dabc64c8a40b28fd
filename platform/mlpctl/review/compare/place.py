"""The place at which two values are compared, with the facts that affect the comparison."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from awsfacts.records import Record
from mlpctl.review.types import records
from mlpctl.review.types.kinds import short_type
from mlpctl.review.types.naming import FREE_MAPS, POLICIES, UNORDERED, meaning
from mlpctl.review.values.plain import Value, dotted

ITEM: Final = re.compile(r'\[("([^"\\]|\\.)*"|\d*)\]')
"""A step of a path that selects a list item: its position, or its key as JSON."""

_FREE: Final = "kubernetes:core/"
"""Types with data of any format, such as config maps."""


class Absent:
    """A missing property."""


ABSENT: Final = Absent()


class Place(NamedTuple):
    """The place at which values are compared."""

    path: str = ""
    name: str = ""
    """The property's own name."""

    policy: bool = False
    """Whether it is part of an IAM policy, where lists are sets and a single item needs no list."""

    silent: bool = False
    """Whether the provider reports differences, but none of this property."""

    document: bool = False
    """Whether it is part of a document with an unknown schema, in which the order of every list may be significant."""

    strict: bool = False
    """Whether empty values are significant, such as an empty selector, which selects everything."""

    owner: str = ""
    """The resource's logical name, from which physical names are generated."""

    type: str = ""
    """The resource's type, whose record may define whether the order of a list is significant."""

    grants: bool = False
    """Whether the value may be an IAM policy, as an object or a text."""

    @classmethod
    def of(cls, path: str, type: str, *, strict: bool = False) -> "Place":
        """The place at a path of a resource's inputs."""
        name = ITEM.sub("", path).rsplit(".", 1)[-1]
        return cls(path, name, strict=strict, type=type, grants=_may_grant(type, path, name))

    def below(self, key: str) -> "Place":
        """The place of a property."""
        step, free = _step(key)
        path = f"{self.path}.{step}" if self.path and not step.startswith("[") else self.path + step
        # A text that contains a policy somewhere is not a policy itself.
        grants = not self.document and _may_grant(self.type, path, key)
        return self._replace(path=path, name=key, strict=self.strict or free, grants=grants)

    def item(self, key: Any = "") -> "Place":
        """The place of a list's item: at a position, under a key, or anywhere."""
        return self._replace(path=f"{self.path}[{json.dumps(key) if isinstance(key, str) and key else key}]")


@lru_cache(maxsize=4_096)
def _step(key: str) -> tuple[str, bool]:
    """A property as a step of a path, and whether the keys below it are user-defined."""
    return dotted((key,)), bool(FREE_MAPS.search(key))


@lru_cache(maxsize=4_096)
def _may_grant(type: str, path: str, name: str) -> bool:
    """Whether a property may contain an IAM policy: by its name, or because the type's record says so."""
    if type.startswith(_FREE):
        return False
    return bool(POLICIES.search(name)) or (bool(type) and ITEM.sub("", path) in _record(type).documents)


def is_set(place: Place, items: Sequence[Value]) -> bool:
    """Whether the order of a list is insignificant."""
    known = _known(place.type, place.path) if place.type and not place.document else None
    if known is not None:
        return known
    ordered, unordered, ordered_objects = meaning(place.name)
    if place.policy or place.document or ordered:
        return place.policy
    if place.silent:
        return True
    return unordered and not (ordered_objects and any(isinstance(item, Mapping) for item in items))


@lru_cache(maxsize=4_096)
def _known(type: str, path: str) -> bool | None:
    """Whether a type's record declares the order of a list insignificant; None if it does not mention the list."""
    record, way = _record(type), ITEM.sub("", path)
    return True if way in record.sets else False if way in record.ordered else None


def _record(type: str) -> Record:
    return records.record(short_type(type))


def means_no_order(place: Place) -> bool:
    """Whether the name of a list of objects means that their order is insignificant."""
    return not place.document and bool(UNORDERED.match(place.name))
