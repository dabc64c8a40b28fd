"""Estimates the monthly cost of a plan before and after the update, and checks it against the stack's limits."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.cost import catalogue
from mlpctl.review.cost.parts import Free, Line, Missing, NoPrice, Subject
from mlpctl.review.cost.world import Book, Usage, World
from mlpctl.review.dangers.groups import component_of
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.report.cost import ZERO, Cost, CostTotals, Limit, Money, PriceUse, ResourceCost
from mlpctl.review.types import machines
from mlpctl.review.types.kinds import kind
from mlpctl.review.values.plain import Value
from mlpctl.settings.cost import CostSettings
from mlpctl.text import all_of, cents, number

DECIMALS: Final = 6
"""Decimal places that quantities are rounded to."""

TEAM_TAGS: Final = ("team", "owner")
"""Tags that name the team that pays, in order of precedence; case-insensitive."""


@dataclass(frozen=True)
class Priced:
    """The price of a resource before or after the update."""

    money: Money | None
    """None if it is unpriced."""

    lines: tuple[Line, ...] = ()
    missing: tuple[str, ...] = ()
    free: str = ""
    unpriced: str = ""
    large: str = ""
    """The unpriced and possibly expensive part, e.g. `instances`; empty if there is none."""


NOT_THERE: Final = Priced(ZERO)

_AS_BEFORE: Final = (Op.SAME, Op.READ, Op.FORGET)
"""Operations that do not change the cost of a resource."""


def estimate(plan: Plan, book: Book, *, region: str, usage: Usage, today: date) -> Cost:
    """Estimate the cost of a plan for a month of 730 hours, without taxes, discounts and the account's free tiers.

    `region` is the stack's region. It applies to resources that have no region of their own and whose provider has
    none. Unpriced resources are reported as such and not included in any total.
    """
    world = World(plan, book, usage, region, today)
    resources = tuple(_resource(world, change) for change in plan)
    return Cost(region=region, totals=totals(resources, plan.unlisted), resources=resources)


def limits(cost: Cost, settings: CostSettings) -> tuple[Limit, ...]:
    """Check a cost against the limits of the stack's config; limits that are not set have no entry.

    A limit in dollars is broken if something expensive is unpriced, unless the config sets how many resources may be
    unpriced: without the GPUs, for example, the total would be meaningless.
    """
    sums = cost.totals
    left_out = f" Not included: {_counted(sums.unpriced)}." if sums.unpriced else ""
    unlisted = f" {unlisted_in_words(sums.unlisted)}." if sums.unlisted else ""
    accepted = settings.max_unpriced is not None
    large = [] if accepted else [each for each in cost.resources if each.large]
    changed = [each for each in large if each.op not in _AS_BEFORE]
    # Without a price before the update, the change is unknown.
    changed += [] if accepted else [each for each in cost.resources if _was_large(each) and each not in changed]
    found = (
        (
            "maxMonthlyUsd",
            settings.max_monthly_usd,
            sums.monthly_usd.expected,
            "The stack costs {} a month",
            large,
            unlisted,
        ),
        (
            "maxMonthlyDeltaUsd",
            settings.max_monthly_delta_usd,
            sums.delta_monthly_usd.expected,
            "The update adds {} a month" if sums.delta_monthly_usd.expected >= 0 else "The update saves {} a month",
            changed,
            "",
        ),
    )
    made = [
        Limit(
            name=f"cost.{name}",
            allowed=allowed,
            found=amount,
            broken=amount > allowed or bool(lacking),
            text=f"{words.format(cents(abs(amount)))}; cost.{name} allows {cents(allowed)}."
            f"{left_out}{_not_held(lacking)}{more}",
        )
        for name, allowed, amount, words, lacking, more in found
        if allowed is not None
    ]
    if (most := settings.max_unpriced) is not None:
        text = f"The plan has {_counted(sums.unpriced)}; cost.maxUnpriced allows {most}."
        made.append(
            Limit(name="cost.maxUnpriced", allowed=most, found=sums.unpriced, broken=sums.unpriced > most, text=text)
        )
    return tuple(made)


def _was_large(each: ResourceCost) -> bool:
    return each.before_monthly_usd is None and each.monthly_usd is not None and bool(catalogue.large(each.type))


def _not_held(large: Sequence[ResourceCost]) -> str:
    """Why a limit in dollars cannot be checked."""
    if not large:
        return ""
    counts = Counter(each.large or catalogue.large(each.type) for each in large)
    named = ", ".join(f"{what} of {number(count, 'resource')}" for what, count in sorted(counts.items()))
    return f" The limit cannot be checked without a price for {named}; cost.maxUnpriced sets how many may be unpriced."


def totals(resources: Sequence[ResourceCost], unlisted: int = 0) -> CostTotals:
    """Totals over the priced resources; the change is over those that are priced both before and after."""
    both = [each for each in resources if each.monthly_usd and each.before_monthly_usd]
    used = {(use.row, use.usd): use for each in resources for use in each.prices}
    return CostTotals(
        monthly_usd=_sum(each.monthly_usd for each in resources),
        before_monthly_usd=_sum(each.before_monthly_usd for each in resources),
        delta_monthly_usd=_sum(each.monthly_usd for each in both) - _sum(each.before_monthly_usd for each in both),
        by_component=_by(resources, lambda each: each.component),
        by_team=_by(resources, lambda each: each.team),
        unpriced=sum(bool(each.unpriced) for each in resources),
        partly=sum(bool(each.missing) for each in resources),
        unlisted=unlisted,
        free=sum(bool(each.free) for each in resources),
        stale=sum(use.stale for use in used.values()),
    )


def unlisted_in_words(count: int) -> str:
    """The sentence for a plan that was created without `--show-sames`."""
    them = "it" if count == 1 else "them"
    return f"The plan does not list {number(count, 'unchanged resource')}, so the figures do not include {them}"


def _resource(world: World, change: Change) -> ResourceCost:
    before = _before(world, change)
    after = _after(world, change, before)
    return ResourceCost(
        urn=change.urn,
        type=change.type,
        words=kind(change.type).words,
        component=component_of(world.plan, change),
        team=team(change.inputs),
        op=change.op,
        monthly_usd=after.money,
        before_monthly_usd=before.money,
        free=after.free,
        unpriced=after.unpriced or (f"its current cost is unpriced: {before.unpriced}" if before.unpriced else ""),
        missing=after.missing,
        large=after.large,
        prices=tuple(_use(line, world.today) for line in after.lines),
        assumptions=tuple({line.assumption.name: line.assumption for line in after.lines if line.assumption}.values()),
    )


def _before(world: World, change: Change) -> Priced:
    """The price of what exists today."""
    if change.op is Op.GONE:
        return NOT_THERE
    if change.op in (Op.IMPORT, Op.REFRESH):
        return _priced(Subject(world, change))
    return NOT_THERE if change.old is None else _priced(Subject(world, change, before=True))


def _after(world: World, change: Change, before: Priced) -> Priced:
    """The price of what exists after the update. What the stack forgets or retains continues to cost."""
    stays = change.op is Op.FORGET or (change.retained and change.op in (Op.DELETE, Op.REPLACE))
    if change.op in (Op.DELETE, Op.FORGET):
        return before if stays else Priced(ZERO, free=before.free)
    if change.op is Op.GONE:
        return NOT_THERE
    if change.op is Op.READ:
        return Priced(ZERO, free="it is only read; it is managed elsewhere")
    now = _priced(Subject(world, change))
    if stays and now.money and before.money:
        both = Priced(_sum((now.money, before.money)), now.lines + before.lines, now.missing + before.missing, now.free)
        return replace(both, large=now.large or before.large)
    return now


def _priced(of: Subject) -> Priced:
    large = catalogue.large(of.change.type, of.inputs)
    try:
        found = tuple(catalogue.parts(of))
    except NoPrice as error:
        return Priced(None, unpriced=str(error), large=large or _accelerated(of))
    lines = tuple(part for part in found if isinstance(part, Line))
    left_out = [part for part in found if isinstance(part, Missing)]
    missing = _missing(left_out)
    if not any(part.large for part in left_out):
        large = ""
    for part in found:
        if isinstance(part, Free):
            return Priced(ZERO, free=part.because)
    if not lines and missing:
        return Priced(None, unpriced="; ".join(missing), large=large)
    return Priced(_money(lines), lines, missing, large=large)


def _accelerated(of: Subject) -> str:
    """`instances` if the inputs name accelerators, for types that are not known as expensive.

    Accelerators of Kubernetes objects do not count, because they belong to the nodes.
    """
    if of.change.type.startswith(urns.KUBERNETES):
        return ""
    return "instances" if machines.accelerated(machines.texts(of.inputs)) else ""


def _missing(parts: Sequence[Missing]) -> tuple[str, ...]:
    named = all_of(part.field for part in parts if part.field)
    texts = dict.fromkeys(part.text for part in parts if part.text)
    return (*texts, *([f"cost.usage has no value for {named}"] if named else []))


def _money(lines: Iterable[Line]) -> Money:
    priced = [(line.price.usd, line.quantity) for line in lines]
    return Money(
        min=math.fsum(usd * quantity.min for usd, quantity in priced),
        expected=math.fsum(usd * quantity.expected for usd, quantity in priced),
        max=math.fsum(usd * quantity.max for usd, quantity in priced),
    )


def _sum(moneys: Iterable[Money | None]) -> Money:
    return sum((each for each in moneys if each is not None), ZERO)


def _by(resources: Iterable[ResourceCost], key: Callable[[ResourceCost], str]) -> Mapping[str, Money]:
    """Totals by a key, the highest first, without resources that cost nothing."""
    groups = defaultdict(list)
    for each in resources:
        if each.monthly_usd and (each.monthly_usd.max or each.prices):
            groups[key(each)].append(each.monthly_usd)
    sums = {name: _sum(moneys) for name, moneys in groups.items()}
    return dict(sorted(sums.items(), key=lambda item: (-item[1].expected, item[0])))


def _use(line: Line, today: date) -> PriceUse:
    price = line.price
    return PriceUse(
        row=price.key,
        usd=price.usd,
        unit=price.unit,
        quantity=round(line.quantity.expected, DECIMALS),
        source=price.source.title,
        date=price.source.day.isoformat(),
        stale=price.stale(today),
    )


def team(inputs: Mapping[str, Value]) -> str:
    """The team in a resource's tags; empty if no tag names one."""
    tags: dict[str, Any] = {}
    for name in ("tagsAll", "tags"):
        found = inputs.get(name)
        if isinstance(found, Mapping):
            tags |= {str(key).lower(): value for key, value in found.items()}
        elif isinstance(found, list):
            pairs = [each for each in found if isinstance(each, Mapping)]
            tags |= {str(each.get("key")).lower(): each.get("value") for each in pairs}
    return next((tags[tag] for tag in TEAM_TAGS if isinstance(tags.get(tag), str) and tags[tag]), "")


def _counted(count: int) -> str:
    return f"{number(count, 'resource')} without a price"
