"""The commands `mlpctl audit` and `mlpctl evidence`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from mlpctl.ending import reviewed
from mlpctl.options import Account, Folder, Html, Json, Markdown, RunUrl, Sarif, Stack
from mlpctl.out import console

CODES: Final = (
    "Exit codes: 0 no mandatory rule is violated; 1 a mandatory rule is violated, or a waiver has expired; "
    "2 invalid input; 3 the result is missing or covers only a part of the stack."
)

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
    stack: Stack = "local",
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
    """Judge what a stack has deployed by the rules of reviews. Nothing is changed."""
    from mlpctl.audit import command
    from mlpctl.review.command import check_writable, write

    _check(account, folder)
    wanted = {"markdown": markdown, "html": html, "json": json, "sarif": sarif}
    with reviewed():
        check_writable(wanted)
        report = command.audit(
            stack, account=account, folder=folder, really=live, commit=commit, run_url=run_url
        ).report
        write(report, wanted, console())
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
