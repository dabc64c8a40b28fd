"""A finding: one reason why a change is dangerous."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from awsfacts.records import Holding
from mlpctl.review.compare.delta import compared
from mlpctl.review.report.model import Certainty, Difference, Harm
from mlpctl.review.values.plain import Value

HARMS: Final = {
    Holding.DATA: Harm.DATA,
    Holding.CAPACITY: Harm.CAPACITY,
    Holding.SERVING: Harm.SERVING,
    Holding.IDENTITY: Harm.IDENTITY,
}


class Tier(IntEnum):
    """Severity, independent of the kind of harm."""

    WORST = 0
    """Loss of data, or public access."""

    LOST = 1
    """Another irreversible loss."""

    WEAKER = 2
    """Reduced capacity or protection."""


@dataclass(frozen=True)
class Finding:
    """One reason why a change is dangerous."""

    harm: Harm
    tier: Tier
    says: str
    """Start of the sentence for a removed resource, or its end for a property."""

    certainty: Certainty = Certainty.WILL
    because: tuple[str, ...] = ()
    lead: bool = False
    """Whether it describes what happens to the whole resource."""


def tier_of(harm: Harm, *, grave: bool) -> Tier:
    """Severity of a changed property: as severe as a loss, or a reduction only."""
    if not grave:
        return Tier.WEAKER
    return Tier.WORST if harm in (Harm.DATA, Harm.IDENTITY) else Tier.LOST


def line(difference: Difference) -> str:
    """A difference in one line: `scalingConfig.maxSize: 6 → 2`."""
    old, new = difference.old, difference.new
    if old == new:
        return difference.path
    return f"{difference.path}: {'(none)' if old is None else old} → {'(none)' if new is None else new}"


def causes(old: Value, new: Value, path: str, *, strict: bool = False) -> tuple[str, ...]:
    """The differences between two values of a property, one line each."""
    return tuple(line(each) for each in compared(old, new, path, strict=strict))
