"""Words, amounts, sums and order that all report formats share."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlpctl.review.report.cost import ZERO, Cost, Money, ResourceCost
from mlpctl.review.report.model import Certainty, Danger, Group, Harm, Report, Row, Violation
from mlpctl.review.values.resource import Op
from mlpctl.text import amount, change, dollars, number

ALONE: Final = "Without a component"
"""Title of the group of resources without a component."""

SIGNS: Final[Mapping[Op, str]] = {
    Op.DELETE: "-",
    Op.REPLACE: "±",
    Op.FORGET: "⊘",
    Op.UPDATE: "~",
    Op.CREATE: "+",
    Op.IMPORT: "↓",
    Op.REFRESH: "≈",
    Op.GONE: "∅",
    Op.READ: "·",
    Op.SAME: "=",
}
"""A sign for each operation, most severe first."""

DESTRUCTIVE: Final = frozenset({Op.DELETE, Op.REPLACE})

LEAVING: Final = frozenset({*DESTRUCTIVE, Op.FORGET, Op.GONE})
"""Operations that remove a resource, or the old one of a replacement, from the state."""

_STATES: Final[Mapping[Op, str]] = {
    Op.FORGET: "no longer managed",
    Op.REFRESH: "changed outside of Pulumi",
    Op.GONE: "gone already",
}
"""Words for operations that change only the state."""

LEFT: Final = "retained and no longer managed"
"""Words for a resource that the stack leaves in the cloud."""

HARMS: Final[Mapping[Harm, str]] = {
    Harm.DATA: "destroy data",
    Harm.CAPACITY: "drop capacity",
    Harm.SERVING: "interrupt serving",
    Harm.IDENTITY: "change identity",
    Harm.PROTECTION: "lower protection",
}
"""Words for each harm, most severe first."""

UNKNOWN_INPUT: Final = "unknown input"
"""The reason why something only may happen."""

SANDBOX_PLAN: Final = "Sandbox plan, created without AWS: AWS itself may replace other resources."

SANDBOX_STACK: Final = "Deployed in the sandbox, not in AWS."

ONLY_PROVIDERS: Final = "only providers"
"""Text for a component in which only providers change: providers are not counted."""

_FOLLOW: Final = "Follow the remedies of the mandatory rules, or waive or approve in `policies` what is accepted"

NO_PRICE: Final = "—"
"""Placeholder for an unknown amount."""


@dataclass(frozen=True)
class Loss:
    """A resource that is deleted or replaced, or whose change is harmful in another way."""

    name: str
    words: str
    component: str
    op: Op
    certainty: Certainty

    @property
    def what(self) -> str:
        """The operation and the kind of resource: `will replace S3 bucket`."""
        return f"{happens(self.op, self.certainty)} {self.words}"


@dataclass(frozen=True)
class ComponentCost:
    """Cost of one component per month."""

    title: str
    before: Money
    now: Money
    delta: Money
    """Change of the cost of the resources that have a price before and after."""

    unpriced: int
    """Its resources that cost something and have no price."""

    @property
    def known(self) -> bool:
        """Whether any of its cost is known; an unpriced resource has an unknown cost, not a cost of 0."""
        return bool(self.now.max or self.before.max or not self.unpriced)

    @property
    def amounts(self) -> tuple[str, str, str]:
        """The amounts before, after, and of the change, without a currency sign."""
        if not self.known:
            return NO_PRICE, NO_PRICE, NO_PRICE
        delta = self.delta.expected
        return amount(self.before.expected), amount(self.now.expected), f"{'+' if delta > 0 else ''}{amount(delta)}"


def happens(op: Op, certainty: Certainty) -> str:
    """The operation, with its certainty where that matters: `create`, `will replace`, `may replace`."""
    doubt = op in DESTRUCTIVE or certainty is Certainty.MAY
    return f"{certainty.value} {op.value}" if doubt else word(op)


def word(op: Op) -> str:
    """The operation in one or few words: `create`, `no longer managed`."""
    return _STATES.get(op, op.value)


def total(op: Op, count: int) -> str:
    """An operation with its number of resources: `2 to create`, `1 retained and no longer managed`."""
    return f"{count:,} {happening(op)}"


def happening(op: Op) -> str:
    """The operation as words after a number: `to create`, `retained and no longer managed`."""
    if op is Op.FORGET:
        return LEFT
    return word(op) if op in _STATES else f"to {word(op)}"


def stays(row: Row) -> str:
    """What stays in the cloud: `retained`, `the old one is retained and no longer managed`, or an empty text."""
    if not row.retained or row.op not in LEAVING:
        return ""
    return f"the old one is {LEFT}" if row.op is Op.REPLACE else "retained"


def title(report: Report) -> str:
    """What a report is: `Review`, or `Audit` of what is deployed."""
    return "Audit" if report.audit else "Review"


def changes(report: Report) -> str:
    """The heading of a report's changes; those of an audit are differences from the state."""
    return "Drift" if report.audit else "Changes"


