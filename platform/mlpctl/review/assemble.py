"""Assembles the review of a plan from all checks."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import reduce
from graphlib import CycleError, TopologicalSorter
from operator import or_
from typing import TYPE_CHECKING, Final

from mlpctl import urns
from mlpctl.review.compare.delta import compared
from mlpctl.review.cost.book import Book
from mlpctl.review.cost.command import price
from mlpctl.review.dangers import risk
from mlpctl.review.dangers.crowding import crowded
from mlpctl.review.dangers.groups import component_of, counts, groups, unknowns
from mlpctl.review.dangers.twins import twins
from mlpctl.review.dangers.unchecked import unchecked
from mlpctl.review.kubernetes import objects
from mlpctl.review.plan import stack_config
from mlpctl.review.plan.model import Op, Plan
from mlpctl.review.report import wording
from mlpctl.review.report.model import Danger, Difference, Edge, Report, Violation
from mlpctl.review.report.rules import Rules
from mlpctl.review.values.plain import walk
from mlpctl.review.writers.verdict import Findings, verdict

if TYPE_CHECKING:
    from mlpctl.policies.local import Local

EXAMPLE_ACCOUNT: Final = ":123456789012:"
"""The example account of AWS's documentation: an ARN with it shows that a plan was created in the sandbox."""

UNNAMED: Final = "unknown"
"""Name of the project and the stack if the plan has no resource that names them."""


def review(plan: Plan, book: Book, today: date, local: "Local | None" = None) -> Report:
    """Review a plan, with what the stack file on this machine adds.

    Raises:
        SettingsError: the cost settings in the plan's config are invalid.
    """
    sandbox = plan.sandbox or _names_example_account(plan)
    priced = price(plan, book, today)
    checked = objects.check(plan)
    dangers = risk.dangers(plan)
    found = counts(plan)
    against = violations(plan)
    changed = outputs(plan)
    rules = _ruled(plan, dangers, today, local)
    findings = Findings(found, priced.cost, priced.limits, checked.invalid, against, rules, len(changed))
    return Report(
        project=plan.project or UNNAMED,
        stack=plan.stack or UNNAMED,
        sandbox=sandbox,
        incomplete=plan.incomplete,
        verdict=verdict(plan, findings),
        refresh=plan.refresh_only,
        counts=found,
        dangers=dangers,
        cost=priced.cost,
        limits=priced.limits,
        invalid=checked.invalid,
        groups=groups(plan, {each.title: each.delta for each in wording.by_component(priced.cost) if each.known}),
        unknowns=unknowns(plan),
        unchecked=(*unchecked(plan, rules, sandbox=sandbox), *checked.unchecked),
        messages=tuple(_messages(plan)),
        notes=tuple(notes(plan)),
        violations=against,
        rules=rules,
        outputs=changed,
        edges=edges(plan),
    )


def _ruled(plan: Plan, dangers: Sequence[Danger], today: date, local: "Local | None") -> Rules | None:
    """The results of the rules; None for a program without the platform's config."""
    if not stack_config.is_there(plan):
        return None
    # This imports the SDKs, which the review of another program does not need.
    from mlpctl.policies.ruling import ruled

    return ruled(plan, dangers, today, local) if local else ruled(plan, dangers, today)


def violations(plan: Plan) -> tuple[Violation, ...]:
    """The policy violations of the plan, mandatory ones first."""
    found = [
        Violation(
            policy=each.policy,
            pack=each.pack,
            mandatory=each.mandatory,
            text=each.text,
            urn=each.urn,
            name=urns.name(each.urn) if each.urn else "",
        )
        for each in plan.violations
    ]
    return tuple(sorted(found, key=lambda each: not each.mandatory))


def outputs(plan: Plan) -> tuple[Difference, ...]:
    """The changed stack outputs."""
    if plan.outputs is None:
        return ()
    old, new = plan.outputs
    return compared(dict(old), dict(new), "", strict=True)


def notes(plan: Plan) -> Iterator[str]:
    """Findings that no single change shows, without duplicates."""
    found = [*((each.urn, each.text) for each in plan.notes), *twins(plan), *crowded(plan)]
    yield from dict.fromkeys(_about(urn, text) for urn, text in found)


def _about(urn: str, text: str) -> str:
    return f"{urns.class_name(urn)} {urns.name(urn)}: {text}" if urn else text


def edges(plan: Plan) -> tuple[Edge, ...]:
    """Dependencies between components: a resource of the one depends on a resource of the other."""
    found: dict[tuple[str, str], None] = {}
    for change in plan:
        mine = component_of(plan, change)
        causes = {urn for each in change.depends.values() for urn in each}
        for urn in causes.union(change.after) & plan.by_urn.keys():
            other = component_of(plan, plan.by_urn[urn])
            if mine and other and mine != other:
                found[mine, other] = None
    return tuple(Edge(source=source, target=target) for source, target in _shortest(found))


def _shortest(uses: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The direct dependencies: if A uses B and B uses C, then A → C is redundant."""
    pairs = sorted(set(uses))
    used: dict[str, list[str]] = {}
    for source, target in pairs:
        used.setdefault(source, []).append(target)
    try:
        order = [*TopologicalSorter(used).static_order()]
    except CycleError:
        return pairs
    # Sets of components are bit sets, so that thousands can be combined quickly.
    bits = {title: 1 << number for number, title in enumerate(order)}
    below: dict[str, int] = {}
    by_detour: dict[str, int] = {}
    for title in order:
        targets = used.get(title, ())
        by_detour[title] = _either(below[each] for each in targets)
        below[title] = by_detour[title] | _either(bits[each] for each in targets)
    return [(source, target) for source, target in pairs if not by_detour[source] & bits[target]]


def _either(numbers: Iterable[int]) -> int:
    return reduce(or_, numbers, 0)


def _messages(plan: Plan) -> Iterable[str]:
    """Warnings and errors without duplicates, with the resource that they concern."""
    texts = (_about(each.urn, each.text) for each in plan.messages if each.severity != "info")
    return dict.fromkeys(text.strip() for text in texts)


def _names_example_account(plan: Plan) -> bool:
    return any(
        isinstance(value, str) and EXAMPLE_ACCOUNT in value and value.startswith(("arn:", "{"))
        for change in plan
        if change.op is not Op.SAME
        for _, value in walk(change.inputs)
    )
