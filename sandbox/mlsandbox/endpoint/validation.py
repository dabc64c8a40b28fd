"""Requests against botocore's model: what the SDK lets through and AWS would refuse."""

import functools
import re
from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from moto.core.exceptions import ServiceException

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "list": (list, tuple),
    "map": (dict,),
    "structure": (dict,),
}


def check(operation: OperationModel, request: dict[str, Any], wrong: type[ServiceException]) -> None:
    """Raise `wrong`, the service's own error, with every violation of the operation's input shape, in AWS's words."""
    if operation.input_shape is None:
        return
    found = list(violations(operation.input_shape, request))
    if found:
        plural = "errors" if len(found) > 1 else "error"
        raise wrong(f"{len(found)} validation {plural} detected: {'; '.join(found)}")


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield a sentence for every way in which `value` is no `shape`."""
    expected = _TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)):
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must be of type {shape.type_name}"
        return
    yield from _own(shape, value, path)
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from violations(member, value[name], _join(path, name))
    elif isinstance(shape, ListShape):
        for index, item in enumerate(value):
            yield from violations(shape.member, item, f"{path}.{index + 1}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from violations(shape.key, key, path)
            yield from violations(shape.value, item, f"{path}.{key}")


def _own(shape: Shape, value: Any, path: str) -> Iterator[str]:
    limits = shape.metadata
    failed = f"Value '{value}' at '{path}' failed to satisfy constraint: Member must"
    if enum := getattr(shape, "enum", None):
        if value not in enum:
            yield f"{failed} satisfy enum value set: [{', '.join(enum)}]"
        return
    if (pattern := limits.get("pattern")) and not _compiled(pattern).fullmatch(str(value)):
        yield f"{failed} satisfy regular expression pattern: {pattern}"
    if shape.type_name in ("integer", "long"):
        size, what = value, "value"
    elif isinstance(value, str | list | tuple | dict):
        size, what = len(value), "length"
    else:
        return
    if size < limits.get("min", size):
        yield f"{failed} have {what} greater than or equal to {limits['min']}"
    if size > limits.get("max", size):
        yield f"{failed} have {what} less than or equal to {limits['max']}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of a model, which is one of Java, as a whole; one that is none in Python matches everything."""
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return re.compile(".*", re.DOTALL)


_JAVA = {"\\p{L}": "\\w", "\\p{N}": "\\d", "\\p{Z}": " \u00a0", "\\w-_": "\\w\\-"}
"""Java's classes of characters in Python's words."""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def page(items: list[Any], request: dict[str, Any]) -> tuple[list[Any], str | None]:
    """The part of a list that `maxResults` (100 by default) and `nextToken` ask for, and the next token."""
    start = int(request.get("nextToken") or 0)
    end = start + int(request.get("maxResults") or 100)
    return items[start:end], str(end) if end < len(items) else None