def without_changes(report: Report) -> str:
    """What to say of a report without changes."""
    if report.audit:
        return "None: see what was not checked."
    return "The plan lists no changes." if report.incomplete else "No changes."


def unfinished(report: Report) -> str:
    """Beginning of the sentence that says why a report may be incomplete."""
    return f"This {'audit' if report.audit else 'plan'} may be incomplete"


def in_sandbox(report: Report) -> str:
    """What it means for a report that the sandbox replaced AWS."""
    return SANDBOX_STACK if report.audit else SANDBOX_PLAN


def harm(danger: Danger) -> str:
    """Certainty and harm of a danger: `will destroy data`, `may interrupt serving`."""
    return f"{danger.certainty.value} {HARMS[danger.harm]}"


def sentence(danger: Danger) -> tuple[str, str]:
    """The parts of a danger's sentence before and after the resource's name."""
    before, name, after = danger.text.partition(f"the {danger.words} {danger.name}")
    if name:
        return f"{before}the {danger.words}", after
    return f"{happens(danger.op, danger.certainty).capitalize()} {danger.words}", f": {danger.text}"


def guards(danger: Danger) -> list[str]:
    """The safeguards against a danger; protection and retention prevent only a deletion."""
    if danger.op not in DESTRUCTIVE:
        return ["protected from deletion only"] if danger.protected else []
    stays = "the old one is retained" if danger.op is Op.REPLACE else "retained"
    return [*(["protected"] if danger.protected else []), *([stays] if danger.retained else [])]


def standing(danger: Danger) -> str:
    """The safeguards against a danger on one line; empty if only a deletion could have some."""
    return ", ".join(guards(danger)) or ("not protected" if danger.op in DESTRUCTIVE else "")


def violation(found: Violation) -> str:
    """Level, policy and policy pack of a violation: `mandatory policy no-delete of p`."""
    level = "mandatory" if found.mandatory else "advisory"
    return f"{level} policy {found.policy}" + (f" of {found.pack}" if found.pack else "")


def cost_in_short(cost: Cost) -> str:
    """The cost of a stack and its change, as a part of a sentence."""
    all_of_it = whole(cost)
    if not all_of_it.known:
        return f"cost unknown, {number(all_of_it.unpriced, 'unpriced resource')}"
    now, delta = dollars(all_of_it.now.expected), all_of_it.delta.expected
    # A resource may have a price only before or only after the change.
    half = any((each.monthly_usd is None) != (each.before_monthly_usd is None) for each in cost.resources)
    same = f"{now} per month, change unknown" if half else f"{now} per month, unchanged"
    text = f"{change(delta)} per month, {now} in total" if delta else same
    return f"{text}, excluding {without}" if (without := _not_included(cost)) else text


def _not_included(cost: Cost) -> str:
    """The number of resources without a price, or with a price of only some of their parts; empty for none."""
    unpriced, partly = cost.totals.unpriced, cost.totals.partly
    texts = [number(unpriced, "unpriced resource")] if unpriced else []
    texts += [f"parts of {number(partly, 'other' if unpriced else 'resource')}"] if partly else []
    return " and ".join(texts)


def is_range(money: Money) -> bool:
    """Whether more than one amount is possible."""
    return money.min != money.max


def counts(these: Mapping[Op, int]) -> list[tuple[Op, int]]:
    """Operations with their counts, most severe first, without unchanged and read resources."""
    return [(op, these[op]) for op in SIGNS if these.get(op) and op not in (Op.SAME, Op.READ)]


