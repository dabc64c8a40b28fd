"""The command line of `mlpctl`: parse arguments, call the package, print results, set exit codes."""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlpctl.errors import FAILED, InputError, UserError, of_the_installation, of_the_system
from mlpctl.out import console
from mlsandbox import SandboxError
from mlsandbox.cli import app as sandbox_app

if TYPE_CHECKING:
    from mlpctl.review.plan import Plan

app = typer.Typer(
    help="Operate an mlplatform: check stack files, review changes, and run the sandbox on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Check and explain stack files.", no_args_is_help=True)
instances_app = typer.Typer(help="Facts about EC2 instance types.", no_args_is_help=True)
images_app = typer.Typer(help="Node images that can be pinned.", no_args_is_help=True)
eks_app = typer.Typer(help="Versions that EKS offers.", no_args_is_help=True)
prices_app = typer.Typer(help="AWS prices from a dated price book.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(instances_app, name="instances")
app.add_typer(images_app, name="images")
app.add_typer(eks_app, name="eks")
app.add_typer(prices_app, name="prices")
app.add_typer(sandbox_app, name="sandbox")

NOT_RUN = 3
"""Exit code of a review or estimate that could not be completed; the limits were not checked."""

INTERRUPTED = 130
"""Exit code that shells use for a program interrupted by Ctrl-C."""

BROKEN_PIPE = 141
"""Exit code that shells use for a program whose output pipe was closed."""

Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack, e.g. local.")]
Folder = Annotated[
    Path | None, typer.Option("--folder", help="Folder of the sandbox. Default: .sandbox next to Pulumi.yaml.")
]
Account = Annotated[
    bool, typer.Option("--account", help="Use the backend and AWS account of this shell instead of the sandbox.")
]
PlanFile = Annotated[
    Path | None,
    typer.Option("--plan", help="Existing output of `pulumi preview --json`; - for standard input."),
]


@app.command()
def up(stack: Stack = "local", folder: Folder = None) -> None:
    """Deploy a stack in the sandbox. Missing parts of the sandbox are built and started first."""
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
        list[str] | None, typer.Option("--import", metavar="NAME=ID", help="Import this resource; can be repeated.")
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            "--drop", metavar="NAME", help="Forget this pending resource: it was not created; can be repeated."
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option("--patience", min=0, help="How long to retry lookups that find nothing, in seconds.")
    ] = 10.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the planned actions without executing them.")
    ] = False,
    from_backup: Annotated[
        bool, typer.Option("--from-backup", help="First replace a broken state with the newest valid backup.")
    ] = False,
) -> None:
    """Repair a stack's state after an interrupted update, or list what you have to decide."""
    from mlpctl import project
    from mlpctl import recover as recovery
    from mlpctl import stack as stacks
    from mlpctl.recover.plan import Choices

    pairs = [each.split("=", 1) for each in take or ()]
    if wrong := [pair[0] for pair in pairs if len(pair) != 2]:
        raise typer.BadParameter(f"{wrong[0]!r} is not NAME=ID, e.g. network-vpc=vpc-0123456789abcdef0")
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
    "Exit codes: 0 all limits are met; 1 a limit is exceeded{}; 2 invalid input; "
    "3 the result is missing or covers only a part of the plan."
)


@app.command(
    epilog=CODES.format(", an object does not match the Kubernetes API's schemas, or a mandatory policy is violated")
)
def review(
    stack: Stack = "local",
    plan: PlanFile = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write the report in Markdown to this file, for a pull request; - for standard output."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the report as an HTML page to this file; - for standard output.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the report as JSON to this file; - for standard output.")
    ] = None,
    commit: Annotated[
        str, typer.Option(help="Reviewed commit. Default: from the CI variables of GitHub or GitLab.")
    ] = "",
    run_url: Annotated[
        str, typer.Option(help="URL of the CI run. Default: from the CI variables of GitHub or GitLab.")
    ] = "",
    account: Account = False,
    folder: Folder = None,
) -> None:
    """Review an update before it runs: its changes, the data it may destroy, and its costs."""
    from mlpctl.review import command

    if plan and (account or folder):
        raise typer.BadParameter("--plan is an existing plan; it cannot be combined with --account or --folder.")
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
    compare: Annotated[str, typer.Option(help="Stacks to compare side by side, e.g. dev,staging,prod.")] = "",
    account: Account = False,
    folder: Folder = None,
) -> None:
    """Estimate the monthly costs of a stack, with all assumptions and unpriced resources."""
    from mlpctl.review import command
    from mlpctl.review.cost import book
    from mlpctl.review.cost import command as costs

    if plan and (account or folder or compare):
        raise typer.BadParameter(
            "--plan is an existing plan; it cannot be combined with --account, --folder or --compare."
        )
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
    """Validate a stack file. Print all problems at once, with exit code 2. Warn about settings to change."""
    import datetime

    from mlpctl import config, project
    from mlpctl.config.warnings import warnings

    loaded = config.read(config.find(project.root(), stack))
    for warning in warnings(loaded.platform, datetime.datetime.now(datetime.UTC).date()):
        console().print(f"[yellow]warning:[/] {warning}", highlight=False, soft_wrap=True)
    console().print(f"{loaded.path} is valid.", highlight=False)


@config_app.command()
def show(stack: Stack = "local") -> None:
    """Print every effective value of a stack, and its origin."""
    from mlpctl import config, project
    from mlpctl.config import show as showing

    loaded = config.read(config.find(project.root(), stack))
    console().print(showing.show_table(showing.show(loaded)))


