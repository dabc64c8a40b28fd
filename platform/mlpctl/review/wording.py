"""What all writers of a report share: words for what happens, figures, sums and order."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlpctl.review.plan import Op
from mlpctl.review.report import Certainty, Danger, Group, Harm, Report, Row, Violation
from mlpctl.review.report_cost import ZERO, Cost, Money, ResourceCost

ALONE: Final = "Without a component"
"""Title of the group of those that stand alone."""

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
"""A sign for everything that happens to a resource, from the most to the least grave."""

DESTRUCTIVE: Final = frozenset({Op.DELETE, Op.REPLACE})

LEAVING: Final = frozenset({*DESTRUCTIVE, Op.FORGET, Op.GONE})
"""What takes a resource, or the old one, out of the state."""

_STATES: Final[Mapping[Op, str]] = {
    Op.FORGET: "no longer managed",
    Op.REFRESH: "changed outside of Pulumi",
    Op.GONE: "gone already",
}
"""What happens to the state alone."""

LEFT: Final = "retained and no longer managed"
"""What becomes of a resource that the stack leaves in the cloud."""

HARMS: Final[Mapping[Harm, str]] = {
    Harm.DATA: "destroy data",
    Harm.CAPACITY: "drop capacity",
    Harm.SERVING: "interrupt serving",
    Harm.IDENTITY: "change identity",
    Harm.PROTECTION: "lower protection",
}
"""What a change will or may do, from the most to the least grave."""

UNKNOWN_INPUT: Final = "unknown input"
"""Why something only may happen."""

SANDBOX_PLAN: Final = "Sandbox plan, made without AWS: what AWS itself would replace may differ."

ONLY_PROVIDERS: Final = "only providers"
"""What changes where nothing is counted."""

NO_PRICE: Final = "—"
"""What stands in the place of an amount that nobody knows."""


@dataclass(frozen=True)
class Loss:
    """A resource that is deleted or replaced, or does harm in another way."""

    name: str
    words: str
    component: str
    op: Op
    certainty: Certainty

    @property
    def what(self) -> str:
        """What happens to which kind of resource: `will replace S3 bucket`."""
        return f"{happens(self.op, self.certainty)} {self.words}"


@dataclass(frozen=True)
class ComponentCost:
    """What one component costs a month."""

    title: str
    before: Money
    now: Money
    delta: Money
    """What it costs more than today, of what has a price before and after."""

    unpriced: int
    """Resources of it that cost something and have no price."""

    @property
    def known(self) -> bool:
        """Whether anything of it has a price: what has none costs something, and not nothing."""
        return bool(self.now.max or self.before.max or not self.unpriced)

    @property
    def amounts(self) -> tuple[str, str, str]:
        """Today, then, and the change, without signs of the currency."""
        if not self.known:
            return NO_PRICE, NO_PRICE, NO_PRICE
        delta = self.delta.expected
        return amount(self.before.expected), amount(self.now.expected), f"{'+' if delta > 0 else ''}{amount(delta)}"


def happens(op: Op, certainty: Certainty) -> str:
    """What happens, with its certainty where that matters: `create`, `will replace`, `may replace`."""
    doubt = op in DESTRUCTIVE or certainty is Certainty.MAY
    return f"{certainty.value} {op.value}" if doubt else word(op)


def word(op: Op) -> str:
    """What happens, in one or few words: `create`, `no longer managed`."""
    return _STATES.get(op, op.value)


def total(op: Op, count: int) -> str:
    """How many resources something happens to: `2 to create`, `1 retained and no longer managed`."""
    return f"{count:,} {happening(op)}"


def happening(op: Op) -> str:
    """What happens to a number of things: `to create`, `retained and no longer managed`."""
    if op is Op.FORGET:
        return LEFT
    return word(op) if op in _STATES else f"to {word(op)}"


def stays(row: Row) -> str:
    """What of a row stays in the cloud: `retained`, `the old one is retained and no longer managed`, or nothing."""
    if not row.retained or row.op not in LEAVING:
        return ""
    return f"the old one is {LEFT}" if row.op is Op.REPLACE else "retained"


def harm(danger: Danger) -> str:
    """What a danger does: `will destroy data`, `may interrupt serving`."""
    return f"{danger.certainty.value} {HARMS[danger.harm]}"


def sentence(danger: Danger) -> tuple[str, str]:
    """What a danger says before its resource's name, and after it."""
    before, name, after = danger.text.partition(f"the {danger.words} {danger.name}")
    if name:
        return f"{before}the {danger.words}", after
    return f"{happens(danger.op, danger.certainty).capitalize()} {danger.words}", f": {danger.text}"


