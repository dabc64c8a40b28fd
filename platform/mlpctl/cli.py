"""The command line of `mlpctl`: parse arguments, call the package, print results, set exit codes."""

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlpctl import account_commands, config_cli
from mlpctl.audit.cli import ACCOUNT_CODES, audit, evidence
from mlpctl.audit.cli import CODES as AUDIT_CODES
from mlpctl.deploy.cli import deploy
from mlpctl.ending import message, resumable, reviewed
from mlpctl.errors import FAILED, UserError
from mlpctl.options import Account, Folder, Html, Json, Markdown, RunUrl, Sarif, Stack
from mlpctl.out import console
from mlpctl.post import cli as post_cli
from mlsandbox.cli import app as sandbox_app

if TYPE_CHECKING:
    from mlpctl.review.plan.model import Plan

app = typer.Typer(
    help="Operate an mlplatform: check stack files, review changes, and run the sandbox on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
instances_app = typer.Typer(help="Facts about EC2 instance types.", no_args_is_help=True)
images_app = typer.Typer(help="Node images that can be pinned.", no_args_is_help=True)
eks_app = typer.Typer(help="Versions that EKS offers.", no_args_is_help=True)
prices_app = typer.Typer(help="AWS prices from a dated price book.", no_args_is_help=True)
app.add_typer(post_cli.app, name="review")
app.add_typer(config_cli.app, name="config")
app.add_typer(instances_app, name="instances")
app.add_typer(images_app, name="images")
app.add_typer(eks_app, name="eks")
app.add_typer(prices_app, name="prices")
app.add_typer(sandbox_app, name="sandbox")
account_commands.add_to(app)

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

    with resumable():
        code = bring_up(project.root(), stack, Sandbox.find(folder, console()), console())
    raise typer.Exit(code)


app.command()(deploy)


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


@post_cli.app.callback(
    epilog=CODES.format(", an object does not match the Kubernetes API's schemas, or a mandatory policy is violated")
)
def review(
    context: typer.Context,
    stack: Stack = "local",
    plan: PlanFile = None,
    markdown: Markdown = None,
    html: Html = None,
    json: Json = None,
    sarif: Sarif = None,
    commit: Annotated[
        str, typer.Option(help="Reviewed commit. Default: from the CI variables of GitHub or GitLab.")
    ] = "",
    run_url: RunUrl = "",
    account: Account = False,
    folder: Folder = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Review again whenever a file of the project is saved, until Ctrl-C.")
    ] = False,
) -> None:
    """Review an update before it runs: its changes, the data it may destroy, and its costs."""
    if context.invoked_subcommand:
        return
    from mlpctl.review import command

    if watch:
        from mlpctl import rerun

        if plan:
            raise typer.BadParameter("--watch runs previews; it cannot be combined with --plan.")
        written = [path for path in (markdown, html, json, sarif) if path]
        raise typer.Exit(rerun.review(sys.argv[1:], stack, written, console()))
    if plan and (account or folder):
        raise typer.BadParameter("--plan is an existing plan; it cannot be combined with --account or --folder.")
    wanted = {"markdown": markdown, "html": html, "json": json, "sarif": sarif}
    with reviewed():
        command.check_writable(wanted, plan)
        # Rules are loaded before anything is started.
        local = None if plan else command.local_of(stack)
        report = command.review(_plan(stack, plan, account, folder), commit=commit, run_url=run_url, local=local)
        command.write(report, wanted, console())
    raise typer.Exit(report.outcome)


app.command(epilog=ACCOUNT_CODES)(audit)
app.command(epilog=AUDIT_CODES)(evidence)


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
    with reviewed():
        given = book.load(), command.today(), console()
        if names := list(dict.fromkeys(filter(None, (each.strip() for each in compare.split(","))))):
            plans = {name: _plan(name, None, account, folder) for name in names}
            outcome = costs.compare(plans, *given, as_json=as_json)
        else:
            outcome = costs.show(_plan(stack, plan, account, folder), *given, as_json=as_json)
    raise typer.Exit(outcome)


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
    with resumable():
        done = refresh.refresh(
            region,
            service,
            again=again,
            watch=lambda steps: track(steps, "Querying AWS", console=shown, transient=True),
        )
    for problem in done.problems:
        shown.print(problem, style="yellow", highlight=False, markup=False, soft_wrap=True)
    shown.print(refresh.summary(done, book.FOLDER), highlight=False, markup=False, soft_wrap=True)


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
        sys.stderr.write(f"{message(error)}\n")
        sys.exit(error.exit_code if isinstance(error, UserError) else FAILED)


def _plan(stack: str, file: Path | None, account: bool, folder: Path | None) -> "Plan":
    from mlpctl.review import command
    from mlpctl.review.reading import reader

    return reader.load(file) if file else command.plan_of(stack, account=account, folder=folder)
