"""Writes a report to a terminal: the facts that a reviewer must know, in few lines."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlpctl.review.cost.book import STALE_DAYS
from mlpctl.review.plan.model import Op
from mlpctl.review.report import model, wording
from mlpctl.review.report.cost import Cost
from mlpctl.review.report.model import Certainty, Danger, Report
from mlpctl.review.writers import terminal_rules
from mlpctl.review.writers.verdict import LONGEST
from mlpctl.text import amount, number, shorten, visible

MOST_GROUPS: Final = 40
"""Maximum number of components."""

MOST_ROWS: Final = 200
"""Maximum number of resources; the Markdown and the HTML page list all of them."""

MOST_OF_A_GROUP: Final = 12
"""Maximum number of resources of one component."""

MOST_DIFFERENCES: Final = 3
"""Maximum number of differences of one resource."""

_NAME: Final = 80
_STYLES: Final = {Op.DELETE: "red", Op.REPLACE: "yellow", Op.UPDATE: "blue", Op.CREATE: "green"}
_CERTAINTY: Final = {Certainty.WILL: "bold red", Certainty.MAY: "yellow"}


def page(report: Report) -> RenderableType:
    """The verdict, every danger and loss, then cost, limits, changes, notes and messages."""
    parts = [*_verdict(report)]
    tables = [_dangers(report), _other_losses(report), terminal_rules.table(report.rules)]
    for part in [*tables, _cost(report), _limits(report), _changes(report)]:
        parts += [Text(), part] if part else []
    rest = [
        *_lines("Notes", report.notes),
        *_lines("Changed stack outputs", [_output(each) for each in report.outputs]),
        *_lines("Unpriced, not included in the totals", _reasons(report.cost, wording.unpriced)),
        *_lines("Partly priced", _reasons(report.cost, wording.partly)),
        *_lines("Not checked", [f"{each.what}: {each.why}" for each in report.unchecked]),
        *_lines("Engine messages", report.messages),
    ]
    return Group(*parts, *rest)


def _verdict(report: Report) -> list[RenderableType]:
    heading = Text.assemble((_shown(report.verdict, LONGEST), "bold"))
    lines: list[RenderableType] = [heading]
    if report.dangers:
        will = any(danger.certainty is Certainty.WILL for danger in report.dangers)
        style = _CERTAINTY[Certainty.WILL if will else Certainty.MAY]
        lines.append(Text(", ".join(wording.by_harm(report.dangers)), style))
    if report.incomplete:
        lines.append(Text(f"{wording.unfinished(report)}: {_shown(report.incomplete, 400)}", "yellow"))
    if report.sandbox:
        lines.append(Text(wording.in_sandbox(report), "dim"))
    lines.append(Text(f"Next: {_shown('. '.join(wording.next_steps(report)), 600)}."))
    return lines


def _dangers(report: Report) -> Table | None:
    if not report.dangers:
        return None
    table = _table("Danger", "Change", "Component", "Protection")
    for danger in report.dangers:
        doubt = f"\n({wording.UNKNOWN_INPUT})" if danger.certainty is Certainty.MAY else ""
        table.add_row(
            Text(f"{wording.harm(danger)}{doubt}", _CERTAINTY[danger.certainty]),
            _what(danger),
            Text(_shown(danger.component)),
            Text(wording.standing(danger)),
        )
    return table


def _what(danger: Danger) -> Text:
    what = f"{wording.happens(danger.op, danger.certainty)} {_shown(danger.words)} "
    text = Text.assemble(what, (_shown(danger.name), "bold"))
    rest = wording.sentence(danger)[1].lstrip(": ")
    if rest.strip(". "):
        text.append(f"\n{_shown(rest, 300)}")
    for cause in danger.because:
        text.append(f"\n{_shown(cause, 160)}", "dim")
    return text


def _other_losses(report: Report) -> Table | None:
    losses = [*wording.other_losses(report)]
    if not losses:
        return None
    table = _table("Also deleted, replaced or no longer managed", "", "Component")
    for group, row in losses:
        grave = row.op in wording.DESTRUCTIVE and row.certainty is Certainty.WILL and not wording.stays(row)
        what = Text(wording.happens(row.op, row.certainty), "red" if grave else "yellow")
        table.add_row(what, Text(_shown_row(row)), Text(_shown(group.title)))
    return table


def _shown_row(row: model.Row) -> str:
    left = wording.stays(row)
    return f"{_shown(row.words)} {_shown(row.name)}" + (f" ({left})" if left else "")


def _output(each: model.Difference) -> str:
    return f"{each.path}: {'(none)' if each.old is None else each.old} → {'(none)' if each.new is None else each.new}"


def _cost(report: Report) -> Table | None:
    cost = report.cost
    if cost is None:
        return None
    table = _table("US dollars per month", *("Before", "After", "Change", "Minimum", "Maximum", "Unpriced"), right=True)
    for each in wording.by_component(cost):
        table.add_row(Text(_shown(each.title)), *_amounts(each))
    table.add_row(Text("all"), *_amounts(wording.whole(cost)), style="bold")
    if cost.totals.stale:
        stale = f"{number(cost.totals.stale, 'price')} older than {STALE_DAYS} days"
        table.add_row(Text(stale, "yellow"))
    return table


def _amounts(cost: wording.ComponentCost) -> Sequence[Text]:
    today, then, change = cost.amounts
    delta = cost.delta.expected
    between = [amount(usd) for usd in (cost.now.min, cost.now.max)] if wording.is_range(cost.now) else ["", ""]
    return [
        Text(today),
        Text(then),
        Text(change, "yellow" if delta > 0 else "green" if delta else ""),
        *map(Text, between),
        Text(f"{cost.unpriced:,}" if cost.unpriced else ""),
    ]


def _limits(report: Report) -> Table | None:
    if not report.limits and not report.invalid and not report.violations:
        return None
    table = _table("Limits", "", "")
    for limit in report.limits:
        state = Text("exceeded", "bold red") if limit.broken else Text("ok", "green")
        table.add_row(Text(_shown(limit.name)), state, Text(_shown(limit.text, 400)))
    for each in report.invalid:
        problems = "\n".join(_shown(problem, 400) for problem in each.problems)
        table.add_row(Text(_shown(each.name)), Text("rejected", "bold red"), Text(problems))
    for found in report.violations:
        state = Text("violated", "bold red" if found.mandatory else "yellow")
        what = f"{_shown(found.name)}: {_shown(found.text, 400)}" if found.name else _shown(found.text, 400)
        table.add_row(Text(_shown(wording.violation(found), 160)), state, Text(what))
    return table


def _changes(report: Report) -> Table | None:
    if not report.groups:
        return None
    table = _table(wording.changes(report), "", "", "" if report.audit else "Not known yet")
    unknown = {each.urn for each in report.unknowns}
    room = MOST_ROWS
    for group in report.groups[:MOST_GROUPS]:
        table.add_row(
            Text(_shown(group.title)), Text(_shown(group.words), "dim"), _counts(group), _unknown(group, unknown)
        )
        rows = wording.ordered(group.rows)
        shown = rows[: min(MOST_OF_A_GROUP, room)]
        room -= len(shown)
        for row in shown:
            table.add_row(_row(row), Text(_shown(row.words), "dim"), _differences(row))
        if more := len(rows) - len(shown):
            table.add_row(Text(f"  and {number(more, 'resource')} more", "dim"))
    if (more := len(report.groups) - MOST_GROUPS) > 0:
        table.add_row(Text(f"and {number(more, 'component')} more", "dim"))
    return table


def _row(row: model.Row) -> Text:
    """Sign and name of a changed resource: `  ~ inference-nodes`."""
    style = "yellow" if row.certainty is Certainty.MAY else _STYLES.get(row.op, "")
    return Text.assemble("  ", (wording.SIGNS[row.op], style), " ", _shown(row.name))


def _differences(row: model.Row) -> Text:
    """The first differences of a resource, and the reasons of its replacement."""
    found = [*row.reasons, *(_difference(each) for each in row.differences)]
    shown = [_shown(each, 100) for each in found[:MOST_DIFFERENCES]]
    more = len(found) - len(shown) + row.more
    return Text("\n".join([*shown, *([f"and {more:,} more"] if more > 0 else [])]), "dim")


def _difference(each: model.Difference) -> str:
    old, new = ("(none)" if side is None else side for side in (each.old, each.new))
    return f"{each.path}: {old} → {new}" + (" (forces the replacement)" if each.forces else "")


def _counts(group: model.Group) -> Text:
    text = Text()
    for op, count in wording.counts(group.counts):
        text.append(f"{', ' if text else ''}{count:,} {wording.word(op)}", _STYLES.get(op, ""))
    return text or Text(wording.ONLY_PROVIDERS, "dim")


def _unknown(group: model.Group, urns: set[str]) -> Text:
    count = sum(row.urn in urns for row in group.rows)
    return Text(number(count, "resource") if count else "", "dim")


def _reasons(cost: Cost | None, found: Callable[[Cost], Mapping[tuple[str, str], int]]) -> list[str]:
    return [f"{words} ({count:,}): {why}" for (words, why), count in found(cost).items()] if cost else []


def _lines(title: str, texts: Sequence[str]) -> list[RenderableType]:
    if not texts:
        return []
    return [Text(), Text(title, "bold"), *(Text(f"  {_shown(each, 400)}") for each in texts)]


def _table(*columns: str, right: bool = False) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if right and place else "left", overflow="fold")
    return table


def _shown(text: str, most: int = _NAME) -> str:
    return shorten(visible(text), most)