@config_app.command()
def compare(
    other: Annotated[str, typer.Option("--with", help="Name of the stack to compare with, e.g. prod.")],
    stack: Stack = "staging",
    against: Annotated[
        str | None, typer.Option(help="Only safeguards against this threat: intruders or loss. Default: both.")
    ] = None,
) -> None:
    """Print the safeguards that are weaker in a stack than in another; exit code 1 if there are any."""
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
    console().print(f"No safeguard is weaker in {stack} than in {other}.", highlight=False)


@config_app.command()
def schema() -> None:
    """Print the JSON schema of stack files, for editors."""
    from mlpctl.config import Platform, profiles
    from mlpctl.config.schema import schema as of

    sys.stdout.write(json.dumps(of(Platform, profiles.PROFILES), indent=2) + "\n")


@instances_app.command()
def refresh(
    region: Annotated[list[str], typer.Option(help="Region whose instance types are read; can be repeated.")],
) -> None:
    """Update the file of instance facts from the instance types that EC2 offers in these regions."""
    from awsfacts.instances import DATA
    from mlpctl import instances

    count = instances.refresh(region)
    console().print(f"Wrote {count} instance types to {DATA}.", highlight=False, soft_wrap=True)


Region = Annotated[str, typer.Option(help="Region to query.")]


@images_app.command("refresh")
def refresh_images(region: Region) -> None:
    """Update the file of node images from AWS's public parameters in a region."""
    from awsfacts.node_images import DATA
    from mlpctl import node_images

    count = node_images.refresh(region)
    console().print(f"Wrote {count} Bottlerocket releases to {DATA}.", highlight=False, soft_wrap=True)


@eks_app.command("refresh")
def refresh_versions(region: Region) -> None:
    """Update the file of EKS versions: Kubernetes versions, their end of support, and add-on versions."""
    from awsfacts.eks_versions import DATA
    from mlpctl import eks_versions

    count = eks_versions.refresh(region)
    console().print(f"Wrote {count} Kubernetes versions to {DATA}.", highlight=False, soft_wrap=True)


@prices_app.command("show")
def prices_show(
    name: Annotated[str, typer.Argument(help="An instance type, an item or a service: g6e.2xlarge, gp3-storage, ebs.")],
    region: Annotated[list[str] | None, typer.Option(help="Region to show; can be repeated. Default: all.")] = None,
) -> None:
    """Print all prices of an item, with source and date."""
    import datetime

    from mlpctl.review.cost import book, show

    today = datetime.datetime.now(datetime.UTC).date()
    console().print(show.page(show.show(book.load(), name, region or (), today)))


@prices_app.command("list")
def prices_list() -> None:
    """Print the contents of the price book: services, number of regions, and age."""
    import datetime

    from mlpctl.review.cost import book, show

    today = datetime.datetime.now(datetime.UTC).date()
    console().print(show.coverage_table(show.coverage(book.load(), today)))


@prices_app.command("refresh")
def prices_refresh(
    region: Annotated[list[str], typer.Option(help="Region whose prices are updated; can be repeated.")],
    service: Annotated[
        list[str] | None,
        typer.Option(help="Service to update, as listed by `mlpctl prices list`; can be repeated. Default: all."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also repeat queries that were answered today.")] = False,
) -> None:
    """Update the price book from the AWS Price List API and EC2's spot price history."""
    from rich.progress import track

    from mlpctl.review.cost import book, refresh

    shown = console()
    with _resumable():
        done = refresh.refresh(
            region,
            service,
            again=again,
            watch=lambda steps: track(steps, "Querying AWS", console=shown, transient=True),
        )
    for problem in done.problems:
        shown.print(problem, style="yellow", highlight=False, markup=False, soft_wrap=True)
    shown.print(refresh.summary(done, book.FOLDER), highlight=False, markup=False, soft_wrap=True)


DEFECT = "This is a bug in mlpctl; set MLPCTL_DEBUG=1 to see the traceback."


def main() -> None:
    """Run the command. Every error is reported as a sentence, not as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except Exception as error:
        if os.environ.get("MLPCTL_DEBUG"):
            raise
        sys.stderr.write(f"{_message(error)}\n")
        sys.exit(error.exit_code if isinstance(error, UserError) else FAILED)


def _plan(stack: str, file: Path | None, account: bool, folder: Path | None) -> "Plan":
    from mlpctl.review import command, reader

    return reader.load(file) if file else command.plan_of(stack, account=account, folder=folder)


@contextmanager
def _reviewed() -> Iterator[None]:
    """Use another exit code for a review that could not be completed than for an exceeded limit."""
    try:
        with _resumable():
            yield
    except BrokenPipeError:
        # The reader closed the pipe. Without this, Python reports a failed flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from None
    except Exception as error:
        if os.environ.get("MLPCTL_DEBUG") or isinstance(error, InputError):
            raise
        sys.stderr.write(f"{_message(error)}\n")
        raise typer.Exit(NOT_RUN) from None


@contextmanager
def _resumable() -> Iterator[None]:
    """On Ctrl-C, print that the command can be continued."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Run the same command again to continue.\n")
        raise typer.Exit(INTERRUPTED) from None


def _message(error: Exception) -> str:
    """The message for the user: that of an expected error, or a bug report for any other."""
    from mlpctl.text import visible

    ours = isinstance(error, UserError | SandboxError)
    text = str(error) if ours else of_the_installation(error) or of_the_system(error)
    text = text or f"mlpctl failed: {type(error).__name__}: {error}. {DEFECT}"
    # The text may quote input, whose control characters must not reach the terminal.
    return "\n".join(visible(line.expandtabs()) for line in text.splitlines())
