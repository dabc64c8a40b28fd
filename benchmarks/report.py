"""The report of a benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class Line:
    """One figure and its comparison."""

    what: str
    value: str
    twin: str = ""
    ratio: str = ""
    aim: str = ""


def table(title: str, lines: Sequence[Line]) -> Table:
    """Format lines for a terminal."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    made.add_column("", overflow="fold")
    for heading in ("ours", "twin", "ratio", "aim"):
        made.add_column(heading, justify="right", no_wrap=True, min_width=6)
    for line in lines:
        made.add_row(line.what, line.value, line.twin, line.ratio, line.aim)
    return made
