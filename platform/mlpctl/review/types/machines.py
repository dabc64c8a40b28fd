"""Recognizes instance types of all clouds, and those with accelerators: `machines.yaml`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from awsfacts.tables import Row, read_table
from mlpctl.review.values.plain import Value, walk


class Machines(Row):
    """`machines.yaml`, which explains its fields."""

    instances: Sequence[str]
    accelerators: Sequence[str]
    marks: Sequence[str]


@cache
def machines() -> Machines:
    """The table of patterns."""
    return Machines.model_validate(read_table("machines.yaml", "mlpctl.review.types"))


@cache
def pattern(name: str) -> Callable[[str], Any]:
    """Search function for `instances`, `accelerators` or `marks` in a text."""
    return re.compile("|".join(getattr(machines(), name))).search


def texts(inputs: Mapping[str, Value]) -> Iterator[str]:
    """All texts in inputs, including mapping keys."""
    for path, value in walk(inputs):
        yield from (str(step) for step in path if isinstance(step, str))
        if isinstance(value, str):
            yield value


def accelerated(found: Iterable[str]) -> tuple[str, ...]:
    """The instance types with accelerators in texts, or `accelerators` for another sign of them; empty for none."""
    some = [*found]
    types = [text for text in some if pattern("accelerators")(text) and pattern("instances")(text)]
    if types:
        return tuple(dict.fromkeys(types))
    return ("accelerators",) if any(pattern("marks")(text) for text in some) else ()
