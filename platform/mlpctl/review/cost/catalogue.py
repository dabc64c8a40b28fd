"""How each type of resources is priced: its record names a function of this package, or says why it has no price."""

from collections.abc import Callable
from types import ModuleType
from typing import Final, TypeAlias

from mlpctl.review import records
from mlpctl.review.cost import compute, database, kubernetes, network, operations, storage
from mlpctl.review.cost.parts import Free, NoPrice, Parts, Subject
from mlpctl.review.kinds import short_type

Pricing: TypeAlias = Callable[[Subject], Parts]
"""From a resource to the parts of its price.

Raises `NoPrice` where a part without which the figure would mean nothing has no price.
"""

NOT_KNOWN: Final = "mlpctl has no way to price this type"

_MODULES: Final[dict[str, ModuleType]] = {
    "compute": compute,
    "database": database,
    "kubernetes": kubernetes,
    "network": network,
    "operations": operations,
    "storage": storage,
}


def large(type: str) -> str:
    """What makes a type expensive; empty for one that is not known to be."""
    return records.record(short_type(type)).large


def parts(of: Subject) -> Parts:
    """What a resource is charged for.

    Raises:
        NoPrice: it has no price.
    """
    record = records.record(short_type(of.change.type))
    # A state may lack the mark of what a provider makes; a type that is priced is no component.
    if not of.change.custom and not record.priced:
        yield Free("a component costs what its parts cost")
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
