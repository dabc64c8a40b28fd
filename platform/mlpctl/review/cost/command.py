"""Implements `mlpctl cost`: prices plans, checks limits, prints the result."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from rich.console import Console

from mlpctl.keys import REGION
from mlpctl.review.cost import table
from mlpctl.review.cost.estimate import estimate, limits
from mlpctl.review.cost.world import Book
from mlpctl.review.plan.model import Plan
from mlpctl.review.plan.stack_config import section
from mlpctl.review.report.cost import Cost, Limit
from mlpctl.review.report.model import Outcome
from mlpctl.settings.cost import CostSettings
from mlpctl.text import visible


@dataclass(frozen=True)
class Priced:
    """A plan's cost, and the result of its limits."""

    cost: Cost
    limits: tuple[Limit, ...]

    @property
    def passes(self) -> bool:
        """Whether no limit is broken."""
        return not any(limit.broken for limit in self.limits)


def price(plan: Plan, book: Book, today: date) -> Priced:
    """Price a plan with the region, usage and limits of its own config.

    Raises:
        SettingsError: the section `cost` of its config is invalid.
    """
    settings, region = settings_of(plan), plan.config.get(REGION)
    cost = estimate(plan, book, region=region if isinstance(region, str) else "", usage=settings.assumed, today=today)
    return Priced(cost, limits(cost, settings))


def settings_of(plan: Plan) -> CostSettings:
    """The section `cost` of a plan's config; empty if it has none.

    Raises:
        SettingsError: it is invalid.
    """
    return section(plan, "cost", CostSettings)


def show(plan: Plan, book: Book, today: date, console: Console, *, as_json: bool = False) -> Outcome:
    """Print the cost of a plan, and return whether it is within its limits.

    Raises:
        SettingsError: the section `cost` of its config is invalid.
    """
    priced = price(plan, book, today)
    if as_json:
        console.file.write(table.to_json(table.cost_json(priced.cost, priced.limits, plan.incomplete)) + "\n")
    else:
        console.print(table.page(priced.cost, priced.limits))
        _print_incomplete({"The plan": plan}, console)
    return Outcome.of(priced.passes, plan.incomplete)


def compare(plans: Mapping[str, Plan], book: Book, today: date, console: Console, *, as_json: bool = False) -> Outcome:
    """Print the costs of several stacks' plans side by side, and return whether all are within their limits.

    Raises:
        SettingsError: the section `cost` of a config is invalid.
    """
    priced = {name: price(plan, book, today) for name, plan in plans.items()}
    if as_json:
        stacks = {
            name: table.cost_json(each.cost, each.limits, plans[name].incomplete) for name, each in priced.items()
        }
        console.file.write(table.to_json(stacks) + "\n")
    else:
        console.print(table.comparison({name: each.cost for name, each in priced.items()}))
        for name, each in priced.items():
            for limit in each.limits:
                if limit.broken:
                    console.print(f"{name}: {limit.text}", markup=False, highlight=False, soft_wrap=True)
        _print_incomplete(plans, console)
    passes = all(each.passes for each in priced.values())
    return Outcome.of(passes, "".join(plan.incomplete for plan in plans.values()))


def _print_incomplete(plans: Mapping[str, Plan], console: Console) -> None:
    for name, plan in plans.items():
        if plan.incomplete:
            message = visible(f"{name} is not complete, and neither is its cost: {plan.incomplete}")
            console.print(message, markup=False, highlight=False, soft_wrap=True)
