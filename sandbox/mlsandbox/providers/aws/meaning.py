"""Equivalence of property values: whether two values mean the same to AWS."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlsandbox.providers.aws.schema import ANY, Document, ListOf, MapOf, Object, Type
from mlsandbox.providers.protocol import Path, has_unknown


@dataclass(frozen=True)
class Meaning:
    """How the values of a resource type are compared.

    By default, lists of scalars are sets to AWS (subnets, log types, CIDRs) and lists of objects are ordered. The names
    below are dotted paths without indexes.
    """

    documents: frozenset[str] = frozenset()
    """Strings that contain JSON, if the SDK's types do not declare this."""

    ordered: frozenset[str] = frozenset()
    """Lists of scalars whose order is significant."""

    sets: frozenset[str] = frozenset()
    """Lists of objects whose order is not significant."""

    folds: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """For special properties: functions that convert a value to a normalized form for `==`."""

    def same(self, one: Any, other: Any, declared: Type, path: Path = ()) -> bool:
        """Whether both values are equivalent. Unknown values are never equivalent to anything."""
        if has_unknown([one, other]):
            return False
        return bool(self._canonical(one, declared, path) == self._canonical(other, declared, path))

    def aligned(self, old: Any, new: Any, declared: Type, path: Path = ()) -> Any:
        """`new`, with every part that is equivalent to that in `old` replaced by the latter."""
        if old is None or new is None:
            return new
        if self.same(old, new, declared, path):
            return old
        if dotted(path) in self.folds:
            return new
        if isinstance(declared, Object) and isinstance(old, dict) and isinstance(new, dict):
            return {
                name: self.aligned(old.get(name), value, declared.type_of(name), (*path, name))
                for name, value in new.items()
            }
        if isinstance(declared, ListOf) and isinstance(old, list) and isinstance(new, list):
            if self._unordered(declared, path):
                return self._in_order_of(old, new, declared, path)
            if len(old) == len(new):
                return [
                    self.aligned(before, after, declared.item, path) for before, after in zip(old, new, strict=True)
                ]
        return new

    def _in_order_of(self, old: list[Any], new: list[Any], declared: ListOf, path: Path) -> list[Any]:
        left = list(new)
        kept = []
        for item in old:
            place = next((at for at, other in enumerate(left) if self.same(item, other, declared.item, path)), None)
            if place is not None:
                del left[place]
                kept.append(item)
        return kept + left

    def _unordered(self, declared: ListOf, path: Path) -> bool:
        if isinstance(declared.item, Object):
            return dotted(path) in self.sets
        return dotted(path) not in self.ordered

    def _canonical(self, value: Any, declared: Type, path: Path) -> Any:
        name = dotted(path)
        if value is not None and name in self.folds:
            return self.folds[name](value) or None
        if isinstance(value, str) and (isinstance(declared, Document) or name in self.documents):
            return document(value)
        if isinstance(value, dict):
            below = {
                key: self._canonical(
                    item, _below(declared, key), (*path, key) if isinstance(declared, Object) else path
                )
                for key, item in value.items()
            }
            # A tag with an empty value is a tag, but an empty property is equal to an unset one.
            return {key: item for key, item in below.items() if item is not None or isinstance(declared, MapOf)} or None
        if isinstance(value, list) and isinstance(declared, ListOf):
            items = [self._canonical(item, declared.item, path) for item in value]
            return (sorted(items, key=_sort_key) if self._unordered(declared, path) else items) or None
        # Terraform's older resources do not distinguish between empty and unset values.
        return None if value in ("", 0, False) else value


def document(text: str) -> Any:
    """The normalized form of a JSON document, without order, whitespace and one-element lists, which IAM changes."""
    try:
        return _plain(json.loads(text))
    except ValueError:
        return text or None


def dotted(path: Path) -> str:
    """A path without its indexes: `rules.filter.prefix`."""
    return ".".join(part for part in path if isinstance(part, str))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        items = sorted((_plain(item) for item in value), key=_sort_key)
        return items[0] if len(items) == 1 else items
    return value


def _below(declared: Type, key: str) -> Type:
    if isinstance(declared, Object):
        return declared.type_of(key)
    return declared.item if isinstance(declared, MapOf) else ANY


def _sort_key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
