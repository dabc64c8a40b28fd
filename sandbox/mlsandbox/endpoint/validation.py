"""Validate requests against botocore's model, with AWS's messages: what the SDK accepts but AWS rejects."""

from collections.abc import Iterator
from typing import Any

from botocore.model import OperationModel, Shape
from moto.core.exceptions import ServiceException

from mlsandbox import shapes
from mlsandbox.shapes import Constraint, Violation


def check(operation: OperationModel, request: dict[str, Any], wrong: type[ServiceException]) -> None:
    """Raise `wrong`, the service's error, with AWS's message for all violations of the operation's input shape."""
    if operation.input_shape is None:
        return
    if found := list(violations(operation.input_shape, request)):
        raise wrong(message(found))


def message(found: list[str]) -> str:
    """AWS's message for violations."""
    plural = "errors" if len(found) > 1 else "error"
    return f"{len(found)} validation {plural} detected: {'; '.join(found)}"


def violations(shape: Shape, value: Any) -> Iterator[str]:
    """A sentence for every violation of `shape` by `value`."""
    return map(_sentence, shapes.violations(shape, value))


def _sentence(broken: Violation) -> str:
    value = "null" if broken.constraint is Constraint.REQUIRED else f"'{broken.value}'"
    return f"Value {value} at '{_dotted(broken.path)}' failed to satisfy constraint: Member must {_rule(broken)}"


def _rule(broken: Violation) -> str:
    what, limit = "length" if broken.unit else "value", broken.limit
    match broken.constraint:
        case Constraint.TYPE:
            return f"be of type {limit}"
        case Constraint.REQUIRED:
            return "not be null"
        case Constraint.ENUM:
            return f"satisfy enum value set: [{', '.join(limit)}]"
        case Constraint.PATTERN:
            return f"satisfy regular expression pattern: {limit}"
        case Constraint.AT_LEAST:
            return f"have {what} greater than or equal to {limit}"
        case Constraint.AT_MOST:
            return f"have {what} less than or equal to {limit}"


def _dotted(path: shapes.Path) -> str:
    """A path in AWS's notation: an item is `<number>.member`, counted from 1."""
    return ".".join(f"{part + 1}.member" if isinstance(part, int) else part for part in path)


def page(items: list[Any], request: dict[str, Any]) -> tuple[list[Any], str | None]:
    """The page of a list for `maxResults` (default: 100) and `nextToken`, and the next token."""
    start = int(request.get("nextToken") or 0)
    end = start + int(request.get("maxResults") or 100)
    return items[start:end], str(end) if end < len(items) else None
