"""Evaluates the rules for a plan, for its report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from mlpctl import urns
from mlpctl.keys import REGION
from mlpctl.policies import approvals, fields
from mlpctl.policies.evaluate import Evaluation, Outcome, Result, evaluate
from mlpctl.policies.local import NOTHING, Local
from mlpctl.policies.plan_estate import of_plan
from mlpctl.policies.rule import Level, Severity
from mlpctl.policies.rules import rules
from mlpctl.policies.siblings import of_project
from mlpctl.policies.stack import StackRules
from mlpctl.review.plan import stack_config
from mlpctl.review.plan.model import Plan
from mlpctl.review.report.model import Danger
from mlpctl.review.report.rules import RuleFinding, RuleGap, Rules
from mlpctl.review.types.kinds import kind
from mlpctl.settings.policies import PolicySettings, Waiver

_SHOWN: Final = (Outcome.FAIL, Outcome.ERROR, Outcome.WAIVED)
_SEVERITIES: Final = [*reversed(Severity)]


def ruled(plan: Plan, dangers: Sequence[Danger], today: date, local: Local = NOTHING) -> Rules:
    """The results of all rules for what exists after an update, and for what is lost by it.

    Raises:
        SettingsError: the profile or the section `policies` of the plan's config is invalid.
    """
    stack = stack_rules(plan)
    found = judged(plan, stack, today, local)
    lost = approvals.results(dangers, stack, today)
    return report(replace(found, results=(*found.results, *lost)), stack, today, plan.parents, local)


def stack_rules(plan: Plan) -> StackRules:
    """The levels and exceptions in a plan's config.

    Raises:
        SettingsError: the profile or the section `policies` is invalid.
    """
    platform = stack_config.platform(plan)
    if stack_config.is_there(plan) and (fault := stack_config.profile_fault(platform)):
        raise stack_config.SettingsError(f"The plan's config is invalid: {fault}.")
    policies = stack_config.section(plan, "policies", PolicySettings)
    return StackRules.of(platform, policies)


def judged(plan: Plan, stack: StackRules, today: date, local: Local = NOTHING) -> Evaluation:
    """The results of the rules, own ones included, for the resources that exist after a plan.

    Raises:
        SettingsError: the stack's levels or waivers name a rule that does not exist.
    """
    known = (*rules(), *local.rules)
    all_known = local.loaded or not stack.policies.packs
    if all_known and (fault := stack.unknown(each.id for each in known)):
        raise stack_config.SettingsError(fault)
    beside = of_project(local.root, plan.config.get(REGION)) if local.root else None
    estate = of_plan(plan, stack.settings, today, beside)
    found = evaluate(known, estate, stack.policies, stack.profile, today)
    if local.loaded:
        return found
    # A waiver of a rule that was not loaded is not unused.
    ids = {each.id for each in known}
    return replace(found, unused=tuple(each for each in found.unused if each.rule in ids or not stack.policies.packs))


def report(
    found: Evaluation, stack: StackRules, today: date, parents: Mapping[str, str], local: Local = NOTHING
) -> Rules:
    """An evaluation as a part of a report.

    Args:
        found: the evaluation.
        stack: the levels and exceptions of the stack.
        today: the day on which approvals are valid or not.
        parents: URN of each resource's parent, which leads to the component in the stack file.
        local: the stack file on this machine.
    """
    findings = [_finding(each, stack, parents, local) for each in found.results if each.outcome in _SHOWN]
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
        file=local.file,
        line=local.line("policies.waivers" if found.expired else ""),
        packs=[] if local.loaded else stack.policies.packs,
        expired=len(found.expired),
    )


def _finding(result: Result, stack: StackRules, parents: Mapping[str, str], local: Local) -> RuleFinding:
    rule = result.rule
    field = result.field
    if result.urn:
        component = urns.outermost(result.urn, parents)
        field = fields.place(rule, result.urn, result.text, component, stack.settings, local.sets)
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
        reason=rule.reason,
        serves=rule.serves,
        field=field,
        line=local.line(field),
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