def guards(danger: Danger) -> list[str]:
    """What stands between a danger and its harm; protection and retention guard against deletion alone."""
    if danger.op not in DESTRUCTIVE:
        return ["protected from deletion only"] if danger.protected else []
    stays = "the old one is retained" if danger.op is Op.REPLACE else "retained"
    return [*(["protected"] if danger.protected else []), *([stays] if danger.retained else [])]


def standing(danger: Danger) -> str:
    """What stands between a danger and its harm, on one line; empty where only a deletion would be guarded."""
    return ", ".join(guards(danger)) or ("not protected" if danger.op in DESTRUCTIVE else "")


def violation(found: Violation) -> str:
    """Which policy has something against which resource: `mandatory policy no-delete of p`."""
    level = "mandatory" if found.mandatory else "advisory"
    return f"{level} policy {found.policy}" + (f" of {found.pack}" if found.pack else "")


def number(count: int, noun: str) -> str:
    """Write a number of things: `1 entry`, `3 entries`, `1,200 resources`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def amount(usd: float) -> str:
    """An amount of money without its sign: whole dollars from a hundred on."""
    return f"{usd:,.0f}" if abs(usd) >= 100 else f"{usd:,.2f}"


def dollars(usd: float) -> str:
    """An amount of money: `$1,234`, `-$0.35`."""
    return f"-${amount(-usd)}" if usd < 0 else f"${amount(usd)}"


def change(usd: float) -> str:
    """A change of an amount of money: `+$1,234`, `-$0.35`, `$0.00`."""
    return f"+{dollars(usd)}" if usd > 0 else dollars(usd)


def cost_in_short(cost: Cost) -> str:
    """What a stack costs and what changes of it, as a part of a sentence."""
    all_of_it = whole(cost)
    unpriced = number(all_of_it.unpriced, "resource")
    if not all_of_it.known:
        return f"cost not known, {unpriced} without a price"
    now, delta = dollars(all_of_it.now.expected), all_of_it.delta.expected
    # Of something, only what it was or what it will be has a price.
    half = any((each.monthly_usd is None) != (each.before_monthly_usd is None) for each in cost.resources)
    same = f"{now} a month, the change not known" if half else f"{now} a month as before"
    told = f"{change(delta)} a month, {now} in all" if delta else same
    return f"{told}, not counting {unpriced} without a price" if all_of_it.unpriced else told


def is_range(money: Money) -> bool:
    """Whether more than one amount is possible."""
    return money.min != money.max


def counts(these: Mapping[Op, int]) -> list[tuple[Op, int]]:
    """What happens how often, the gravest first, without what stays the same or is only read."""
    return [(op, these[op]) for op in SIGNS if these.get(op) and op not in (Op.SAME, Op.READ)]


def counted(these: Mapping[Op, int]) -> str:
    """What happens how often: `1 replace, 2 update`; providers are not counted."""
    return ", ".join(f"{count:,} {word(op)}" for op, count in counts(these)) or ONLY_PROVIDERS


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Rows with the gravest first."""
    grave = [*SIGNS]
    return sorted(rows, key=lambda row: grave.index(row.op))


def alarm(report: Report) -> str:
    """How loud a review is: `will` do harm or fails, `may` do harm or deletes or replaces something, or is `fine`."""
    if not report.passes or any(danger.certainty is Certainty.WILL for danger in report.dangers):
        return "will"
    changed = any(report.counts.get(op) for op in DESTRUCTIVE)
    return "may" if report.dangers or report.incomplete or changed else "fine"


def component_state(report: Report, group: Group) -> str:
    """The worst that happens to a component: `will` or `may` do harm, `gone`, `changed` or `made`."""
    doubts = {danger.certainty for danger in report.dangers if danger.component == group.title}
    if doubts:
        return "will" if Certainty.WILL in doubts else "may"
    if any(row.op in DESTRUCTIVE and not row.retained for row in group.rows):
        return "gone"
    ops = {op for op, _ in counts(group.counts)}
    return "made" if ops <= {Op.CREATE, Op.IMPORT} else "changed"


