"""Evaluates the rules for a plan, for its report."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from mlpctl import urns
from mlpctl.policies import approvals
from mlpctl.policies.evaluate import Evaluation, Outcome, Result, evaluate
from mlpctl.policies.plan_estate import of_plan
from mlpctl.policies.rule import Level, Severity
from mlpctl.policies.rules import rules
from mlpctl.policies.stack import StackRules
from mlpctl.review import stack_config
from mlpctl.review.kinds import kind
from mlpctl.review.plan import Plan
from mlpctl.review.report import Danger
from mlpctl.review.report_rules import RuleFinding, RuleGap, Rules
from mlpctl.settings.policies import PolicySettings, Waiver

_SHOWN: Final = (Outcome.FAIL, Outcome.ERROR, Outcome.WAIVED)
_SEVERITIES: Final = [*reversed(Severity)]


def ruled(plan: Plan, dangers: Sequence[Danger], today: date) -> Rules:
    """The results of all rules for what exists after an update, and for what is lost by it.

    Raises:
        SettingsError: the section `policies` of the plan's config is invalid.
    """
    policies = stack_config.section(plan, "policies", PolicySettings)
    stack = StackRules.of(stack_config.platform(plan), policies)
    found = evaluate(rules(), of_plan(plan, stack.settings, today), stack.policies, stack.profile, today)
    lost = approvals.results(dangers, stack, today)
    return report(replace(found, results=(*found.results, *lost)), stack, today)


def report(found: Evaluation, stack: StackRules, today: date) -> Rules:
    """An evaluation as a part of a report."""
    findings = [_finding(each) for each in found.results if each.outcome in _SHOWN]
    order = [each.value for each in _SEVERITIES]
    return Rules(
        profile=stack.profile,
        passed=sum(each.outcome is Outcome.PASS for each in found.results),
        findings=sorted(
            findings,
            key=lambda each: (bool(each.waived), not each.mandatory, order.index(each.severity), each.rule, each.urn),
        ),
        gaps=sorted(_gaps(found), key=lambda each: (not each.mandatory, each.rule)),
        waivers=[
            *(f"{_waiver(each)}: it has expired; renew or remove it." for each in found.expired),
            *(f"{_waiver(each)}: it matches no violation; remove it." for each in found.unused),
            *(
                f"Approval for {each.resource} ({each.owner}, until {each.expires}): it has expired; remove it."
                for each in approvals.expired(stack, today)
            ),
        ],
        expired=len(found.expired),
    )


def _finding(result: Result) -> RuleFinding:
    rule = result.rule
    name = urns.name(result.urn) if result.urn else ""
    waiver = result.waiver
    return RuleFinding(
        rule=rule.id,
        title=rule.title,
        severity=rule.severity.value,
        mandatory=result.level is Level.MANDATORY,
        urn=result.urn,
        name=name,
        words=kind(urns.kind(result.urn)).words if result.urn else "",
        text=f"{name or 'The stack'} {result.text}.",
        remedy=rule.remedy,
        waived=f"{waiver.reason} ({waiver.owner}, until {waiver.expires})" if waiver else "",
    )


def _gaps(found: Evaluation) -> Iterator[RuleGap]:
    by_rule: dict[str, list[Result]] = {}
    for each in found.results:
        if each.outcome is Outcome.NOT_EVALUATED:
            by_rule.setdefault(each.rule.id, []).append(each)
    for id, results in by_rule.items():
        first = results[0]
        yield RuleGap(
            rule=id,
            title=first.rule.title,
            mandatory=first.level is Level.MANDATORY,
            names=[urns.name(each.urn) for each in results if each.urn],
            why=first.text,
        )


def _waiver(waiver: Waiver) -> str:
    return f"Waiver of {waiver.rule} for {waiver.resource} ({waiver.owner}, until {waiver.expires})"
