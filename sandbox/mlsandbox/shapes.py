"""Validates values against the constraints of the shapes in botocore's service models.

The error messages are written elsewhere: `endpoint.validation` has AWS's wording, `providers.aws.mapping` names the
properties of Pulumi programs.
"""

import enum
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape

Path = tuple[str | int, ...]
"""The path from the request to a value: names of members and keys, indexes of list items."""

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "list": (list, tuple),
    "map": (dict,),
    "structure": (dict,),
}
_NUMBERS: Final = ("integer", "long", "float", "double")


class Constraint(enum.Enum):
    """The kinds of constraints that a shape can have."""

    TYPE = enum.auto()
    REQUIRED = enum.auto()
    ENUM = enum.auto()
    PATTERN = enum.auto()
    AT_LEAST = enum.auto()
    AT_MOST = enum.auto()


@dataclass(frozen=True)
class Violation:
    """A value that violates a constraint of its shape."""

    path: Path
    value: Any
    constraint: Constraint
    limit: Any
    """The expected name of the type, values of the enum, pattern, or smallest or largest size."""

    size: float = 0
    """The value of a number; the number of characters or items of any other value."""

    unit: str = ""
    """The unit of `size`: `characters`, `items`, or empty for a number."""


def violations(shape: Shape, value: Any, path: Path = ()) -> Iterator[Violation]:
    """Yield every violation of `shape` in `value`, at any depth."""
    expected = _TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)):
        yield Violation(path, value, Constraint.TYPE, shape.type_name)
        return
    yield from broken(shape, value, path)
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield Violation((*path, name), None, Constraint.REQUIRED, None)
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from violations(member, value[name], (*path, name))
    elif isinstance(shape, ListShape):
        for index, item in enumerate(value):
            yield from violations(shape.member, item, (*path, index))
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from violations(shape.key, key, path)
            yield from violations(shape.value, item, (*path, key))


def broken(shape: Shape, value: Any, path: Path = ()) -> Iterator[Violation]:
    """Yield the violations of the constraints of `shape` itself. `value` has the right type."""
    limits = shape.metadata
    if allowed := limits.get("enum"):
        if value not in allowed:
            yield Violation(path, value, Constraint.ENUM, allowed)
        return
    if (pattern := limits.get("pattern")) and not _compiled(pattern).fullmatch(str(value)):
        yield Violation(path, value, Constraint.PATTERN, pattern)
    if shape.type_name in _NUMBERS:
        size, unit = value, ""
    elif isinstance(value, str | list | tuple | dict):
        size, unit = len(value), "characters" if isinstance(value, str) else "items"
    else:
        return
    if size < limits.get("min", size):
        yield Violation(path, value, Constraint.AT_LEAST, limits["min"], size, unit)
    if size > limits.get("max", size):
        yield Violation(path, value, Constraint.AT_MOST, limits["max"], size, unit)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of a model, a Java pattern. One that is invalid in Python matches everything."""
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return re.compile(".*", re.DOTALL)


_JAVA: Final = {"\\p{L}": "\\w", "\\p{N}": "\\d", "\\p{Z}": " \u00a0", "\\w-_": "\\w\\-"}
"""Java's character classes and their equivalents in Python."""
