"""One reason to see a danger in a change, and the words that all reasons share."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from awsfacts.records import Holding
from mlpctl.review.compare import compared
from mlpctl.review.report import Certainty, Difference, Harm
from mlpctl.review.values import Value

HARMS: Final = {
    Holding.DATA: Harm.DATA,
    Holding.CAPACITY: Harm.CAPACITY,
    Holding.SERVING: Harm.SERVING,
    Holding.IDENTITY: Harm.IDENTITY,
}


class Tier(IntEnum):
    """How bad something is, whatever it harms."""

    WORST = 0
    """Data is lost, or anybody gets in."""

    LOST = 1
    """Something else has no way back."""

    WEAKER = 2
    """Less is left, or less protects it."""


@dataclass(frozen=True)
class Finding:
    """One reason to see a danger in a change."""

    harm: Harm
    tier: Tier
    says: str
    """The whole sentence's beginning for what goes, or its end for a property."""

    certainty: Certainty = Certainty.WILL
    because: tuple[str, ...] = ()
    lead: bool = False
    """Whether it says what happens to the whole resource."""


def tier_of(harm: Harm, *, grave: bool) -> Tier:
    """How bad the change of a property is: as bad as a loss, or only a weaker protection."""
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
    """What differs between two values of a property, a line each."""
    return tuple(line(each) for each in compared(old, new, path, strict=strict))


def listed(words: Iterable[str]) -> str:
    """Words as a list in a sentence: `a, b and c`."""
    found = [*dict.fromkeys(words)]
    return " and ".join(filter(None, (", ".join(found[:-1]), found[-1]))) if found else ""
