"""The part of a terminal report about rules."""

from collections.abc import Iterator
from typing import Final

from rich.table import Table
from rich.text import Text

from mlpctl.review.report.rules import RuleFinding, Rules
from mlpctl.text import number, shorten, visible

MOST: Final = 30
"""Maximum number of violations; the Markdown and the HTML page list all of them."""

_TEXT: Final = 300


def table(rules: Rules | None) -> Table | None:
    """The violations, and what was not evaluated; None without any."""
    if rules is None or not (rules.findings or rules.gaps or rules.waivers):
        return None
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Rules", "", ""):
        made.add_column(column, overflow="fold")
    for each in rules.findings[:MOST]:
        made.add_row(Text(each.rule), _state(each), _what(each))
    if (more := len(rules.findings) - MOST) > 0:
        made.add_row(Text(f"and {number(more, 'violation')} more", "dim"))
    for line in _rest(rules):
        made.add_row(Text(""), line[0], line[1])
    return made


def _state(found: RuleFinding) -> Text:
    if found.waived:
        return Text("waived", "dim")
    return Text("violated", "bold red" if found.mandatory else "yellow")


def _what(found: RuleFinding) -> Text:
    text = Text(_shown(found.text))
    text.append(f"\n{_shown(f'Waived: {found.waived}' if found.waived else found.remedy)}", "dim")
    return text


def _rest(rules: Rules) -> Iterator[tuple[Text, Text]]:
    if rules.gaps:
        names = ", ".join(each.rule for each in rules.gaps)
        yield (
            Text("not evaluated", "yellow"),
            Text(_shown(f"{names}: something is not known yet, secret or invalid"), "dim"),
        )
    for each in rules.waivers:
        yield Text("waiver", "yellow"), Text(_shown(each))
    yield Text("passed", "green"), Text(f"{number(rules.passed, 'evaluation')} in profile {rules.profile}", "dim")


def _shown(text: str) -> str:
    return shorten(visible(text), _TEXT)
