"""Values against the shapes of botocore's service models: the one place that knows their constraints.

What is wrong is worded elsewhere: AWS's sentence by `endpoint.validation`, a program's property by
`providers.aws.mapping`.
"""

import enum
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape

Path = tuple[str | int, ...]
"""Members and keys by name, items of a list by index, from the request down."""

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
    """What a shape may ask for."""

    TYPE = enum.auto()
    REQUIRED = enum.auto()
    ENUM = enum.auto()
    PATTERN = enum.auto()
    AT_LEAST = enum.auto()
    AT_MOST = enum.auto()


@dataclass(frozen=True)
class Violation:
    """A value that breaks a constraint of its shape."""

    path: Path
    value: Any
    constraint: Constraint
    limit: Any
    """What is asked for: the name of the type, the enum's values, the pattern, the smallest or largest size."""

    size: float = 0
    """A number itself; the characters or items of anything else."""

    unit: str = ""
    """What `size` counts: nothing for a number, `characters` or `items`."""


def violations(shape: Shape, value: Any, path: Path = ()) -> Iterator[Violation]:
    """Yield every way in which `value` is not a `shape`, at any depth."""
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
    """Yield the constraints of `shape` itself that `value`, which is of its type, breaks."""
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
    """A pattern of a model, which is one of Java, as a whole; one that is none in Python matches everything."""
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return re.compile(".*", re.DOTALL)


_JAVA: Final = {"\\p{L}": "\\w", "\\p{N}": "\\d", "\\p{Z}": " \u00a0", "\\w-_": "\\w\\-"}
"""Java's classes of characters in Python's words."""
