"""Prints the cost of a plan as tables or as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mlpctl import text, urns
from mlpctl.review.cost.book import MONTH_HOURS, STALE_DAYS
from mlpctl.review.cost.estimate import unlisted_in_words
from mlpctl.review.report import wording
from mlpctl.review.report.cost import ZERO, Cost, Limit, Money
from mlpctl.text import cents, visible

NO_TEAM: Final = "no team"
SHOWN_NAMES: Final = 5
"""How many names of resources with the same text are written out."""


def cost_json(cost: Cost, limits: Sequence[Limit] = (), incomplete: str = "") -> dict[str, Any]:
    """A cost as JSON values: `region`, `resources`, `totals`, `limits`, and why the plan is `incomplete`, if it is.

    Each resource has its `urn`, `type`, `component`, `monthlyUsd` (`min`, `expected` and `max`; null if unpriced),
    the rows of the price book that were used (`prices`), and its `assumptions`.
    """
    held = [limit.model_dump(mode="json") for limit in limits]
    return {**cost.model_dump(mode="json"), "limits": held, "incomplete": incomplete}


def page(cost: Cost, limits: Sequence[Limit] = ()) -> RenderableType:
    """A cost for a terminal: components, teams, assumptions, unpriced resources, limits."""
    parts: list[RenderableType] = [_components(cost)]
    if len(cost.totals.by_team) > 1:
        parts.append(_sums("Team", cost.totals.by_team, NO_TEAM))
    assumptions = {each.name: each for resource in cost.resources for each in resource.assumptions}
    if assumptions:
        rows = [
            (f"cost.usage.{name}" if each.given else name, f"{each.value:,.15g} {each.unit}")
            for name, each in sorted(assumptions.items())
        ]
        parts.append(_list("Assumptions, per month", rows))
    for heading, rows in (
        (f"Unpriced, not in the totals ({cost.totals.unpriced})", _reasons(cost, lambda each: [each.unpriced])),
        (f"Partly priced ({cost.totals.partly})", _reasons(cost, lambda each: each.missing)),
    ):
        if rows:
            parts.append(_list(heading, rows))
    if limits:
        parts.append(_list("Limits", [("broken" if each.broken else "met", each.text) for each in limits]))
    parts.append(Text(footnote(cost), style="dim"))
    return Group(*(Padding(part, (0, 0, 0 if part is parts[-1] else 1, 0)) for part in parts))


def comparison(costs: Mapping[str, Cost]) -> RenderableType:
    """The expected costs of several stacks side by side, by component."""
    made = _table("Component", *costs)
    names = dict.fromkeys(name for cost in costs.values() for name in cost.totals.by_component)
    for name in names:
        found = [cost.totals.by_component.get(name) for cost in costs.values()]
        made.add_row(_cell(name or wording.ALONE), *(_cell(cents(each.expected) if each else "-") for each in found))
    made.add_section()
    for words, figure in (("Expected", "expected"), ("Least", "min"), ("Most", "max")):
        figures = [getattr(cost.totals.monthly_usd, figure) for cost in costs.values()]
        made.add_row(_cell(words), *map(_cell, map(cents, figures)), style="bold" if figure == "expected" else "")
    made.add_row(_cell("Unpriced resources"), *(_cell(str(cost.totals.unpriced)) for cost in costs.values()))
    last = Text(footnote(*costs.values()), style="dim")
    return Group(Padding(made, (0, 0, 1, 0)), last)


def footnote(*costs: Cost) -> str:
    """Explains the figures, with the dates of their prices."""
    uses = [use for cost in costs for each in cost.resources for use in each.prices]
    days = sorted({use.date for use in uses})
    of = f" of {days[0]}" + (f" to {days[-1]}" if days[0] != days[-1] else "") if days else ""
    stale = len({use.row for use in uses if use.stale})
    verb = "is" if stale == 1 else "are"
    old = f" {stale} of the prices {verb} older than {STALE_DAYS} days; run mlpctl prices refresh." if stale else ""
    lacking = "".join(f" {unlisted_in_words(each.totals.unlisted)}." for each in costs if each.totals.unlisted)
    figures = f"US dollars per month of {MONTH_HOURS} hours, at AWS list prices{of}, without taxes and discounts."
    return f"{figures}{old}{lacking}"


def change(usd: float) -> str:
    """A change of an amount; empty if nothing changes."""
    return text.change(usd, cents) if usd else ""


def _components(cost: Cost) -> Table:
    made = _table("Component", "Least", "Expected", "Most", "Change")
    deltas = {each.title: each.delta for each in wording.by_component(cost)}
    for name, money in cost.totals.by_component.items():
        delta = deltas.pop(name or wording.ALONE, ZERO)
        made.add_row(_cell(name or wording.ALONE), *_figures(money), _cell(change(delta.expected)))
    if gone := sum(deltas.values(), ZERO).expected:
        made.add_row(_cell("removed"), "", "", "", _cell(change(gone)))
    made.add_section()
    sums = cost.totals
    made.add_row(
        _cell("Total"), *_figures(sums.monthly_usd), _cell(change(sums.delta_monthly_usd.expected)), style="bold"
    )
    return made


def _sums(heading: str, sums: Mapping[str, Money], nameless: str) -> Table:
    made = _table(heading, "Least", "Expected", "Most")
    for name, money in sums.items():
        made.add_row(_cell(name or nameless), *_figures(money))
    return made


def _figures(money: Money) -> list[Text]:
    return [_cell(cents(each)) for each in (money.min, money.expected, money.max)]


def _reasons(cost: Cost, reasons: Any) -> list[tuple[str, str]]:
    """The reasons, each with the names of the resources that have it."""
    found: dict[str, list[str]] = {}
    for each in cost.resources:
        for reason in filter(None, reasons(each)):
            found.setdefault(reason, []).append(urns.name(each.urn))
    return [(_names(names), reason) for reason, names in found.items()]


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN_NAMES])
    return f"{shown} and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else shown


def _list(heading: str, rows: Iterable[tuple[str, str]]) -> Group:
    made = Table.grid(padding=(0, 0, 0, 2), pad_edge=True)
    made.add_column(overflow="fold", max_width=48)
    made.add_column(overflow="fold")
    for row in rows:
        made.add_row(*map(_cell, row))
    return Group(Text(heading, style="bold"), made)


def _table(first: str, *others: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column(_cell(first), overflow="fold")
    for heading in others:
        made.add_column(_cell(heading), justify="right", no_wrap=True)
    return made


def _cell(text: str) -> Text:
    return Text(visible(text))


def to_json(value: Any) -> str:
    """JSON with indentation."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
