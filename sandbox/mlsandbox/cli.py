"""The commands of the sandbox."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from mlsandbox.errors import SandboxError, missing_extra

if TYPE_CHECKING:
    from mlsandbox.sandbox import Sandbox

app = typer.Typer(
    help="A local AWS API and a real Kubernetes control plane.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

INTERRUPTED = 130
"""The exit code that shells report for a program that Ctrl-C ended."""

_UNBOUNDED = 10_000

Folder = Annotated[
    Path | None, typer.Option("--folder", help="The folder of the sandbox. Default: .sandbox next to Pulumi.yaml.")
]


@app.command()
def up(
    folder: Folder = None,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="Also install Pulumi's language host for YAML programs.")
    ] = False,
    controllers: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="NAMES",
            help="Controllers that run in clusters with their add-ons, separated by commas, e.g. metrics-server; "
            '"" for none. Default: those of the last --with.',
        ),
    ] = None,
) -> None:
    """Start the sandbox. Programs that are missing are built first."""
    chosen = None if controllers is None else [name.strip() for name in controllers.split(",") if name.strip()]
    try:
        _sandbox(folder).start(yaml=yaml, controllers=chosen)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Run the same command again to continue.\n")
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def down(folder: Folder = None) -> None:
    """Stop the sandbox. Its state is kept for the next start."""
    stopped = _sandbox(folder).stop()
    _console().print("The sandbox is stopped; its state is kept." if stopped else "No sandbox is running.")


@app.command()
def status(folder: Folder = None) -> None:
    """Show the running processes, their endpoints, and where the sandbox is more permissive than AWS."""
    sandbox = _sandbox(folder)

    from mlsandbox.host import status_page

    _console().print(status_page.page(sandbox.status(), sandbox.planned(), sandbox.conditions))


@app.command()
def env(folder: Folder = None) -> None:
    """Print shell commands that point pulumi, kubectl and AWS tools to the sandbox: eval "$(mlsandbox env)"."""
    sys.stdout.write(_sandbox(folder).shell())


@app.command()
def fail(
    operation: Annotated[
        str, typer.Argument(help="The operation that fails: CreateNodegroup, ec2:CreateVpc, or * for all.")
    ] = "",
    code: Annotated[str, typer.Option(help="The error code, e.g. InsufficientInstanceCapacity.")] = "",
    message: Annotated[str | None, typer.Option(help="The error message. Default: AWS's own, if known.")] = None,
    times: Annotated[int | None, typer.Option(min=1, help="How many requests fail. Default: no limit.")] = None,
    rate: Annotated[float, typer.Option(min=0.01, max=1, help="The fraction of requests that fail.")] = 1.0,
    match: Annotated[str, typer.Option(help="Fail only requests that contain this text.")] = "",
    later: Annotated[
        bool, typer.Option(help="Accept the request, then fail the resource afterwards (EKS only).")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all requested failures.")] = False,
    folder: Folder = None,
) -> None:
    """Make operations of the local AWS API fail, e.g. to test a runbook, until the sandbox restarts."""
    sandbox = _sandbox(folder)
    if clear:
        sandbox.succeed()
        return
    if not operation or not code:
        raise SandboxError("Pass the OPERATION that fails and its --code, or pass --clear.")
    sandbox.fail(operation, code, message=message, times=times, rate=rate, match=match, later=later)


@app.command("from")
def from_(
    origin: Annotated[
        str, typer.Argument(help="An IP address, the ID of a security group (sg-…), or anywhere to satisfy every rule.")
    ],
    folder: Folder = None,
) -> None:
    """Set the source address that the cluster endpoint sees, to test its public CIDR blocks and rules for TCP 443."""
    _sandbox(folder).reach_from(origin)


@app.command()
def quota(
    code: Annotated[str, typer.Argument(help="The quota code in Service Quotas, e.g. L-DB2E81BA.")] = "",
    value: Annotated[int | None, typer.Argument(min=0, help="The new value; omit it to remove the limit.")] = None,
    folder: Folder = None,
) -> None:
    """Set a quota of the sandbox's account, e.g. 0 vCPUs of GPU instances; without a code, list all quotas."""
    sandbox = _sandbox(folder)

    from mlsandbox.endpoint import quotas

    if code:
        sandbox.limit(code, value)
        return
    in_force = sandbox.conditions.quotas
    for each, name in quotas.known():
        _console().print(f"{each} {in_force.get(each, '-')} {name}", highlight=False)


@app.command()
def reset(folder: Folder = None) -> None:
    """Empty the sandbox: delete its AWS resources, its cluster, and the Pulumi state of its stacks."""
    sandbox = _sandbox(folder)
    sandbox.reset()
    _console().print(f"The sandbox in {sandbox.folder} is empty.", highlight=False)


def main() -> None:
    """Run a command. An error that the user can fix is printed as one message on standard error."""
    try:
        app()
    except SandboxError as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(1)
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{missing_extra(error)}\n")
        sys.exit(1)


def _console() -> Console:
    """A console as wide as the terminal or `COLUMNS`. In a file lines are not folded, so that they can be copied."""
    made = Console()
    return made if made.is_terminal or os.environ.get("COLUMNS") else Console(width=_UNBOUNDED)


def _sandbox(folder: Path | None) -> "Sandbox":
    # Imported late, so that `--help` and errors about options neither need nor wait for the extra `sandbox`.
    from mlsandbox import Sandbox

    return Sandbox.find(folder)
