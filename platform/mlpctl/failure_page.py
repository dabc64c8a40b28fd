"""Show the failures of an update on a terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlpctl.failures import Explanation, Place
from mlpctl.text import visible


def page(found: Sequence[Explanation], file: Path | str, commands: Sequence[str]) -> RenderableType:
    """A report of failures: what failed, AWS's message, the remedy, and the commands to run afterwards."""
    parts: list[RenderableType] = [Text(), Text("Failures", style="bold")]
    for each in found:
        parts += [Text(), _heading(each), _facts(each, file)]
    parts += [
        Text(),
        Text("Everything created so far is retained and recorded in the state. After fixing the problem, run:", "bold"),
    ]
    parts += [Text(f"  {command}", no_wrap=True) for command in commands]
    return Group(*parts)


def _heading(each: Explanation) -> Text:
    failure = each.failure
    what = f"{each.component}: " if each.component else ""
    return Text.assemble(("✗ ", "red"), (f"{what}{failure.code or 'failed'}", "bold"), f" at {failure.resource}")


def _facts(each: Explanation, file: Path | str) -> Table:
    failure = each.failure
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    operation = f" ({failure.operation})" if failure.operation else ""
    rows = {
        "config": "\n".join(_place(place, file) for place in each.places),
        "resource": f"{failure.resource}, {failure.type}{operation}",
        "message": visible(failure.message),
        "means": each.means,
        "remedy": each.remedy,
    }
    for name, text in rows.items():
        if text:
            table.add_row(f"  {name}", Text(text))
    return table


def _place(place: Place, file: Path | str) -> str:
    return f"{place.path} ({file}:{place.line})" if place.line else f"{place.path} ({file})"
