"""The verdict: the one line that summarizes a review."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlpctl.review.dangers.groups import is_counted, is_default_provider
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.report import wording
from mlpctl.review.report.cost import Cost, Limit
from mlpctl.review.report.model import Invalid, Violation
from mlpctl.review.report.rules import Rules
from mlpctl.text import number

AS_FAR: Final = "The plan is incomplete. Listed changes: "
"""Start of the verdict of an incomplete plan."""

REFRESH: Final = "Refresh (only the state changes): "

NOTHING: Final = "No changes"
NOTHING_LISTED: Final = "none"
"""Text for an incomplete plan without changes."""

_GO: Final = (Op.DELETE, Op.REPLACE)
"""Operations on a provider that may also delete or replace its resources."""

_CHANGE: Final = tuple(op for op in Op if op not in (*_GO, Op.SAME, Op.READ))
"""Operations on providers that the verdict mentions only if no resource changes."""

LONGEST: Final = 1_000
"""Length up to which formats write a verdict; one with every part has some 800 characters."""

NO_DRIFT: Final = "the state matches the cloud"


@dataclass(frozen=True)
class Findings:
    """The parts of a verdict."""

    counts: Mapping[Op, int]
    cost: Cost
    limits: Sequence[Limit] = ()
    invalid: Sequence[Invalid] = ()
    violations: Sequence[Violation] = ()
    rules: Rules | None = None
    outputs: int = 0
    """Number of stack outputs that change."""


def verdict(plan: Plan, found: Findings) -> str:
    """The number of resources by operation, the change of the cost, and the reasons why the review fails."""
    nothing = NOTHING_LISTED if plan.incomplete else NO_DRIFT if plan.refresh_only else NOTHING
    happens = [*_happens(plan, found)] or [*_providers(plan, _CHANGE)]
    if found.outputs and not happens:
        happens = [number(found.outputs, "changed stack output")]
    parts = [", ".join(happens) or nothing, wording.cost_in_short(found.cost)]
    broken = [limit for limit in found.limits if limit.broken]
    if over := [limit.name for limit in broken if limit.found > limit.allowed]:
        parts.append(f"exceeds {' and '.join(over)}")
    if unheld := [limit.name for limit in broken if limit.found <= limit.allowed]:
        parts.append(f"{' and '.join(unheld)} cannot be checked, since expensive resources are unpriced")
    if found.invalid:
        parts.append(f"{number(len(found.invalid), 'Kubernetes object')} rejected")
    if mandatory := sum(each.mandatory for each in found.violations):
        parts.append(f"{number(mandatory, 'mandatory policy violation')}")
    if rules := found.rules:
        parts += [f"{number(rules.blocking, 'mandatory rule violation')}"] if rules.blocking else []
        parts += [f"{number(rules.expired, 'expired waiver')}"] if rules.expired else []
        parts += [f"{number(len(rules.gaps), 'rule')} not evaluated"] if rules.gaps else []
    if unlisted := found.cost.totals.unlisted:
        parts.append(f"excluding {number(unlisted, 'resource')} that the plan does not list")
    return (AS_FAR if plan.incomplete else "") + (REFRESH if plan.refresh_only else "") + "; ".join(parts)


def _happens(plan: Plan, found: Findings) -> Iterator[str]:
    replaced = [change for change in plan if change.op is Op.REPLACE and is_counted(change)]
    for op, count in wording.counts(found.counts):
        if op is Op.REPLACE:
            yield from _replacements(replaced)
        else:
            yield wording.total(op, count)
    yield from _providers(plan, _GO)
    unguarded = sum(change.op is Op.SAME and (change.unprotected or change.unretained) for change in plan)
    if unguarded:
        yield f"{unguarded:,} no longer protected or retained"


def _replacements(replaced: Sequence[Change]) -> Iterator[str]:
    """The number of certain and possible replacements, and what happens to the old resources."""
    for retained in (False, True):
        these = [change for change in replaced if change.retained is retained]
        doubtful = sum(change.forced_by_unknown for change in these)
        left = f" (the old {'ones are' if len(these) > 1 else 'one is'} {wording.LEFT})" if retained else ""
        if len(these) > doubtful:
            yield wording.total(Op.REPLACE, len(these) - doubtful) + left
        if doubtful:
            yield f"{doubtful:,} may be replaced{left}"


def _providers(plan: Plan, ops: Sequence[Op]) -> Iterator[str]:
    """Counts of the program's explicit providers by operation; they are not resources in a cloud."""
    for op in ops:
        these = [each for each in plan if each.is_provider and each.op is op and not is_default_provider(each)]
        doubtful = sum(each.forced_by_unknown for each in these)
        if len(these) > doubtful:
            yield f"{number(len(these) - doubtful, 'provider')} {wording.happening(op)}"
        if doubtful:
            yield f"{number(doubtful, 'provider')} may be replaced"
