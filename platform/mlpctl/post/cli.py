"""The commands below `mlpctl review`, whose own options and code are in `mlpctl.cli`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from mlpctl.config_cli import Also, Since
from mlpctl.out import console

app = typer.Typer(invoke_without_command=True)

PullRequest = Annotated[
    int | None, typer.Option("--pull-request", min=1, help="Its number. Default: from the CI variables.")
]
Service = Annotated[bool | None, typer.Option("--gitlab/--github", help="Where it is. Default: from the CI variables.")]


@app.command(
    epilog="Exit codes: 0 posted, or there is no pull request to post to; 1 something could not be posted; "
    "2 the report is invalid. They are independent of the review's result."
)
def post(
    report: Annotated[Path, typer.Option(help="The review in JSON, as written by `mlpctl review --json`.")],
    stack: Annotated[
        str, typer.Option("--stack", "-s", help="Its stack. Only needed if the report may be missing.")
    ] = "",
    pull_request: PullRequest = None,
    gitlab: Service = None,
) -> None:
    """Post a review: a comment of the pull request, its labels, a commit status, the job summary and outputs."""
    from mlpctl.post import command

    code = command.post(report, stack, os.environ, console(), number=pull_request, on_gitlab=gitlab)
    raise typer.Exit(code)


@app.command()
def withdraw(
    since: Since,
    also: Also = None,
    pull_request: PullRequest = None,
    gitlab: Service = None,
) -> None:
    """Say in comments of stacks that the pull request does not change them any more, and update the labels."""
    from mlpctl import changed, project
    from mlpctl.post import command

    root = project.root()
    affected = [each.stack for each in changed.changed(root, since, also or ()).affected]
    raise typer.Exit(command.withdraw(affected, os.environ, console(), number=pull_request, on_gitlab=gitlab))
