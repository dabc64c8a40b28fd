"""Determines whether two values are equivalent: order, IAM policies, notation and encoded texts."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlpctl.review.compare.place import ABSENT, Place, is_set
from mlpctl.review.types.naming import (
    NATURAL_KEYS,
)
from mlpctl.review.values.plain import Masked, Secret, Value, is_hidden

_POLICY_LISTS: Final = frozenset({"Action", "NotAction", "Resource", "NotResource"})


_MIN_BASE64: Final = 16


_MAX_BASE64: Final = 4_000_000


def natural_keys(old: Sequence[Value], new: Sequence[Value]) -> Sequence[str]:
    """The properties that identify each item in both lists; empty if there are none."""
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
    """The key of an item as text."""
    return " ".join(str(item[key]) for key in keys)


def canonical(value: Value) -> str:
    """A text that is equal for equivalent values, regardless of the order of properties and of items of sets."""
    if type(value) is str:
        # The JSON of any other value starts with another character.
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
    """An IAM policy in normal form: a list of statements in which every value that may be a list is one."""
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
            test: {key: [truth(test, each) for each in _listed(value)] for key, value in keys.items()}
            if isinstance(keys, Mapping)
            else keys
            for test, keys in made["Condition"].items()
        }
    return made


def truth(operator: str, value: Value) -> Value:
    """A value of a policy's condition, in lower case for an operator that compares booleans.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    compares = operator.lower().rpartition(":")[2].removesuffix("ifexists") == "bool"
    return value.lower() if compares and type(value) is str else value


def _listed(value: Value) -> list[Value]:
    """A sorted list; a single value becomes a list of one item."""
    return sorted(value, key=canonical) if isinstance(value, list) else [value]


def same_caseless(old: Value, new: Value) -> bool:
    """Whether two values are equal regardless of case and of the order of lists; False if a part is hidden.

    Azure ignores the case of IDs and of permissions:
    https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    """
    before, after = _caseless(old), _caseless(new)
    return before is not None and before == after


def _caseless(value: Value) -> str | None:
    if is_hidden(value):
        return None
    return json.dumps(_lowered(value), sort_keys=True, default=repr)


def _lowered(value: Value) -> Value:
    if isinstance(value, Mapping):
        return {key: _lowered(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted(map(_lowered, value), key=lambda each: json.dumps(each, sort_keys=True, default=repr))
    return value.lower() if isinstance(value, str) else value


def same_word(old: Value, new: Value) -> bool:
    """Whether two scalars are equal regardless of their types, e.g. `"5"` and `5`, or `"true"` and `true`."""
    return is_scalar(old) and is_scalar(new) and word(old) == word(new)


def word(value: Value) -> str:
    """A scalar as text, equal for equal values of different types."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def is_scalar(value: Value) -> bool:
    """Whether a value is a text, a number or a boolean."""
    return isinstance(value, str | bool | int | float)


def both_empty(old: Value, new: Value, strict: bool) -> bool:
    """Whether both values are empty."""
    return is_empty(old, strict) and is_empty(new, strict)


def is_empty(value: Value, strict: bool = False) -> bool:
    """Whether a value is empty at any depth."""
    if strict:
        return value is None or value is ABSENT or value == []
    if isinstance(value, Mapping):
        return all(is_empty(item) for item in value.values())
    return value is None or value is ABSENT or value == "" or value == []


def decoded(text: str) -> str | None:
    """The decoded content of a base64 text; None if it is not base64."""
    if not _MIN_BASE64 <= len(text) <= _MAX_BASE64 or len(text) % 4:
        return None
    try:
        found = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    # A short word may happen to be valid base64 of binary data.
    return found if found.isprintable() or "\n" in found else None
