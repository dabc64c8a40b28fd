"""Values of a plan: plain JSON, with special values for unknown and redacted values."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from mlpctl import text

Value: TypeAlias = Any
"""JSON values, `UNKNOWN`, `Secret` and, as a kind of text, `Masked`."""

Path: TypeAlias = tuple[str | int, ...]
"""Path of a value in a resource's inputs: mapping keys and list positions."""


@dataclass(frozen=True)
class Unknown:
    """A value that is known only after the update."""

    def __str__(self) -> str:
        """Return the text in a report."""
        return "(known after the update)"


UNKNOWN: Final = Unknown()


HIDDEN: Final = "(secret)"
"""The text in a report for a secret, or for a secret part of a text."""


@dataclass(frozen=True)
class Secret:
    """A value that is never shown; equal to another if both hide the same value, as far as that is known."""

    why: str = field(compare=False)
    """How it was recognized, e.g. `secret`, `key name`, `private key`."""

    mark: bytes = field(default=b"", repr=False)
    """A digest of the value, with a key that only this process has; empty if the engine hides the value."""

    def __str__(self) -> str:
        """Return the text in a report."""
        return HIDDEN


class Masked(str):
    """A text with `(secret)` in place of its secret parts; equal to another if the whole texts were equal."""

    __slots__ = ("mark",)

    mark: bytes
    """A keyed digest of the whole text, as in `Secret`."""

    def __new__(cls, text: str, mark: bytes) -> "Masked":
        """Create a text with its digest."""
        made = super().__new__(cls, text)
        made.mark = mark
        return made

    def __eq__(self, other: object) -> bool:
        """Distinguish texts that differ only in their secret parts."""
        return isinstance(other, Masked) and self.mark == other.mark and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        """Return the opposite of `__eq__`, since `str` defines its own."""
        return not self == other

    def __hash__(self) -> int:
        """Hash consistently with `__eq__`."""
        return hash((str(self), self.mark))


def walk(value: Value, path: Path = ()) -> Iterator[tuple[Path, Value]]:
    """Every scalar and every empty mapping or list, with its path."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from walk(each, (*path, str(key)))
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from walk(each, (*path, number))
    else:
        yield path, value


def is_hidden(value: Value) -> bool:
    """Whether a value, or a part of it, is unknown or redacted."""
    return any(isinstance(each, Unknown | Secret | Masked) for _, each in walk(value))


def paths(value: Value, wanted: Callable[[Value], bool]) -> tuple[Path, ...]:
    """Paths of all values for which `wanted` is true."""
    return tuple(path for path, each in walk(value) if wanted(each))


def items(value: Value) -> list[Value]:
    """A list unchanged, None as an empty list, and any other value as a list of one item."""
    return value if isinstance(value, list) else [] if value is None else [value]


_MOST_DIGITS: Final = 100
"""Longer numbers are not quantities of anything, and Python does not convert all of them."""

_WHOLE: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)


def finite(value: Value) -> float | None:
    """A number, also from its decimal notation; None for any other value, and for one that is infinite or too large."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: Value) -> int | None:
    """A whole number, also from its digits; None for any other value, and for one that is infinite or too large.

    A fraction is rounded towards zero.
    """
    if isinstance(value, str):
        text = value.strip()
        return int(text) if len(text) <= _MOST_DIGITS and _WHOLE.fullmatch(text) else None
    found = finite(value)
    return None if found is None else int(value)


def root(path: str) -> str:
    """The first property of a path in a provider's notation: `ebs` of `ebs[0].iops`."""
    return path.split(".")[0].split("[")[0]


def document(text: str) -> Any:
    """The object or list in a JSON text; None if it is not JSON, or contains a duplicate key.

    JSON parsers differ in which of two duplicate keys they use.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def dotted(path: Path) -> str:
    """A path in Pulumi's notation, e.g. `scalingConfig.maxSize` or `ebs[0].iops`."""
    return text.dotted(path, _is_plain, '"{}"'.format)


def _is_plain(key: str) -> bool:
    return key.replace("_", "a").replace("-", "a").isalnum()
