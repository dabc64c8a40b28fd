"""What `mlpctl review` does: has a plan made, reviews it, and writes what came of it."""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from mlpctl import project
from mlpctl.errors import InputError
from mlpctl.keys import PLATFORM
from mlpctl.review import as_json, assemble, html, markdown, origin, terminal
from mlpctl.review.cost import book
from mlpctl.review.plan import Plan
from mlpctl.review.report import Report

WRITERS: Final[Mapping[str, Callable[[Report], str]]] = {
    "markdown": markdown.markdown,
    "html": html.html,
    "json": as_json.to_json,
}

STDOUT: Final = Path("-")


class OutputError(InputError):
    """A report cannot be written where it was asked for; the text is for the user."""


def today() -> date:
    """The day by which prices are stale."""
    return datetime.now(UTC).date()


def review(plan: Plan, *, commit: str = "", run_url: str = "") -> Report:
    """Review a plan by the price book of this installation.

    Args:
        plan: The plan.
        commit: The commit that it was made of; by default what the variables of the CI service say.
        run_url: Address of the run that made it; by default that of the CI service.

    Raises:
        SettingsError: the plan's config says something of its cost that cannot be read.
    """
    found = origin.origin(os.environ, datetime.now(UTC), commit=commit, run_url=run_url)
    return assemble.review(plan, book.load(), today()).model_copy(update={"origin": found})


def check_writable(wanted: Mapping[str, Path | None], plan: Path | None = None) -> None:
    """Find out before a long preview whether there is a place for each format.

    Args:
        wanted: The file of each format.
        plan: The file that the plan is read from, which no format may be written to.

    Raises:
        OutputError: there is none.
    """
    paths = [path for path in wanted.values() if path is not None]
    for path in dict.fromkeys(paths):
        if paths.count(path) > 1:
            place = "standard output" if path == STDOUT else path
            raise OutputError(f"Only one format can be written to {place}.")
        if path != STDOUT and not path.parent.is_dir():
            raise OutputError(f"{path} cannot be written: there is no folder {path.parent}.")
        if plan is not None and plan != STDOUT and path.exists() and plan.exists() and path.samefile(plan):
            raise OutputError(f"{path} cannot be written: it is the plan.")
        if path.is_dir():
            raise OutputError(f"{path} cannot be written: it is a folder.")


def write(report: Report, wanted: Mapping[str, Path | None], console: Console) -> None:
    """Write a report in the formats that are wanted, and a page of it on the terminal unless its output is taken.

    Raises:
        OutputError: a file cannot be written.
    """
    for name, path in wanted.items():
        if path is None:
            continue
        text = WRITERS[name](report)
        if path == STDOUT:
            # A report is UTF-8 wherever it is written, whatever the terminal has.
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()
            continue
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from None
    if STDOUT not in wanted.values():
        console.print(terminal.page(report))


def plan_of(stack: str, *, account: bool, folder: Path | None) -> Plan:
    """The plan of a stack of this folder's project; nothing of the stack is changed.

    Args:
        stack: Its name.
        account: Whether it is that of the backend and the account of this shell, or else one in the sandbox.
        folder: Where the sandbox is; None for beside the project.

    Raises:
        config.ConfigError: its file is not right.
        StackError: the preview failed.
        SandboxError: the sandbox does not start.
    """
    # These take the components and Pulumi with them, which a plan that is there already needs none of.
    from mlpctl.review.preview import preview
    from mlpctl.stack import SandboxStack, Stack

    root = project.root()
    _check(root, stack)
    previewing = Console(stderr=True).status(f"Previewing {stack}")
    if account:
        with previewing:
            return preview(Stack(root, stack), sandbox=False)

    # An account is previewed without the extra `sandbox`.
    from mlsandbox import Sandbox

    sandbox = Sandbox.find(folder)
    sandbox.start(cluster=False)
    ours = SandboxStack(root, stack, sandbox)
    ours.pulumi("stack", "select", "--create", stack)
    # What lives in the cluster is asked for there.
    if ours.reaches_clusters():
        sandbox.start()
    with previewing:
        return preview(ours, sandbox=True)


def _check(root: Path, stack: str) -> None:
    """Check the stack's file before anything is started, if it describes a platform: other programs have others."""
    from mlpctl import config

    file = config.find(root, stack)
    if file.is_file() and PLATFORM.encode() in file.read_bytes():
        config.read(file)
