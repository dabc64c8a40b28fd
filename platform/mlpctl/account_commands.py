"""Commands of `mlpctl` for a stack in an account: before an update, and after a failed one."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from mlpctl.errors import FAILED
from mlpctl.out import console

Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack, e.g. prod.")]

_DOCTORS_CODES: Final = "Exit codes: 0 nothing blocks an update; 1 something blocks it; 2 invalid input."
_EXPLAINS_CODES: Final = "Exit codes: 0 the failures are explained; 2 invalid input, or no failure in it."


def add_to(app: typer.Typer) -> None:
    """Add the commands to an application."""
    app.command(epilog=_DOCTORS_CODES)(doctor)
    app.command(epilog=_EXPLAINS_CODES)(explain)


def doctor(
    stack: Stack,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    address: Annotated[
        str, typer.Option(metavar="IP", help="Public address of this machine, to compare with publicAccessCidrs.")
    ] = "",
) -> None:
    """Check the account of this shell for what a stack file asks, before an update. It changes nothing."""
    from mlpctl import project
    from mlpctl.doctor import command

    report = command.examine(project.root(), stack, address, console(stderr=True))
    command.show(report, console(), as_json=as_json)
    raise typer.Exit(FAILED if report.blocked else 0)


def explain(
    stack: Stack,
    file: Annotated[
        Path,
        typer.Argument(help="Output or event log of a failed `pulumi up`, or AWS's message; - for standard input."),
    ] = Path("-"),
) -> None:
    """Explain the failures of an update of plain Pulumi: component, field of the stack file, meaning and remedy."""
    from mlpctl import project
    from mlpctl.explain import explain as explained

    text = sys.stdin.read() if file == Path("-") else file.read_text(encoding="utf-8", errors="replace")
    console().print(explained(project.root(), stack, text))
