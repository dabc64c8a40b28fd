"""Finds resources and data that stay in the cloud although the engine deletes a resource: `retains` of the records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from awsfacts import types
from awsfacts.records import Keeps, Retention
from mlpctl.review.compare.paths import holds, value_at
from mlpctl.review.plan.model import Op
from mlpctl.review.reading.resolve import Resolved
from mlpctl.review.types import records
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import Value

_EMPTY: Final[tuple[Value, ...]] = (None, "", [], {})

_OF_AWS: Final = Retention(when={"skipDestroy": True}, keeps=Keeps.ALL)
"""Applies to every AWS type: https://www.pulumi.com/registry/packages/aws/api-docs/cloudwatch/loggroup."""


def kept_data(type: str, inputs: Mapping[str, Value]) -> str:
    """The data of a deleted resource that is retained, as text; empty if none is."""
    found = _find(type, inputs)
    return found.says if found and found.keeps is Keeps.DATA else ""


def left(type: str, outcomes: Iterable[Resolved]) -> Iterator[Resolved]:
    """The changes of a resource; one that its provider leaves in the cloud counts as no longer managed.

    A provider decides by the inputs in the state, not by the program's current inputs.
    """
    for each in outcomes:
        found = _find(type, each.old.inputs) if each.op in (Op.DELETE, Op.REPLACE) and each.old else None
        if found is None or found.keeps is not Keeps.ALL:
            yield each
        elif each.op is Op.DELETE:
            yield replace(each, op=Op.FORGET, retained=True)
        else:
            yield replace(each, retained=True)


def _find(type: str, inputs: Mapping[str, Value]) -> Retention | None:
    return next((each for each in _rows(type) if _fits(each, inputs)), None)


def _fits(row: Retention, inputs: Mapping[str, Value]) -> bool:
    return holds(inputs, row.when) and all(value_at(inputs, way) not in _EMPTY for way in row.present)


@cache
def _rows(type: str) -> Sequence[Retention]:
    """The retention rows of a type; those that retain the whole resource come first."""
    short = short_type(type)
    found = [*([_OF_AWS] if short.startswith(types.PACKAGE) else []), *records.record(short).retains]
    return sorted(found, key=lambda each: each.keeps is not Keeps.ALL)
