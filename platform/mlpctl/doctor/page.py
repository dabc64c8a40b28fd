"""Show a report on a terminal."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlpctl.doctor.finding import Entry, Level, Report
from mlpctl.text import number, visible

_MARKS: Final = {
    Level.BLOCKS: ("✗", "red"),
    Level.WARNS: ("!", "yellow"),
    Level.NOT_CHECKED: ("?", "magenta"),
    Level.NOTE: ("·", "cyan"),
    Level.PASSES: ("✓", "green"),
}

_WORDS: Final = {
    Level.BLOCKS: "blocks",
    Level.WARNS: "warns",
    Level.NOT_CHECKED: "not checked",
    Level.NOTE: "notes",
    Level.PASSES: "passes",
}


def page(report: Report) -> RenderableType:
    """The findings by theme, the most serious of each theme first, and a summary."""
    parts: list[RenderableType] = [_heading(report)]
    for theme in dict.fromkeys(_theme(each) for each in report.entries):
        entries = [each for each in report.entries if _theme(each) == theme]
        parts += [Text(), Text(theme, style="bold"), _table(_ordered(entries), report.file)]
    return Group(*parts, Text(), _summary(report))


def _theme(entry: Entry) -> str:
    return entry.check.partition(".")[0]


def _ordered(entries: Iterable[Entry]) -> list[Entry]:
    order = [*_MARKS]
    return sorted(entries, key=lambda each: order.index(each.level))


def _heading(report: Report) -> Text:
    account = report.account or "unknown"
    return Text(
        f"Stack {report.stack} in account {account}, {report.region} ({report.time:%Y-%m-%d %H:%M} UTC)", "bold"
    )


def _table(entries: Sequence[Entry], file: str) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in entries:
        mark, colour = _MARKS[each.level]
        text = Text(visible(each.fact))
        place = f"{each.field} ({file}:{each.line})" if each.line else each.field
        told = " · ".join(filter(None, (place, each.source)))
        if told and each.level is not Level.PASSES:
            text.append(f"\n{visible(told)}", style="dim")
        if each.fix:
            text.append("\n→ ", style=colour).append(visible(each.fix))
        table.add_row(Text(f"  {mark}", style=colour), text)
    return table


def _summary(report: Report) -> Text:
    found = [(level, len(report.of(level))) for level in _MARKS]
    text = Text()
    for level, count in found:
        text.append(", " if text else "").append(f"{count} {_WORDS[level]}", style=_MARKS[level][1] if count else "dim")
    end = "An update would fail." if report.blocked else "Nothing blocks an update."
    return text.append(f" of {number(len(report.entries), 'finding')}. ").append(end, style="bold")
