"""Selects how a resource type is priced: its record names a pricing function, or the reason why it has no price."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Final, TypeAlias

from awsfacts.records import Record
from mlpctl.review.compare.paths import holds, value_at
from mlpctl.review.cost import compute, database, kubernetes, network, operations, storage
from mlpctl.review.cost.parts import Free, NoPrice, Parts, Subject
from mlpctl.review.types import records
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import Value, finite, items

Pricing: TypeAlias = Callable[[Subject], Parts]
"""Returns the parts of a resource's price.

Raises `NoPrice` if an essential part has no price.
"""

NOT_KNOWN: Final = "mlpctl cannot price this type"

_MODULES: Final[dict[str, ModuleType]] = {
    "compute": compute,
    "database": database,
    "kubernetes": kubernetes,
    "network": network,
    "operations": operations,
    "storage": storage,
}


def large(type: str, inputs: Mapping[str, Value] | None = None) -> str:
    """What makes a resource expensive; empty if it is not known to be expensive.

    Args:
        type: Its type.
        inputs: Its inputs; without them, the result is that of an expensive resource of the type.
    """
    record = records.record(short_type(type))
    return record.large if inputs is None or _is_large(record, inputs) else ""


def _is_large(record: Record, inputs: Mapping[str, Value]) -> bool:
    if record.large_unless and holds(inputs, record.large_unless):
        return False
    if not record.large_if and not record.large_above:
        return True
    set_to = (each for path in record.large_if for each in items(value_at(inputs, path)))
    return any(each and each not in record.cheap for each in set_to) or any(
        _exceeds(value_at(inputs, path), most) for path, most in record.large_above.items()
    )


def _exceeds(value: Value, most: float) -> bool:
    """Whether a number is larger, or may be because it is not known."""
    number = finite(value)
    return value is not None and (number is None or number > most)


def parts(of: Subject) -> Parts:
    """The parts of a resource's price.

    Raises:
        NoPrice: it has no price.
    """
    record = records.record(short_type(of.change.type))
    # A state may lack the flag `custom`; a type with a pricing function is not a component.
    if not of.change.custom and not record.priced:
        yield Free("the cost of a component is that of its resources")
    elif record.priced:
        yield from pricing(record.priced)(of)
    elif record.free:
        yield Free(record.free)
    else:
        raise NoPrice(record.unpriced or NOT_KNOWN)


def pricing(name: str) -> Pricing:
    """The function that a record names, e.g. `storage.bucket`."""
    module, _, function = name.partition(".")
    found: Pricing = getattr(_MODULES[module], function)
    return found
