"""The commands `mlpctl config`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from mlpctl.errors import FAILED
from mlpctl.options import Stack
from mlpctl.out import console
from mlpctl.text import visible

app = typer.Typer(help="Check and explain stack files.", no_args_is_help=True)

Since = Annotated[str, typer.Option(help="Commit, branch or tag to compare with, e.g. HEAD^1 or origin/main.")]

Also = Annotated[
    list[Path] | None, typer.Option(help="Another file or folder that the program reads; can be repeated.")
]


@app.command()
def validate(stack: Stack = "local") -> None:
    """Validate a stack file. Print all problems at once, with exit code 2. Warn about settings to change."""
    import datetime

    from mlpctl import config, pack_files, project
    from mlpctl.config.problems import ConfigError, Problem
    from mlpctl.config.warnings import warnings

    loaded = config.read(config.find(project.root(), stack))
    packs = {("policies", "packs", index): name for index, name in enumerate(loaded.platform.policies.packs)}
    unusable = [
        Problem(path, f"cannot be used: {why}", loaded.lines.get(path))
        for path, name in packs.items()
        if (why := pack_files.check(project.root(), name))
    ]
    if unusable:
        raise ConfigError(unusable, loaded.path)
    for warning in warnings(loaded.platform, datetime.datetime.now(datetime.UTC).date()):
        console().print(f"[yellow]warning:[/] {warning}", highlight=False, soft_wrap=True)
    console().print(f"{loaded.path} is valid.", highlight=False)


@app.command()
def show(stack: Stack = "local") -> None:
    """Print every effective value of a stack, and its origin."""
    from mlpctl import config, project
    from mlpctl.config import show as showing

    loaded = config.read(config.find(project.root(), stack))
    console().print(showing.show_table(showing.show(loaded)))


@app.command()
def compare(
    other: Annotated[str, typer.Option("--with", help="Name of the stack to compare with, e.g. prod.")],
    stack: Stack = "staging",
    against: Annotated[
        str | None, typer.Option(help="Only safeguards against this threat: intruders, loss or cost. Default: all.")
    ] = None,
) -> None:
    """Print the safeguards that are weaker in a stack than in another; exit code 1 if there are any."""
    from mlpctl import config, project
    from mlpctl.config import guards
    from mlpctl.policies.rules import mandatory

    kinds = [kind for kind in guards.Against if against in (None, kind.value)]
    if not kinds:
        raise typer.BadParameter(f"{against}; allowed: {', '.join(kind.value for kind in guards.Against)}")
    one, than = (config.read(config.find(project.root(), name)).platform for name in (stack, other))
    found = guards.weaker(one, than, kinds, mandatory)
    if found:
        console().print(guards.table(found, stack, other))
        raise typer.Exit(FAILED)
    console().print(f"No safeguard is weaker in {stack} than in {other}.", highlight=False)


@app.command()
def schema() -> None:
    """Print the JSON schema of stack files, for editors."""
    from mlpctl.config import Platform, profiles
    from mlpctl.config.schema import schema as of

    sys.stdout.write(json.dumps(of(Platform, profiles.PROFILES), indent=2) + "\n")


@app.command()
def changed(
    since: Since,
    also: Also = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the names as a JSON list.")] = False,
) -> None:
    """Print the stacks whose effective config or program differs from another commit."""
    from mlpctl import changed as comparing
    from mlpctl import project

    found = comparing.changed(project.root(), since, also or ())
    for stack in found.deleted:
        sys.stderr.write(f"The file of stack {visible(stack)} is deleted. Destroy the stack first if it exists.\n")
    if as_json:
        sys.stdout.write(json.dumps([each.stack for each in found.affected]) + "\n")
        return
    for line in comparing.lines(found):
        console().print(line, markup=False, highlight=False, soft_wrap=True)
