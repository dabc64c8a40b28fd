"""The command `mlpctl deploy`."""

from typing import Annotated

import typer

from mlpctl.errors import INTERRUPTED
from mlpctl.out import console


def deploy(
    stack: Annotated[str, typer.Option("--stack", "-s", help="Name of the stack, e.g. prod.")],
    runner: Annotated[
        str, typer.Option(envvar="MLPCTL_RUNNER", help="Name of the CodeBuild project of a PrivateRunner.")
    ],
    commit: Annotated[
        str, typer.Option(help="Commit to deploy, or its first digits. Default: that of the checkout.")
    ] = "",
) -> None:
    """Deploy a stack on a runner in the network of its cluster, and show the build until it ends."""
    from mlpctl import project
    from mlpctl.deploy import build

    root = project.root()
    try:
        code = build.deploy(root, stack, runner, project.region(root, stack), commit, console())
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(code)
