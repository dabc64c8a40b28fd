"""The commands `mlpctl audit` and `mlpctl evidence`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from mlpctl.ending import reviewed
from mlpctl.options import Account, Folder, Html, Json, Markdown, RunUrl, Sarif, Stack
from mlpctl.out import console

CODES: Final = (
    "Exit codes: 0 no mandatory rule is violated; 1 a mandatory rule is violated, or a waiver has expired; "
    "2 invalid input; 3 the result is missing or covers only a part of the stack."
)
ACCOUNT_CODES: Final = f"{CODES} For an account, the code is the highest of its stacks; 3 if one cannot be audited."

AuditedStack = Annotated[
    str | None,
    typer.Option("--stack", "-s", help="Name of the stack. Default: local; with --account, all stacks of the project."),
]

Live = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Read AWS and the cluster: judge what is really there, and report drift and resources that the state "
        "does not contain. Otherwise the state is judged.",
    ),
]
Commit = Annotated[
    str, typer.Option(help="Audited commit. Default: from the CI variables, or that of a checkout without changes.")
]


def audit(
    stack: AuditedStack = None,
    live: Live = False,
    markdown: Markdown = None,
    html: Html = None,
    json: Json = None,
    sarif: Sarif = None,
    commit: Commit = "",
    run_url: RunUrl = "",
    account: Account = False,
    folder: Folder = None,
) -> None:
    """Judge what a stack has deployed by the rules of reviews. Nothing is changed.

    With --account and without --stack, all stacks of the project in the account are judged as with --live, and
    resources with a tag of the project that belong to none of them are listed.
    """
    from mlpctl.audit import command
    from mlpctl.review.command import check_writable, write

    _check(account, folder)
    wanted = {"markdown": markdown, "html": html, "json": json, "sarif": sarif}
    if account and stack is None:
        if markdown or html:
            raise typer.BadParameter("--markdown and --html show one stack; allowed without --stack: --json, --sarif.")
        _audit_account(wanted, commit, run_url)
    with reviewed():
        check_writable(wanted)
        report = command.audit(
            stack or "local", account=account, folder=folder, really=live, commit=commit, run_url=run_url
        ).report
        write(report, wanted, console())
    raise typer.Exit(report.outcome)


def _audit_account(wanted: Mapping[str, Path | None], commit: str, run_url: str) -> NoReturn:
    from mlpctl.audit import account_page, command
    from mlpctl.audit.account_model import AccountReport
    from mlpctl.review.command import STDOUT, check_writable, put

    writers = {"json": AccountReport.to_json, "sarif": account_page.to_sarif}
    with reviewed():
        check_writable(wanted)
        report = command.audit_account(commit=commit, run_url=run_url)
        put({path: writers[name](report) for name, path in wanted.items() if path})
        if STDOUT not in wanted.values():
            console().print(account_page.page(report))
    raise typer.Exit(report.outcome)


def evidence(
    out: Annotated[Path, typer.Option("--out", help="Folder for evidence.json and evidence.html; it is created.")],
    stack: Stack = "local",
    live: Live = False,
    commit: Commit = "",
    run_url: RunUrl = "",
    account: Account = False,
    folder: Folder = None,
) -> None:
    """Write the evidence for auditors: the result of each rule for each resource, and the controls that rules serve."""
    from mlpctl.audit import command
    from mlpctl.audit import evidence as bundles

    _check(account, folder)
    with reviewed():
        bundles.check(out)
        found = command.audit(stack, account=account, folder=folder, really=live, commit=commit, run_url=run_url)
        bundle = bundles.of(found)
        files = bundles.write(bundle, out)
        for line in (bundle.verdict, *(f"Wrote {file}." for file in files)):
            console().print(line, highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(found.report.outcome)


def _check(account: bool, folder: Path | None) -> None:
    if account and folder:
        raise typer.BadParameter("--folder is the folder of the sandbox; it cannot be combined with --account.")