def other_losses(report: Report) -> Iterator[tuple[Group, Row]]:
    """What leaves the state and stands in no danger, with the group that it is in."""
    told = {danger.urn for danger in report.dangers}
    for group in report.groups:
        for row in group.rows:
            if row.op in LEAVING and row.urn not in told:
                yield group, row


def by_component(cost: Cost) -> list[ComponentCost]:
    """What each component costs, the greatest change first, then the dearest; without those that cost nothing."""
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
    """What the whole stack costs."""
    totals = cost.totals
    return ComponentCost("", totals.before_monthly_usd, totals.monthly_usd, totals.delta_monthly_usd, totals.unpriced)


def assumptions(cost: Cost) -> list[str]:
    """The uses that the figures rest on, each once: `s3StorageGb = 500 GB (default)`."""
    found = {
        f"{each.name} = {each.value:,g} {each.unit} ({'stack config' if each.given else 'default'})": None
        for resource in cost.resources
        for each in resource.assumptions
    }
    return sorted(found)


def unpriced(cost: Cost) -> dict[tuple[str, str], int]:
    """What has no price and why, with the number of such resources: `S3 bucket`, `cost.usage has no value for …`."""
    return _most_first((each.words, each.unpriced) for each in cost.resources if each.unpriced)


def partly(cost: Cost) -> dict[tuple[str, str], int]:
    """What has a price that leaves something out, and what, with the number of such resources."""
    return _most_first((each.words, "; ".join(each.missing)) for each in cost.resources if each.missing)


def _most_first(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Pairs with their numbers, the most frequent first; the engine's own order may be another each time."""
    found = Counter(pairs)
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def by_resource(cost: Cost) -> list[ResourceCost]:
    """The resources that cost something now or before, the greatest change first, then the dearest."""

    def dear(each: ResourceCost) -> tuple[float, float, str]:
        now, before = each.monthly_usd or ZERO, each.before_monthly_usd or ZERO
        return -abs(now.expected - before.expected), -now.expected, each.urn

    found = [each for each in cost.resources if (each.monthly_usd or ZERO).max or (each.before_monthly_usd or ZERO).max]
    return sorted(found, key=dear)


def next_steps(report: Report) -> list[str]:
    """What to do now, the most urgent first."""
    grave = [each for each in report.dangers if each.harm is Harm.DATA and each.certainty is Certainty.WILL]
    steps = []
    if report.incomplete:
        steps.append("Make the preview again, and review all of it")
    if report.invalid:
        steps.append("Correct the objects that are refused")
    if any(each.broken for each in report.limits):
        steps.append("Make the change smaller, or raise the limit in the stack's config")
    if any(each.op in DESTRUCTIVE and not each.protected and not each.retained for each in grave):
        steps.append("Back up what is destroyed, or keep it with the options `protect` and `retainOnDelete`")
    elif grave:
        steps.append("Read what happens to data before anybody updates the stack")
    if any(each.protected and each.op in DESTRUCTIVE for each in report.dangers):
        steps.append("Take the protection away first where the deletion is meant: the engine refuses it")
    if any(each.certainty is Certainty.MAY for each in report.dangers):
        steps.append("Watch the update itself for what may happen: it depends on values that are not known yet")
    if not steps and report.dangers:
        steps.append("Agree to each danger before anybody updates the stack")
    if any(stays(row) for group in report.groups for row in group.rows):
        steps.append("Decide who manages what stays in the cloud: the stack no longer does")
    return steps or ["Nothing here has to be done before the update"]


def by_harm(dangers: Sequence[Danger]) -> list[str]:
    """How much of which harm there is, the gravest first: `2 will destroy data`."""
    found: dict[str, int] = {}
    order = [*HARMS]
    for each in sorted(dangers, key=lambda danger: (order.index(danger.harm), danger.certainty is Certainty.MAY)):
        found[harm(each)] = found.get(harm(each), 0) + 1
    return [f"{count:,} {what}" for what, count in found.items()]
