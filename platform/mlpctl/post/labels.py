"""Labels of a pull request, which say what its reviews found."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mlpctl.review.report.model import Harm, Report


class Effect(Enum):
    """Something that a pull request does to a stack, for which it gets a label."""

    DESTROYS_DATA = "destroys-data"
    DROPS_CAPACITY = "drops-capacity"
    COST_UP = "cost-up"
    RULES_BROKEN = "rules-broken"


@dataclass(frozen=True)
class Label:
    """A label of the repository."""

    name: str
    colour: str
    """Six hexadecimal digits, without `#`."""

    description: str
    """At most 100 characters, GitHub's limit: https://docs.github.com/en/rest/issues/labels#create-a-label."""


LABELS: Final[Mapping[Effect, Label]] = {
    Effect.DESTROYS_DATA: Label(
        "mlpctl: destroys data", "b60205", "A stack loses data that nothing retains, or may lose it"
    ),
    Effect.DROPS_CAPACITY: Label(
        "mlpctl: drops capacity", "d93f0b", "A stack loses compute capacity, or may lose it during the update"
    ),
    Effect.COST_UP: Label("mlpctl: cost up", "fbca04", "The expected cost of a stack per month rises"),
    Effect.RULES_BROKEN: Label(
        "mlpctl: rules broken", "5319e7", "A mandatory rule or policy is violated, or a waiver has expired"
    ),
}
"""The labels of this program; it changes no others."""

_MARK: Final = re.compile(r"<!-- mlpctl effects((?: [a-z-]+)*) -->")


def _harms(report: Report, harm: Harm) -> bool:
    return any(danger.harm is harm and not danger.retained for danger in report.dangers)


def _costs_more(report: Report) -> bool:
    if report.cost is None:
        return False
    totals = report.cost.totals
    # A sandbox that starts empty creates everything, whatever the pull request changes.
    starts_empty = report.sandbox and totals.before_monthly_usd.max == 0
    return totals.delta_monthly_usd.expected > 0 and not starts_empty


def _breaks_rules(report: Report) -> bool:
    ruled = report.rules is not None and not report.rules.passes
    return ruled or any(violation.mandatory for violation in report.violations)


_TESTS: Final[Mapping[Effect, Callable[[Report], bool]]] = {
    Effect.DESTROYS_DATA: lambda report: _harms(report, Harm.DATA),
    Effect.DROPS_CAPACITY: lambda report: _harms(report, Harm.CAPACITY),
    Effect.COST_UP: _costs_more,
    Effect.RULES_BROKEN: _breaks_rules,
}


def effects(report: Report) -> frozenset[Effect]:
    """What a reviewed change does, certainly or possibly."""
    return frozenset(effect for effect, test in _TESTS.items() if test(report))


def mark(found: Iterable[Effect]) -> str:
    """The hidden line of a comment that records its stack's effects, for the posts of other stacks."""
    names = {effect.value for effect in found}
    return f"<!-- mlpctl effects{''.join(f' {effect.value}' for effect in Effect if effect.value in names)} -->"


def marked(body: str) -> frozenset[Effect]:
    """The effects that the second line of a comment records; unknown ones are ignored."""
    lines = body.splitlines()
    match = _MARK.fullmatch(lines[1]) if len(lines) > 1 else None
    names = match[1].split() if match else []
    return frozenset(effect for effect in Effect if effect.value in names)
