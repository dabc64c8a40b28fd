"""Shows the audit of an account on a terminal, and writes it as SARIF."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mlpctl.audit.account_model import AccountReport, AuditedStack, StrayResource
from mlpctl.review.writers import sarif, terminal
from mlpctl.text import number, visible

_WIDEST: Final = 120
"""Maximum width of a heading, in columns."""


def page(report: AccountReport) -> RenderableType:
    """The verdict, a section for each stack, then the resources of no stack."""
    parts: list[RenderableType] = [Text(visible(report.verdict), "bold")]
    if report.incomplete:
        parts.append(Text(f"The audit is incomplete: {_shown(report.incomplete)}", "yellow"))
    for each in report.stacks:
        parts += [Text(), _heading(f"Stack {visible(each.stack)}"), *_stack(each)]
    if report.strangers:
        parts += [Text(), _heading("Resources of no stack"), _strangers(report.strangers)]
    rest = [Text(f"  {each.what}: {each.why}", "dim") for each in report.unchecked]
    return Group(*parts, Text(), Text("Not checked"), *rest)


def to_sarif(report: AccountReport) -> str:
    """Write the violations as ASCII JSON, with a run for each stack that was audited; ends with a line feed."""
    found = [json.loads(sarif.to_sarif(each.report)) for each in report.stacks if each.report]
    runs = [run for each in found for run in each["runs"]]
    return json.dumps({"$schema": sarif.SCHEMA, "version": sarif.VERSION, "runs": runs}, indent=2) + "\n"


def _heading(text: str) -> RenderableType:
    # Output that is not for a terminal has lines of any length.
    return Constrain(Rule(Text(text), align="left"), _WIDEST)


def _stack(audited: AuditedStack) -> Iterator[RenderableType]:
    if audited.fault:
        yield Text(f"It could not be audited: {_shown(audited.fault)}", "red")
    elif audited.report:
        yield terminal.page(audited.report)
    else:
        yield Text("It has no resources.", "dim")
    if audited.unread:
        yield Text(f"{number(audited.unread, 'resource')} with its tag may belong to it: its state was not read.")


def _strangers(strangers: Sequence[StrayResource]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("ARN", "Type", "Tags"):
        table.add_column(heading, overflow="fold")
    for each in strangers:
        tags = ", ".join(f"{key}={value}" for key, value in each.tags.items())
        table.add_row(
            Text(visible(each.arn)), Text(visible(each.type)), Text(visible(tags), "dim" if each.made_by else "")
        )
    return table


def _shown(text: str) -> str:
    return "\n".join(map(visible, text.splitlines()))
