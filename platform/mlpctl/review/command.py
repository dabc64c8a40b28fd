"""Implements `mlpctl review`: gets a plan, reviews it and writes the reports."""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from mlpctl import project
from mlpctl.errors import InputError
from mlpctl.keys import PLATFORM
from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.plan import stack_config
from mlpctl.review.plan.model import Plan
from mlpctl.review.report.model import Report
from mlpctl.review.writers import html, markdown, origin, sarif, terminal

if TYPE_CHECKING:
    from mlpctl.policies.local import Local

WRITERS: Final[Mapping[str, Callable[[Report], str]]] = {
    "markdown": markdown.markdown,
    "html": html.html,
    "json": Report.to_json,
    "sarif": sarif.to_sarif,
}

STDOUT: Final = Path("-")


class OutputError(InputError):
    """A report cannot be written to the requested path; the message is for the user."""


def today() -> date:
    """The day on which the age of prices is measured."""
    return datetime.now(UTC).date()


def review(plan: Plan, *, commit: str = "", run_url: str = "", local: "Local | None" = None) -> Report:
    """Review a plan with the price book of this installation.

    Args:
        plan: The plan.
        local: The stack file of the plan's stack, with own rules; by default one of this name in the current project,
            without own rules.
        commit: The reviewed commit; by default from the variables of the CI service.
        run_url: URL of the run that created the plan; by default from the variables of the CI service.

    Raises:
        SettingsError: the cost settings in the plan's config are invalid.
    """
    found = origin.origin(os.environ, datetime.now(UTC), commit=commit, run_url=run_url)
    if local is None and stack_config.is_there(plan):
        from mlpctl.policies.local import of_plan

        local = of_plan(plan.project, plan.stack)
    return assemble.review(plan, book.load(), today(), local).model_copy(update={"origin": found})


def local_of(stack: str) -> "Local":
    """The file of a stack of the project in the current folder, with the rules of its packs.

    Raises:
        config.ConfigError: the stack file is invalid.
        PackError: a pack cannot be loaded.
    """
    from mlpctl.policies.local import of_stack

    return of_stack(project.root(), stack)


def check_writable(wanted: Mapping[str, Path | None], plan: Path | None = None) -> None:
    """Check before a long preview that each format can be written.

    Args:
        wanted: The file of each format.
        plan: The file that contains the plan, which must not be overwritten.

    Raises:
        OutputError: a format cannot be written to its file.
    """
    paths = [path for path in wanted.values() if path is not None]
    for path in dict.fromkeys(paths):
        if paths.count(path) > 1:
            place = "standard output" if path == STDOUT else path
            raise OutputError(f"Only one format can be written to {place}.")
        if path != STDOUT and not path.parent.is_dir():
            raise OutputError(f"{path} cannot be written: the folder {path.parent} does not exist.")
        if plan is not None and plan != STDOUT and path.exists() and plan.exists() and path.samefile(plan):
            raise OutputError(f"{path} cannot be written: it is the file of the plan.")
        if path.is_dir():
            raise OutputError(f"{path} cannot be written: it is a folder.")


def write(report: Report, wanted: Mapping[str, Path | None], console: Console) -> None:
    """Write a report in the requested formats, and to the terminal unless standard output is used for a format.

    Raises:
        OutputError: a file cannot be written.
    """
    put({path: WRITERS[name](report) for name, path in wanted.items() if path is not None})
    if STDOUT not in wanted.values():
        console.print(terminal.page(report))


def put(texts: Mapping[Path, str]) -> None:
    """Write reports to their files.

    Raises:
        OutputError: a file cannot be written.
    """
    for path, text in texts.items():
        if path == STDOUT:
            # A report is always UTF-8, regardless of the terminal's encoding.
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()
            continue
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from None


def plan_of(stack: str, *, account: bool, folder: Path | None) -> Plan:
    """Preview a stack of the project in the current folder; the stack is not changed.

    Args:
        stack: Name of the stack.
        account: Whether to use the backend and the account of this shell; otherwise the sandbox.
        folder: Folder of the sandbox; None for the default next to the project.

    Raises:
        config.ConfigError: the stack file is invalid.
        StackError: the preview failed.
        SandboxError: the sandbox does not start.
    """
    # These import the components and Pulumi, which are not needed for an existing plan.
    from mlpctl.review.reading.preview import preview
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
    # The preview reads the objects in the cluster.
    if ours.reaches_clusters():
        sandbox.start()
    with previewing:
        return preview(ours, sandbox=True)


def _check(root: Path, stack: str) -> None:
    """Validate the stack file before anything is started, if it configures a platform: other programs have others."""
    from mlpctl import config

    file = config.find(root, stack)
    if file.is_file() and PLATFORM.encode() in file.read_bytes():
        config.read(file)
