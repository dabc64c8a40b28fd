"""Reads values of a JSON document with a required type; an error names the location of the value."""

from typing import Any, Final

from mlpctl import urns
from mlpctl.review.plan.model import PlanError

EXPECTED: Final = "expected: the output of `pulumi preview --json`"


def urn(value: Any, place: str, *, needed: bool = False) -> str:
    """A Pulumi URN; may be empty unless `needed`."""
    found = text(value, place)
    if (found or needed) and not urns.is_urn(found):
        raise PlanError(f"{place} is {found[:80]!r}, which is not a Pulumi URN; {EXPECTED}.")
    return found


def mapping(value: Any, place: str) -> dict[str, Any]:
    """An object as a dictionary; empty for null."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PlanError(f"{place} is {kind_of(value)}, not an object; {EXPECTED}.")
    return value


def items(value: Any, place: str) -> list[Any]:
    """An array as a list; empty for null."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise PlanError(f"{place} is {kind_of(value)}, not an array; {EXPECTED}.")
    return value


def texts(value: Any, place: str) -> list[str]:
    """An array of strings as a list; empty for null."""
    return [text(each, f"{place}[{number}]") for number, each in enumerate(items(value, place))]


def text(value: Any, place: str) -> str:
    """A string; empty for null."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PlanError(f"{place} is {kind_of(value)}, not a string; {EXPECTED}.")
    # JSON can contain an escaped lone surrogate, which UTF-8 cannot encode.
    return value if value.isascii() else value.encode(errors="replace").decode()


def count(value: Any, place: str) -> int:
    """An integer; 0 for null."""
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise PlanError(f"{place} is {kind_of(value)}, not an integer; {EXPECTED}.")


def flag(value: Any, place: str) -> bool:
    """A boolean; false for null."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise PlanError(f"{place} is {kind_of(value)}, not a boolean; {EXPECTED}.")
    return value


def kind_of(value: Any) -> str:
    """The JSON type of a value, with its article."""
    words = {type(None): "null", bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    return words.get(type(value), "a number")
