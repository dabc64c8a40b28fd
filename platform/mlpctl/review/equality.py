"""When two values mean the same: without an order that means nothing, as policies mean it, as texts are decoded."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlpctl.review.naming import (
    NATURAL_KEYS,
)
from mlpctl.review.place import ABSENT, Place, is_set
from mlpctl.review.values import Masked, Secret, Value

_POLICY_LISTS: Final = frozenset({"Action", "NotAction", "Resource", "NotResource"})


_MIN_BASE64: Final = 16


_MAX_BASE64: Final = 4_000_000


def natural_keys(old: Sequence[Value], new: Sequence[Value]) -> Sequence[str]:
    """The properties that tell all items of both lists apart; none where no properties do."""
    if not all(isinstance(item, Mapping) for side in (old, new) for item in side):
        return ()
    for keys in NATURAL_KEYS:
        if all(_tells_apart(keys, side) for side in (old, new)) and (old or new):
            return keys
    return ()


def _tells_apart(keys: Sequence[str], items: Sequence[Any]) -> bool:
    seen = set()
    for item in items:
        if any(not isinstance(item.get(key), str | int) for key in keys):
            return False
        seen.add(key_of(item, keys))
    return len(seen) == len(items)


def key_of(item: Mapping[str, Value], keys: Sequence[str]) -> str:
    """What tells an item from the others of its list, as text."""
    return " ".join(str(item[key]) for key in keys)


def canonical(value: Value) -> str:
    """A text that is the same for what is the same, whatever the order of properties or items that are sets."""
    if type(value) is str:
        # What JSON writes of anything else begins in another way.
        return f'"{value}'
    return json.dumps(_sorted(value), sort_keys=True, default=repr)


def _sorted(value: Value, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {str(key): _sorted(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        items = [_sorted(item) for item in value]
        if is_set(Place(name=name), items):
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=repr))
        return items
    if isinstance(value, Secret):
        return ["secret", value.mark.hex()]
    if isinstance(value, Masked):
        return ["masked", str(value), value.mark.hex()]
    return value


def policy(document: Mapping[str, Value]) -> dict[str, Value]:
    """An IAM policy in one form: a list of statements, in which every value that may be a list is one."""
    statements = document["Statement"]
    return {
        **document,
        "Statement": [_statement(each) for each in (statements if isinstance(statements, list) else [statements])],
    }


def _statement(statement: Value) -> Value:
    if not isinstance(statement, Mapping):
        return statement
    made: dict[str, Any] = {key: _listed(value) if key in _POLICY_LISTS else value for key, value in statement.items()}
    for key in ("Principal", "NotPrincipal"):
        if isinstance(made.get(key), Mapping):
            made[key] = {kind: _listed(value) for kind, value in made[key].items()}
    if isinstance(made.get("Condition"), Mapping):
        made["Condition"] = {
            test: {key: _listed(value) for key, value in keys.items()} if isinstance(keys, Mapping) else keys
            for test, keys in made["Condition"].items()
        }
    return made


def _listed(value: Value) -> list[Value]:
    """A list with its items in order; a single value is a list of one."""
    return sorted(value, key=canonical) if isinstance(value, list) else [value]


def same_word(old: Value, new: Value) -> bool:
    """Whether two scalars say the same in two types, as `"5"` and `5`, or `"true"` and `true`."""
    return is_scalar(old) and is_scalar(new) and word(old) == word(new)


def word(value: Value) -> str:
    """A scalar as a text, the same for what is the same in two types."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def is_scalar(value: Value) -> bool:
    """Whether a value is a text, a number or a boolean."""
    return isinstance(value, str | bool | int | float)


def both_empty(old: Value, new: Value, strict: bool) -> bool:
    """Whether neither of two values says anything."""
    return is_empty(old, strict) and is_empty(new, strict)


def is_empty(value: Value, strict: bool = False) -> bool:
    """Whether a value says nothing, at whatever depth."""
    if strict:
        return value is None or value is ABSENT or value == []
    if isinstance(value, Mapping):
        return all(is_empty(item) for item in value.values())
    return value is None or value is ABSENT or value == "" or value == []


def decoded(text: str) -> str | None:
    """The text that a text is in base64; None where it is none."""
    if not _MIN_BASE64 <= len(text) <= _MAX_BASE64 or len(text) % 4:
        return None
    try:
        found = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    # A short word may happen to be valid base64 of something that is no text.
    return found if found.isprintable() or "\n" in found else None
