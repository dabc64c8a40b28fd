"""What a plan costs a month, what it cost before, and whether that is within the stack's limits."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from mlpctl import urns
from mlpctl.review import machines, wording
from mlpctl.review.cost import catalogue
from mlpctl.review.cost.parts import Free, Line, Missing, NoPrice, Subject
from mlpctl.review.cost.settings import CostSettings
from mlpctl.review.cost.world import Book, Usage, World
from mlpctl.review.groups import component_of
from mlpctl.review.kinds import kind
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.report_cost import ZERO, Cost, CostTotals, Limit, Money, PriceUse, ResourceCost
from mlpctl.review.values import Value

DECIMALS: Final = 6
"""Digits of a quantity."""

TEAM_TAGS: Final = ("team", "owner")
"""Tags that name the team that pays, the first before the second, in any case of letters."""


@dataclass(frozen=True)
class Priced:
    """A resource as it was, or as it will be."""

    money: Money | None
    """None where it has no price."""

    lines: tuple[Line, ...] = ()
    missing: tuple[str, ...] = ()
    free: str = ""
    unpriced: str = ""
    large: str = ""
    """What lacks a price and may be much, e.g. `instances`; empty where nothing does."""


NOT_THERE: Final = Priced(ZERO)

_AS_BEFORE: Final = (Op.SAME, Op.READ, Op.FORGET)
"""What happens to resources that an update adds nothing for."""


def estimate(plan: Plan, book: Book, *, region: str, usage: Usage, today: date) -> Cost:
    """What a plan costs a month of 730 hours, without taxes, discounts and free tiers of the account.

    `region` is the stack's, for what names none and whose provider names none. A resource that has no price is told
    so, and is no part of any sum.
    """
    world = World(plan, book, usage, region, today)
    resources = tuple(_resource(world, change) for change in plan)
    return Cost(region=region, totals=totals(resources, plan.unlisted), resources=resources)


def limits(cost: Cost, settings: CostSettings) -> tuple[Limit, ...]:
    """Hold a cost to the limits of a stack's config; no limit, no entry.

    A limit in dollars is not held where something large has no price, unless the config says how many resources may
    have none: a figure that leaves out the GPUs says nothing of the sum.
    """
    sums = cost.totals
    left_out = f" It leaves out {_counted(sums.unpriced)}." if sums.unpriced else ""
    unlisted = f" {unlisted_in_words(sums.unlisted)}." if sums.unlisted else ""
    accepted = settings.max_unpriced is not None
    large = [] if accepted else [each for each in cost.resources if each.large]
    changed = [each for each in large if each.op not in _AS_BEFORE]
    # What it was has no price, so that nobody knows what changes.
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
            text=f"{words.format(f'${abs(amount):,.2f}')}; cost.{name} allows ${allowed:,.2f}."
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
    """Why no figure holds a limit in dollars."""
    if not large:
        return ""
    counts = Counter(each.large or catalogue.large(each.type) for each in large)
    named = ", ".join(f"{what} of {wording.number(count, 'resource')}" for what, count in sorted(counts.items()))
    return f" It can't be held without a price for {named}; cost.maxUnpriced says how many may have none."


def totals(resources: Sequence[ResourceCost], unlisted: int = 0) -> CostTotals:
    """Sums over the resources that have a price; the change of cost over those that have one before and after."""
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
    """What is said of a plan that was made without `--show-sames`."""
    if count == 1:
        return "The plan does not list 1 resource that stays as it is, so no figure has it"
    return f"The plan does not list {count:,} resources that stay as they are, so no figure has them"


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
        unpriced=after.unpriced or (f"what it cost until now: {before.unpriced}" if before.unpriced else ""),
        missing=after.missing,
        large=after.large,
        prices=tuple(_use(line, world.today) for line in after.lines),
        assumptions=tuple({line.assumption.name: line.assumption for line in after.lines if line.assumption}.values()),
    )


def _before(world: World, change: Change) -> Priced:
    """What is there today."""
    if change.op is Op.GONE:
        return NOT_THERE
    if change.op in (Op.IMPORT, Op.REFRESH):
        return _priced(Subject(world, change))
    return NOT_THERE if change.old is None else _priced(Subject(world, change, before=True))


def _after(world: World, change: Change, before: Priced) -> Priced:
    """What will be there. What the stack forgets or leaves behind goes on costing."""
    stays = change.op is Op.FORGET or (change.retained and change.op in (Op.DELETE, Op.REPLACE))
    if change.op in (Op.DELETE, Op.FORGET):
        return before if stays else Priced(ZERO, free=before.free)
    if change.op is Op.GONE:
        return NOT_THERE
    if change.op is Op.READ:
        return Priced(ZERO, free="it is only read, and belongs to something else")
    now = _priced(Subject(world, change))
    if stays and now.money and before.money:
        both = Priced(_sum((now.money, before.money)), now.lines + before.lines, now.missing + before.missing, now.free)
        return replace(both, large=now.large or before.large)
    return now


def _priced(of: Subject) -> Priced:
    large = catalogue.large(of.change.type)
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
    """What is large of a type that is not known to be: instances with accelerators; those of pods are nodes' own."""
    if of.change.type.startswith(urns.KUBERNETES):
        return ""
    return "instances" if machines.accelerated(machines.texts(of.inputs)) else ""


def _missing(parts: Sequence[Missing]) -> tuple[str, ...]:
    fields = list(dict.fromkeys(part.field for part in parts if part.field))
    named = " and ".join(filter(None, [", ".join(fields[:-1]), *fields[-1:]]))
    texts = dict.fromkeys(part.text for part in parts if part.text)
    return (*texts, *([f"cost.usage says nothing of {named}"] if named else []))


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
    """Sums by a key, the dearest first; without what costs nothing."""
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
    """The team that a resource's tags name; empty where they name none."""
    tags: dict[str, Any] = {}
    for name in ("tagsAll", "tags"):
        found = inputs.get(name)
        if isinstance(found, Mapping):
            tags |= {str(key).lower(): value for key, value in found.items()}
        elif isinstance(found, list):
            pairs = [each for each in found if isinstance(each, Mapping)]
            tags |= {str(each.get("key")).lower(): each.get("value") for each in pairs}
    return next((tags[tag] for tag in TEAM_TAGS if isinstance(tags.get(tag), str) and tags[tag]), "")


def _counted(number: int) -> str:
    return f"{wording.number(number, 'resource')} without a price"
