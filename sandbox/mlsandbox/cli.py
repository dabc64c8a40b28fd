"""The commands of the sandbox: `mlsandbox`, and `mlpctl sandbox`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from mlsandbox.errors import SandboxError

if TYPE_CHECKING:
    from mlsandbox.sandbox import Sandbox

app = typer.Typer(
    help="A local AWS API and a real Kubernetes control plane.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

INTERRUPTED = 130
"""What shells give a program that ended by Ctrl-C."""

_UNBOUNDED = 10_000

Folder = Annotated[
    Path | None, typer.Option("--folder", help="Where the sandbox lives. Default: .sandbox beside Pulumi.yaml.")
]


@app.command()
def up(
    folder: Folder = None,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="Have Pulumi's language host for YAML programs as well.")
    ] = False,
) -> None:
    """Start the sandbox; build what is missing for it first."""
    try:
        _sandbox(folder).start(yaml=yaml)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. The same command goes on where it stopped.\n")
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def down(folder: Folder = None) -> None:
    """Stop the sandbox. Its state stays for the next start."""
    stopped = _sandbox(folder).stop()
    _console().print("The sandbox is stopped; its state is kept." if stopped else "No sandbox runs.")


@app.command()
def status(folder: Folder = None) -> None:
    """Show what runs, where, since when, and in what the sandbox is kinder than AWS."""
    from mlsandbox.host import status_page

    sandbox = _sandbox(folder)
    _console().print(status_page.page(sandbox.status(), sandbox.planned(), sandbox.conditions))


@app.command()
def env(folder: Folder = None) -> None:
    """Print shell commands that point pulumi, kubectl and AWS tools to the sandbox: eval "$(mlsandbox env)"."""
    sys.stdout.write(_sandbox(folder).shell())


@app.command()
def fail(
    operation: Annotated[
        str, typer.Argument(help="What fails: CreateNodegroup, ec2:CreateVpc, or * for everything.")
    ] = "",
    code: Annotated[str, typer.Option(help="Code of the error, e.g. InsufficientInstanceCapacity.")] = "",
    message: Annotated[str | None, typer.Option(help="Its message. Default: AWS's own where it is known.")] = None,
    times: Annotated[int | None, typer.Option(min=1, help="How often it fails. Default: until cleared.")] = None,
    rate: Annotated[float, typer.Option(min=0.01, max=1, help="The share of requests that fail.")] = 1.0,
    match: Annotated[str, typer.Option(help="Fail only requests that contain this text.")] = "",
    later: Annotated[
        bool, typer.Option(help="Accept the request, then fail the resource afterwards (EKS only).")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Let everything succeed again.")] = False,
    folder: Folder = None,
) -> None:
    """Have the local AWS API fail, to rehearse what to do then. A restart of the sandbox ends it too."""
    sandbox = _sandbox(folder)
    if clear:
        sandbox.succeed()
        return
    if not operation or not code:
        raise SandboxError("Say which OPERATION fails and with which --code, or --clear.")
    sandbox.fail(operation, code, message=message, times=times, rate=rate, match=match, later=later)


@app.command("from")
def from_(
    origin: Annotated[
        str, typer.Argument(help="An IP address, the id of a security group (sg-…), or anywhere: each rule suffices.")
    ],
    folder: Folder = None,
) -> None:
    """Say from where the cluster's endpoint is reached: through its public ranges, or through a rule on TCP 443."""
    _sandbox(folder).reach_from(origin)


@app.command()
def quota(
    code: Annotated[str, typer.Argument(help="Code of the quota as Service Quotas has it, e.g. L-DB2E81BA.")] = "",
    value: Annotated[int | None, typer.Argument(min=0, help="How many; leave out to have no limit again.")] = None,
    folder: Folder = None,
) -> None:
    """Set a quota of the sandbox's account, e.g. 0 vCPUs of GPU instances as in a new one; list them without a code."""
    from mlsandbox.endpoint import quotas

    sandbox = _sandbox(folder)
    if code:
        sandbox.limit(code, value)
        return
    in_force = sandbox.conditions.quotas
    for each, name in quotas.known():
        _console().print(f"{each} {in_force.get(each, '-')} {name}", highlight=False)


@app.command()
def reset(folder: Folder = None) -> None:
    """Empty the sandbox: AWS API, cluster, and the Pulumi state of its stacks."""
    sandbox = _sandbox(folder)
    sandbox.reset()
    _console().print(f"The sandbox in {sandbox.folder} is empty.", highlight=False)


def main() -> None:
    """Run a command; what its user can act on is one message on standard error."""
    try:
        app()
    except SandboxError as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(1)


def _console() -> Console:
    """As wide as the terminal or `COLUMNS`; in a file no line is folded, so that what is copied is whole."""
    made = Console()
    return made if made.is_terminal or os.environ.get("COLUMNS") else Console(width=_UNBOUNDED)


def _sandbox(folder: Path | None) -> "Sandbox":
    # Help and mistyped options are answered before moto's and Rich's parts are imported.
    from mlsandbox.sandbox import Sandbox

    return Sandbox.find(folder)
