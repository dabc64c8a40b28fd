"""The command `mlpctl`: parse, call, print, exit code."""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlpctl.errors import FAILED, InputError, UserError, of_the_system
from mlpctl.out import console
from mlsandbox import SandboxError
from mlsandbox.cli import app as sandbox_app

if TYPE_CHECKING:
    from mlpctl.review.plan import Plan

app = typer.Typer(
    help="Operate an mlplatform: its stack files, reviews of its changes, and the sandbox on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Check and explain stack files.", no_args_is_help=True)
instances_app = typer.Typer(help="What EC2 instance types have.", no_args_is_help=True)
images_app = typer.Typer(help="Which images nodes may be pinned to.", no_args_is_help=True)
eks_app = typer.Typer(help="Which versions EKS offers.", no_args_is_help=True)
prices_app = typer.Typer(help="What AWS's things cost, from a dated price book.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(instances_app, name="instances")
app.add_typer(images_app, name="images")
app.add_typer(eks_app, name="eks")
app.add_typer(prices_app, name="prices")
app.add_typer(sandbox_app, name="sandbox")

NOT_RUN = 3
"""Of a review or an estimate: it could not be made, and so says nothing of limits."""

INTERRUPTED = 130
"""What shells give a program that ended by Ctrl-C."""

BROKEN_PIPE = 141
"""What shells give a program whose reader went away."""

Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack, e.g. local.")]
Folder = Annotated[
    Path | None, typer.Option("--folder", help="Where the sandbox lives. Default: .sandbox beside Pulumi.yaml.")
]
Account = Annotated[
    bool, typer.Option("--account", help="Not in the sandbox: the backend and the account of this shell.")
]
PlanFile = Annotated[
    Path | None,
    typer.Option("--plan", help="Output of `pulumi preview --json`, made elsewhere; - for standard input."),
]


@app.command()
def up(stack: Stack = "local", folder: Folder = None) -> None:
    """Bring a stack up in the sandbox, with everything that is missing for it."""
    from mlpctl import project
    from mlpctl.up import up as bring_up
    from mlsandbox import Sandbox

    with _resumable():
        code = bring_up(project.root(), stack, Sandbox.find(folder, console()), console())
    raise typer.Exit(code)


@app.command()
def recover(
    stack: Stack = "local",
    folder: Folder = None,
    account: Account = False,
    take: Annotated[
        list[str] | None, typer.Option("--import", metavar="NAME=ID", help="Take this over; may be repeated.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option("--drop", metavar="NAME", help="It was not made; may be repeated.")
    ] = None,
    patience: Annotated[
        float, typer.Option("--patience", min=0, help="Seconds for which what is not there is looked for again.")
    ] = 10.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do none of it.")] = False,
    from_backup: Annotated[
        bool, typer.Option("--from-backup", help="First put the newest whole backup in the place of a broken state.")
    ] = False,
) -> None:
    """After a killed update: have the stack know again what is there, or say what is left to choose."""
    from mlpctl import project
    from mlpctl import recover as recovery
    from mlpctl import stack as stacks
    from mlpctl.recover.plan import Choices

    pairs = [each.split("=", 1) for each in take or ()]
    if wrong := [pair[0] for pair in pairs if len(pair) != 2]:
        raise typer.BadParameter(f"{wrong[0]!r} is no NAME=ID, e.g. network-vpc=vpc-0123456789abcdef0")
    worked_on = stacks.Stack(project.root(), stack)
    if not account:
        from mlsandbox import Sandbox

        sandbox = Sandbox.find(folder)
        sandbox.start(cluster=False)
        worked_on = stacks.SandboxStack(worked_on.root, stack, sandbox)
    choices = Choices(dict(pairs), frozenset(drop or ()))
    if from_backup:
        recovery.restore(worked_on, console())
    done = recovery.recover(worked_on, console(), choices, patience_s=patience, dry_run=dry_run)
    raise typer.Exit(0 if done else FAILED)


CODES = (
    "Exit codes: 0 all limits are kept; 1 a limit is broken{}; 2 bad input; "
    "3 it could not be made, or only of part of the plan."
)


@app.command(epilog=CODES.format(", the Kubernetes API's schemas refuse an object, or a mandatory policy is violated"))
def review(
    stack: Stack = "local",
    plan: PlanFile = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write it here for a pull request, in Markdown; - for standard output.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write it here as a page; - for standard output.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write it here as JSON; - for standard output.")] = None,
    commit: Annotated[
        str, typer.Option(help="Commit that is reviewed. Default: that of GitHub's or GitLab's variables.")
    ] = "",
    run_url: Annotated[
        str, typer.Option(help="Address of the run that reviews. Default: that of GitHub's or GitLab's variables.")
    ] = "",
    account: Account = False,
    folder: Folder = None,
) -> None:
    """Review what an update would do: what it changes, may destroy and costs."""
    from mlpctl.review import command

    if plan and (account or folder):
        raise typer.BadParameter("--plan is made already: neither --account nor --folder says anything of it.")
    wanted = {"markdown": markdown, "html": html, "json": json}
    with _reviewed():
        command.check_writable(wanted, plan)
        report = command.review(_plan(stack, plan, account, folder), commit=commit, run_url=run_url)
        command.write(report, wanted, console())
    raise typer.Exit(report.outcome)


@app.command(epilog=CODES.format(""))
def cost(
    stack: Stack = "local",
    plan: PlanFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: resources, totals, limits.")] = False,
    compare: Annotated[str, typer.Option(help="Stacks to put side by side, e.g. dev,staging,prod.")] = "",
    account: Account = False,
    folder: Folder = None,
) -> None:
    """Estimate what a stack costs a month, with what is assumed and what has no price."""
    from mlpctl.review import command
    from mlpctl.review.cost import book
    from mlpctl.review.cost import command as costs

    if plan and (account or folder or compare):
        raise typer.BadParameter("--plan is made already: --account, --folder and --compare say nothing of it.")
    with _reviewed():
        given = book.load(), command.today(), console()
        if names := list(dict.fromkeys(filter(None, (each.strip() for each in compare.split(","))))):
            plans = {name: _plan(name, None, account, folder) for name in names}
            outcome = costs.compare(plans, *given, as_json=as_json)
        else:
            outcome = costs.show(_plan(stack, plan, account, folder), *given, as_json=as_json)
    raise typer.Exit(outcome)


@config_app.command()
def validate(stack: Stack = "local") -> None:
    """Check a stack file; all its problems at once, and exit code 2, if it is not right. Warn of what will not be."""
    import datetime

    from mlpctl import config, project
    from mlpctl.config.warnings import warnings

    loaded = config.read(config.find(project.root(), stack))
    for warning in warnings(loaded.platform, datetime.datetime.now(datetime.UTC).date()):
        console().print(f"[yellow]warning:[/] {warning}", highlight=False, soft_wrap=True)
    console().print(f"{loaded.path} is right.", highlight=False)


@config_app.command()
def show(stack: Stack = "local") -> None:
    """Print every effective value of a stack, and where it came from."""
    from mlpctl import config, project
    from mlpctl.config import show as showing

    loaded = config.read(config.find(project.root(), stack))
    console().print(showing.show_table(showing.show(loaded)))


@config_app.command()
def compare(
    other: Annotated[str, typer.Option("--with", help="Name of the stack to compare with, e.g. prod.")],
    stack: Stack = "staging",
    against: Annotated[
        str | None, typer.Option(help="Only guards against this: intruders or loss. Default: both.")
    ] = None,
) -> None:
    """Print the guards that a stack has weaker than another; exit code 1 if there are any."""
    from mlpctl import config, project
    from mlpctl.config import guards

    kinds = [kind for kind in guards.Against if against in (None, kind.value)]
    if not kinds:
        raise typer.BadParameter(f"{against}; allowed: {', '.join(kind.value for kind in guards.Against)}")
    one, than = (config.read(config.find(project.root(), name)).platform for name in (stack, other))
    found = guards.weaker(one, than, kinds)
    if found:
        console().print(guards.table(found, stack, other))
        raise typer.Exit(FAILED)
    console().print(f"{stack} is guarded as well as {other}.", highlight=False)


@config_app.command()
def schema() -> None:
    """Print the JSON schema of stack files, for editors."""
    from mlpctl.config import Platform, profiles
    from mlpctl.config.schema import schema as of

    sys.stdout.write(json.dumps(of(Platform, profiles.PROFILES), indent=2) + "\n")


@instances_app.command()
def refresh(
    region: Annotated[list[str], typer.Option(help="Region whose instance types are wanted; may be given again.")],
) -> None:
    """Write the file of instance facts anew, from what EC2 sells in these regions."""
    from awsfacts.instances import DATA
    from mlpctl import instances

    count = instances.refresh(region)
    console().print(f"{count} instance types are in {DATA}.", highlight=False, soft_wrap=True)


Region = Annotated[str, typer.Option(help="Region that is asked.")]


@images_app.command("refresh")
def refresh_images(region: Region) -> None:
    """Write the file of node images anew, from AWS's public parameters in a region."""
    from awsfacts.node_images import DATA
    from mlpctl import node_images

    count = node_images.refresh(region)
    console().print(f"{count} releases of Bottlerocket are in {DATA}.", highlight=False, soft_wrap=True)


@eks_app.command("refresh")
def refresh_versions(region: Region) -> None:
    """Write the file of EKS's versions anew: Kubernetes versions, their support, and versions of add-ons."""
    from awsfacts.eks_versions import DATA
    from mlpctl import eks_versions

    count = eks_versions.refresh(region)
    console().print(f"{count} Kubernetes versions are in {DATA}.", highlight=False, soft_wrap=True)


@prices_app.command("show")
def prices_show(
    name: Annotated[str, typer.Argument(help="An instance type, an item or a service: g6e.2xlarge, gp3-storage, ebs.")],
    region: Annotated[
        list[str] | None, typer.Option(help="Region that is wanted; may be given again. Default: all.")
    ] = None,
) -> None:
    """Print every price of something, with its source and its day."""
    import datetime

    from mlpctl.review.cost import book, show

    today = datetime.datetime.now(datetime.UTC).date()
    console().print(show.page(show.show(book.load(), name, region or (), today)))


@prices_app.command("list")
def prices_list() -> None:
    """Print what the price book has, of which services, in how many regions, and how old it is."""
    import datetime

    from mlpctl.review.cost import book, show

    today = datetime.datetime.now(datetime.UTC).date()
    console().print(show.coverage_table(show.coverage(book.load(), today)))


@prices_app.command("refresh")
def prices_refresh(
    region: Annotated[list[str], typer.Option(help="Region whose prices are wanted; may be given again.")],
    service: Annotated[
        list[str] | None,
        typer.Option(help="Service of `mlpctl prices list` that is wanted; may be given again. Default: all."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Ask what was answered today as well.")] = False,
) -> None:
    """Renew prices in the price book from the AWS Price List API and EC2's spot price history."""
    from rich.progress import track

    from mlpctl.review.cost import book, refresh

    shown = console()
    with _resumable():
        done = refresh.refresh(
            region,
            service,
            again=again,
            watch=lambda steps: track(steps, "Asking AWS", console=shown, transient=True),
        )
    for problem in done.problems:
        shown.print(problem, style="yellow", highlight=False, markup=False, soft_wrap=True)
    shown.print(refresh.summary(done, book.FOLDER), highlight=False, markup=False, soft_wrap=True)


DEFECT = "This is a defect; MLPCTL_DEBUG=1 shows where."


def main() -> None:
    """Run the command; whatever goes wrong, the user reads a sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except Exception as error:
        if os.environ.get("MLPCTL_DEBUG"):
            raise
        sys.stderr.write(f"{_told(error)}\n")
        sys.exit(error.exit_code if isinstance(error, UserError) else FAILED)


def _plan(stack: str, file: Path | None, account: bool, folder: Path | None) -> "Plan":
    from mlpctl.review import command, reader

    return reader.load(file) if file else command.plan_of(stack, account=account, folder=folder)


@contextmanager
def _reviewed() -> Iterator[None]:
    """Tell what cannot be reviewed from what breaks a limit."""
    try:
        with _resumable():
            yield
    except BrokenPipeError:
        # Whoever reads has enough; at its exit Python would complain of what it cannot write any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from None
    except Exception as error:
        if os.environ.get("MLPCTL_DEBUG") or isinstance(error, InputError):
            raise
        sys.stderr.write(f"{_told(error)}\n")
        raise typer.Exit(NOT_RUN) from None


@contextmanager
def _resumable() -> Iterator[None]:
    """Tell whoever interrupts a long command that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. The same command goes on where it stopped.\n")
        raise typer.Exit(INTERRUPTED) from None


def _told(error: Exception) -> str:
    """What the user reads: our own errors speak for themselves, another is a defect of ours."""
    from mlpctl.review.inert import visible

    ours = isinstance(error, UserError | SandboxError)
    text = str(error) if ours else of_the_system(error)
    text = text or f"mlpctl failed: {type(error).__name__}: {error}. {DEFECT}"
    # It may quote what it was given, and that must not steer a terminal.
    return "\n".join(visible(line.expandtabs()) for line in text.splitlines())
