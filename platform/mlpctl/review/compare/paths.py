"""Values of inputs by their paths, such as `rules[].expiration.days`."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from mlpctl.review.compare.equality import word
from mlpctl.review.values.plain import UNKNOWN, Unknown, Value, document, items

_STEP: Final = re.compile(r'\["([^"]*)"\]|(\[\])|([^.\[]+)')


def value_at(inputs: Value, path: str) -> Value:
    """The value at a path; `UNKNOWN` if it is unknown.

    In a path, `[]` stands for every item: then the value is a list of the values found, in a canonical order. A text
    on the way may be a JSON document, such as `policyData.bindings[].members[]`.
    """
    found: Value = inputs
    steps = steps_of(path)
    for position, (quoted, every, name) in enumerate(steps):
        if isinstance(found, Unknown):
            return UNKNOWN
        if isinstance(found, str):
            found = document(found)
        if every:
            rest = "".join(_written(*step) for step in steps[position + 1 :]).lstrip(".")
            below = [value_at(item, rest) if rest else item for item in items(found)]
            flat = [item for each in below for item in (each if isinstance(each, list) else [each]) if item is not None]
            return sorted(flat, key=canonical)
        if not isinstance(found, Mapping):
            return None
        found = found.get(quoted or name)
    return found


@cache
def steps_of(path: str) -> Sequence[tuple[str, str, str]]:
    """The steps of a path, each as three texts of which one is set: a name in brackets, `[]`, a plain name."""
    return _STEP.findall(path)


def holds(inputs: Mapping[str, Value], wanted: Mapping[str, Any]) -> bool:
    """Whether the inputs have all expected values, as text or in their own type."""
    return all(word(value_at(inputs, path)) == word(value) for path, value in wanted.items())


def canonical(value: Value) -> str:
    """A value as text, independent of the order of its keys."""
    return json.dumps(value, sort_keys=True, default=repr)


def _written(quoted: str, every: str, name: str) -> str:
    return f'["{quoted}"]' if quoted else every or f".{name}"