def counted(these: Mapping[Op, int]) -> str:
    """Operations with their counts as text: `1 replace, 2 update`; providers are not counted."""
    return ", ".join(f"{count:,} {word(op)}" for op, count in counts(these)) or ONLY_PROVIDERS


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Rows by severity, most severe first."""
    grave = [*SIGNS]
    return sorted(rows, key=lambda row: grave.index(row.op))


def alarm(report: Report) -> str:
    """The alert level of a review.

    `will`: the review fails, or a harm is certain. `may`: a harm is possible, the plan is incomplete, or a resource is
    deleted or replaced. `fine`: otherwise.
    """
    if not report.passes or any(danger.certainty is Certainty.WILL for danger in report.dangers):
        return "will"
    changed = any(report.counts.get(op) for op in DESTRUCTIVE)
    return "may" if report.dangers or report.incomplete or changed else "fine"


def component_state(report: Report, group: Group) -> str:
    """The most severe change of a component: `will` or `may` do harm, `gone`, `changed` or `made`."""
    doubts = {danger.certainty for danger in report.dangers if danger.component == group.title}
    if doubts:
        return "will" if Certainty.WILL in doubts else "may"
    if any(row.op in DESTRUCTIVE and not row.retained for row in group.rows):
        return "gone"
    ops = {op for op, _ in counts(group.counts)}
    return "made" if ops <= {Op.CREATE, Op.IMPORT} else "changed"


def other_losses(report: Report) -> Iterator[tuple[Group, Row]]:
    """Rows that leave the state and are in no danger, with their groups."""
    listed = {danger.urn for danger in report.dangers}
    for group in report.groups:
        for row in group.rows:
            if row.op in LEAVING and row.urn not in listed:
                yield group, row


def by_component(cost: Cost) -> list[ComponentCost]:
    """Cost of each component, by greatest change, then by highest cost; without those that cost nothing."""
    sums: dict[str, tuple[Money, Money, Money, int]] = {}
    for each in cost.resources:
        before, now, delta, unpriced = sums.get(each.component, (ZERO, ZERO, ZERO, 0))
        then, today = each.monthly_usd, each.before_monthly_usd
        sums[each.component] = (
            before + (today or ZERO),
            now + (then or ZERO),
            delta + (then - today if then and today else ZERO),
            unpriced + bool(each.unpriced),
        )
    found = [
        ComponentCost(title or ALONE, before, now, delta, unpriced)
        for title, (before, now, delta, unpriced) in sums.items()
        if unpriced or now.max or before.max
    ]
    return sorted(found, key=lambda each: (-abs(each.delta.expected), -each.now.expected, each.title))


def whole(cost: Cost) -> ComponentCost:
    """Cost of the whole stack."""
    totals = cost.totals
    return ComponentCost("", totals.before_monthly_usd, totals.monthly_usd, totals.delta_monthly_usd, totals.unpriced)


def assumptions(cost: Cost) -> list[str]:
    """The usage assumptions of the estimate, without duplicates: `s3StorageGb = 500 GB (default)`."""
    found = {
        f"{each.name} = {each.value:,g} {each.unit} ({'stack config' if each.given else 'default'})": None
        for resource in cost.resources
        for each in resource.assumptions
    }
    return sorted(found)


def unpriced(cost: Cost) -> dict[tuple[str, str], int]:
    """Number of unpriced resources by kind and reason, e.g. `S3 bucket` and why it has no price."""
    return _most_first((each.words, each.unpriced) for each in cost.resources if each.unpriced)


def partly(cost: Cost) -> dict[tuple[str, str], int]:
    """Number of partly priced resources by kind and what their price does not include."""
    return _most_first((each.words, "; ".join(each.missing)) for each in cost.resources if each.missing)


def _most_first(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Pairs with their counts, most frequent first; the order of the engine may differ between runs."""
    found = Counter(pairs)
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def by_resource(cost: Cost) -> list[ResourceCost]:
    """Resources that cost something before or after, by greatest change, then by highest cost."""

    def dear(each: ResourceCost) -> tuple[float, float, str]:
        now, before = each.monthly_usd or ZERO, each.before_monthly_usd or ZERO
        return -abs(now.expected - before.expected), -now.expected, each.urn

    found = [each for each in cost.resources if (each.monthly_usd or ZERO).max or (each.before_monthly_usd or ZERO).max]
    return sorted(found, key=dear)


def next_steps(report: Report) -> list[str]:
    """The recommended next steps, most urgent first."""
    grave = [each for each in report.dangers if each.harm is Harm.DATA and each.certainty is Certainty.WILL]
    if report.audit:
        return [*_after_audit(report)] or ["No action is needed"]
    steps = []
    if report.incomplete:
        steps.append("Run the preview again and review the complete plan")
    if report.invalid:
        steps.append("Correct the rejected objects")
    if report.rules and not report.rules.passes:
        steps.append(_FOLLOW)
    if any(each.broken for each in report.limits):
        steps.append("Reduce the change, or raise the limit in the stack's config")
    if any(each.op in DESTRUCTIVE and not each.protected and not each.retained for each in grave):
        steps.append("Back up the data that is destroyed, or retain it with the options `protect` and `retainOnDelete`")
    elif grave:
        steps.append("Check what happens to the data before the update")
    if any(each.protected and each.op in DESTRUCTIVE for each in report.dangers):
        steps.append("Remove the protection first if the deletion is intended: otherwise the engine rejects it")
    if any(each.certainty is Certainty.MAY for each in report.dangers):
        steps.append("Monitor the update for the changes that may happen: they depend on values that are not known yet")
    if not steps and report.dangers:
        steps.append("Accept each danger before the update")
    if any(stays(row) for group in report.groups for row in group.rows):
        steps.append("Decide who manages the resources that stay in the cloud: the stack no longer does")
    return steps or ["No action is needed before the update"]


def _after_audit(report: Report) -> Iterator[str]:
    if report.incomplete:
        yield "Complete the state first (`mlpctl recover`), and repeat the audit"
    if report.rules and not report.rules.passes:
        yield _FOLLOW
    if report.groups:
        yield "Decide for each drift: `pulumi up` restores what the program declares, or change the program"
    if report.notes:
        yield "Import the resources that the state does not contain, or delete them"


def by_harm(dangers: Sequence[Danger]) -> list[str]:
    """Number of dangers of each harm, most severe first: `2 will destroy data`."""
    found: dict[str, int] = {}
    order = [*HARMS]
    for each in sorted(dangers, key=lambda danger: (order.index(danger.harm), danger.certainty is Certainty.MAY)):
        found[harm(each)] = found.get(harm(each), 0) + 1
    return [f"{count:,} {what}" for what, count in found.items()]
