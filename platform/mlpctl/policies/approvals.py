"""Losses need an approval by name in the stack file: of data, of GPU capacity and of a served model."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from mlpctl.policies.evaluate import Outcome, Result, level_of
from mlpctl.policies.rule import FROM_STAGING, Level, Rule, Severity
from mlpctl.policies.stack import APPROVALS, StackRules
from mlpctl.review.report.model import Danger, Harm
from mlpctl.review.values.resource import Op
from mlpctl.settings.policies import Permission

APPROVAL: Final = Rule(
    id=APPROVALS,
    title="The loss of data, of GPU capacity or of a served model is approved by name.",
    reason="No later change brings back lost data, and GPU capacity that is given up may not be available again.",
    remedy="Avoid the loss, or approve it in policies.approvals with the resource, a reason, an owner and a last day.",
    severity=Severity.CRITICAL,
    levels=FROM_STAGING,
    serves=("nist:CM-3", "soc2:CC8.1", "iso:A.8.32"),
    types=frozenset(),
)

_LOSSES: Final = {
    Harm.DATA: "loses its data",
    Harm.CAPACITY: "gives up its capacity",
    Harm.SERVING: "stops serving",
}
_GOES: Final = frozenset({Op.DELETE, Op.REPLACE})


def results(dangers: Iterable[Danger], stack: StackRules, today: date) -> Iterator[Result]:
    """The losses of a plan, approved or not; nothing if the rule is off."""
    level = level_of(APPROVAL, stack.policies, stack.profile)
    valid = [each for each in stack.policies.approvals if each.expires >= today]
    lost = [each for each in dangers if each.harm in _LOSSES and each.op in _GOES]
    if level is Level.OFF:
        return
    for danger in lost:
        approval = next((each for each in valid if danger.name == each.resource), None)
        outcome = Outcome.WAIVED if approval else Outcome.FAIL
        text = f"{_LOSSES[danger.harm]} {'without' if not approval else 'with'} an approval"
        yield Result(APPROVAL, level, outcome, danger.urn, text=text, waiver=approval)
    if not lost:
        yield Result(APPROVAL, level, Outcome.PASS)


def expired(stack: StackRules, today: date) -> list[Permission]:
    """The approvals that are no longer valid."""
    return [each for each in stack.policies.approvals if each.expires < today]
