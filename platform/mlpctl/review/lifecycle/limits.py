"""Limits of lifecycle rules: whether one is at least as strict as another, and an index of rules by their limits."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, Generic, TypeVar

from mlpctl.review.values.plain import Unknown, Value, finite

Limits = Mapping[str, tuple[str, Value]]
"""Test and value by name."""

T = TypeVar("T")


def _seconds(value: Value) -> float:
    """A duration in Google's notation, `2592000s` or `30d`, in seconds."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd])", str(value))
    return float(found[1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[found[2]] if found else as_number(value)


def as_number(value: Value) -> float:
    """A number; 0 for any other value."""
    return finite(value) or 0.0


def texts(value: Value) -> list[str]:
    """A value, or the items of a list, as texts."""
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def pairs(value: Value) -> set[str]:
    """Tags from a mapping, a `{key, value}` object, or a list of these."""
    if isinstance(value, Mapping):
        key = value.get("key", value.get("Key"))
        named = {"key", "value", "Key", "Value"} >= value.keys() and isinstance(key, str)
        found: Iterable[tuple[Any, Any]] = [(key, value.get("value", value.get("Value")))] if named else value.items()
        return {json.dumps(pair, default=str) for pair in found}
    if isinstance(value, list):
        return {pair for each in value for pair in (pairs(each) if isinstance(each, Mapping) else {str(each)})}
    return {str(value)}


TIGHTER: Final[Mapping[str, Callable[[Value, Value], bool]]] = {
    "least": lambda narrow, wide: as_number(narrow) >= as_number(wide),
    "most": lambda narrow, wide: as_number(narrow) <= as_number(wide),
    "leastSeconds": lambda narrow, wide: _seconds(narrow) >= _seconds(wide),
    "mostSeconds": lambda narrow, wide: _seconds(narrow) <= _seconds(wide),
    "later": lambda narrow, wide: str(narrow) >= str(wide),
    "earlier": lambda narrow, wide: str(narrow) <= str(wide),
    "prefix": lambda narrow, wide: str(narrow).startswith(str(wide)),
    "prefixes": lambda narrow, wide: all(
        any(each.startswith(other) for other in texts(wide)) for each in texts(narrow)
    ),
    "patterns": lambda narrow, wide: all(
        any(fnmatchcase(each, other) for other in texts(wide)) for each in texts(narrow)
    ),
    "suffixes": lambda narrow, wide: all(any(each.endswith(other) for other in texts(wide)) for each in texts(narrow)),
    "some": lambda narrow, wide: {*texts(narrow)} <= {*texts(wide)},
    "all": lambda narrow, wide: pairs(narrow) >= pairs(wide),
    "allPrefixes": lambda narrow, wide: all(
        any(each.startswith(other) for each in texts(narrow)) for other in texts(wide)
    ),
    "same": lambda narrow, wide: str(narrow).lower() == str(wide).lower(),
}
"""Tests of whether a limit is at least as strict as another. `some`: any item matches; `all`: all items must match."""


class Index(Generic[T]):
    """Things by one of their limits, so that those that may cover others are found without comparing all."""

    def __init__(self) -> None:
        self._others: list[tuple[int, T]] = []
        """Those without a limit that can be looked up."""

        self._named: dict[str, list[tuple[int, T]]] = {}
        self._found: dict[tuple[str, str], list[tuple[int, T]]] = {}
        self._count = 0

    def add(self, item: T, limits: Limits) -> None:
        """Add a thing with its limits."""
        entry, self._count = (self._count, item), self._count + 1
        for name, (test, wide) in limits.items():
            if test in _WIDE and not isinstance(wide, Unknown) and (keys := [*_WIDE[test](wide)]):
                self._named.setdefault(name, []).append(entry)
                for key in dict.fromkeys(keys):
                    self._found.setdefault((name, key), []).append(entry)
                return
        self._others.append(entry)

    def covering(self, limits: Limits) -> Sequence[T]:
        """The things whose limits may cover these, in the order in which they were added."""
        found = dict(self._others)
        for name, (test, narrow) in limits.items():
            if name not in self._named:
                continue
            if test not in _NARROW or isinstance(narrow, Unknown):
                found |= dict(self._named[name])
                continue
            for key in _NARROW[test](narrow):
                found |= dict(self._found.get((name, key), ()))
        return [found[place] for place in sorted(found)]


def _starts(text: str) -> Iterator[str]:
    return (text[:end] for end in range(len(text) + 1))


def _ends(text: str) -> Iterator[str]:
    return (text[start:] for start in range(len(text) + 1))


_WIDE: Final[Mapping[str, Callable[[Value], Iterable[str]]]] = {
    "prefix": lambda wide: [str(wide)],
    "prefixes": texts,
    "suffixes": texts,
    "some": texts,
    "same": lambda wide: [str(wide).lower()],
    "all": lambda wide: sorted(pairs(wide))[:1],
}
"""Keys of a limit, of which a stricter one has at least one."""

_NARROW: Final[Mapping[str, Callable[[Value], Iterable[str]]]] = {
    "prefix": lambda narrow: _starts(str(narrow)),
    "prefixes": lambda narrow: (each for text in texts(narrow)[:1] for each in _starts(text)),
    "suffixes": lambda narrow: (each for text in texts(narrow)[:1] for each in _ends(text)),
    "some": lambda narrow: texts(narrow)[:1],
    "same": lambda narrow: [str(narrow).lower()],
    "all": pairs,
}
"""Keys of which a wider limit has at least one."""
