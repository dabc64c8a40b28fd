"""A review of a plan: everything that is told of it, put together."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import reduce
from graphlib import CycleError, TopologicalSorter
from operator import or_
from typing import Final

from mlpctl import urns
from mlpctl.review import objects, risk, wording
from mlpctl.review.cost.book import Book
from mlpctl.review.cost.command import price
from mlpctl.review.groups import component_of, counts, groups, is_counted, unknowns
from mlpctl.review.plan import Op, Plan
from mlpctl.review.report import Cost, Edge, Invalid, Limit, Report, Unchecked
from mlpctl.review.values import walk

EXAMPLE_ACCOUNT: Final = ":123456789012:"
"""The account of AWS's documentation, which nobody has: an ARN with it gives away a plan of the sandbox."""

AS_FAR: Final = "The plan is not complete. As far as it goes: "
"""How the verdict of a plan begins that may not be all of it."""

UNNAMED: Final = "unknown"
"""What a project and a stack are called whose plan has no resource to name them."""

SANDBOX_LIMITS: Final = Unchecked(
    what="Quotas, capacity and permissions in AWS",
    why="a sandbox made the plan; what a change replaces is as its own descriptions of AWS's types say",
)


def review(plan: Plan, book: Book, today: date) -> Report:
    """Review a plan.

    Raises:
        SettingsError: the plan's config says something of its cost that cannot be read.
    """
    sandbox = plan.sandbox or _names_example_account(plan)
    priced = price(plan, book, today)
    checked = objects.check(plan)
    dangers = risk.dangers(plan)
    found = counts(plan)
    return Report(
        project=plan.project or UNNAMED,
        stack=plan.stack or UNNAMED,
        sandbox=sandbox,
        incomplete=plan.incomplete,
        verdict=(AS_FAR if plan.incomplete else "")
        + verdict(found, _doubtful(plan), priced.cost, priced.limits, checked.invalid),
        counts=found,
        dangers=dangers,
        cost=priced.cost,
        limits=priced.limits,
        invalid=checked.invalid,
        groups=groups(plan, {each.title: each.delta for each in wording.by_component(priced.cost) if each.known}),
        unknowns=unknowns(plan),
        unchecked=(*((SANDBOX_LIMITS,) if sandbox else ()), *_unlisted(plan), *checked.unchecked),
        messages=tuple(_told(plan)),
        edges=edges(plan),
    )


def _unlisted(plan: Plan) -> Iterable[Unchecked]:
    if plan.unlisted:
        yield Unchecked(
            what=f"What {wording.number(plan.unlisted, 'unchanged resource')} cost",
            why="the plan does not list them, so no sum counts them; `pulumi preview --json --show-sames` does",
        )


def verdict(
    found: Mapping[Op, int], doubtful: int, cost: Cost, limits: Sequence[Limit], invalid: Sequence[Invalid]
) -> str:
    """One line: what happens how often, what that changes a month, and what makes the review fail.

    Args:
        found: Resources by what happens to them.
        doubtful: How many of the replacements only may happen.
        cost: What the plan costs.
        limits: The limits that it is held to.
        invalid: Objects that are refused.
    """
    happens = []
    for op, count in wording.counts(found):
        doubted = doubtful if op is Op.REPLACE else 0
        if count > doubted:
            happens.append(f"{count - doubted:,} to {op.value}")
        if doubted:
            happens.append(f"{doubted:,} may be replaced")
    parts = [", ".join(happens) or "Nothing changes", wording.cost_in_short(cost)]
    broken = [limit for limit in limits if limit.broken]
    if over := [limit.name for limit in broken if limit.found > limit.allowed]:
        parts.append(f"over {' and '.join(over)}")
    if unheld := [limit.name for limit in broken if limit.found <= limit.allowed]:
        parts.append(f"{' and '.join(unheld)} not held, since what may cost much has no price")
    if invalid:
        parts.append(f"{wording.number(len(invalid), 'Kubernetes object')} refused")
    if unlisted := cost.totals.unlisted:
        parts.append(f"without {wording.number(unlisted, 'resource')} that the plan does not list")
    return "; ".join(parts)


def edges(plan: Plan) -> tuple[Edge, ...]:
    """Which components use which: a resource of the one is made after a resource of the other."""
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
    """What is used without a detour: of A on B on C, and A on C, the last says nothing new."""
    pairs = sorted(set(uses))
    used: dict[str, list[str]] = {}
    for source, target in pairs:
        used.setdefault(source, []).append(target)
    try:
        order = [*TopologicalSorter(used).static_order()]
    except CycleError:
        return pairs
    # Sets of components as the bits of numbers: thousands of them are joined at once.
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


def _told(plan: Plan) -> Iterable[str]:
    """Warnings and errors, each once, with the resource that they are about."""
    texts = (
        f"{urns.class_name(each.urn)} {urns.name(each.urn)}: {each.text}" if each.urn else each.text
        for each in plan.messages
        if each.severity != "info"
    )
    return dict.fromkeys(text.strip() for text in texts)


def _doubtful(plan: Plan) -> int:
    """How many of the replacements that are counted only may happen."""
    return sum(is_counted(change) and change.forced_by_unknown for change in plan)


def _names_example_account(plan: Plan) -> bool:
    return any(
        isinstance(value, str) and EXAMPLE_ACCOUNT in value and value.startswith(("arn:", "{"))
        for change in plan
        if change.op is not Op.SAME
        for _, value in walk(change.inputs)
    )
