"""Values of a JSON document, read with the type that they must have; an error names their place."""

from typing import Any, Final

from mlpctl.review.plan import PlanError

EXPECTED: Final = "expected is the output of `pulumi preview --json`"


def urn(value: Any, place: str, *, needed: bool = False) -> str:
    """A URN of Pulumi; empty where none is needed and none is given."""
    found = text(value, place)
    if (found or needed) and not (found.startswith("urn:pulumi:") and found.count("::") >= 3):
        raise PlanError(f"{place} is {found[:80]!r}, which is no URN of Pulumi; {EXPECTED}.")
    return found


def mapping(value: Any, place: str) -> dict[str, Any]:
    """A mapping; an empty one for null."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PlanError(f"{place} is {kind_of(value)} where a mapping belongs; {EXPECTED}.")
    return value


def items(value: Any, place: str) -> list[Any]:
    """A list; an empty one for null."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise PlanError(f"{place} is {kind_of(value)} where a list belongs; {EXPECTED}.")
    return value


def texts(value: Any, place: str) -> list[str]:
    """A list of texts; an empty one for null."""
    return [text(each, f"{place}[{number}]") for number, each in enumerate(items(value, place))]


def text(value: Any, place: str) -> str:
    """A text; an empty one for null."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PlanError(f"{place} is {kind_of(value)} where a text belongs; {EXPECTED}.")
    # JSON can escape half a character, which no file can hold.
    return value if value.isascii() else value.encode(errors="replace").decode()


def count(value: Any, place: str) -> int:
    """A whole number; 0 for null."""
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise PlanError(f"{place} is {kind_of(value)}, not a whole number; {EXPECTED}.")


def flag(value: Any, place: str) -> bool:
    """True or false; false for null."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise PlanError(f"{place} is {kind_of(value)} where true or false belongs; {EXPECTED}.")
    return value


def kind_of(value: Any) -> str:
    """What a value is, in JSON's words."""
    words = {type(None): "null", bool: "true or false", str: "a text", list: "a list", dict: "a mapping"}
    return words.get(type(value), "a number")
