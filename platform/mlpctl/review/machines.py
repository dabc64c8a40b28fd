"""How instance types of all clouds are written, and which of them have accelerators: `machines.yaml`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from awsfacts.tables import Row, read_table
from mlpctl.review.values import Value, walk


class Machines(Row):
    """`machines.yaml`, where all fields are explained."""

    instances: Sequence[str]
    accelerators: Sequence[str]
    marks: Sequence[str]


@cache
def machines() -> Machines:
    """How instance types are written."""
    return Machines.model_validate(read_table("machines.yaml", "mlpctl.review"))


@cache
def pattern(name: str) -> Callable[[str], Any]:
    """What finds `instances`, `accelerators` or `marks` in a text."""
    return re.compile("|".join(getattr(machines(), name))).search


def texts(inputs: Mapping[str, Value]) -> Iterator[str]:
    """Every text in inputs, keys of mappings too."""
    for path, value in walk(inputs):
        yield from (str(step) for step in path if isinstance(step, str))
        if isinstance(value, str):
            yield value


def accelerated(found: Iterable[str]) -> tuple[str, ...]:
    """The instance types among texts that have accelerators, or another mark of such instances; empty for none."""
    some = [*found]
    types = [text for text in some if pattern("accelerators")(text) and pattern("instances")(text)]
    if types:
        return tuple(dict.fromkeys(types))
    return ("accelerators",) if any(pattern("marks")(text) for text in some) else ()
