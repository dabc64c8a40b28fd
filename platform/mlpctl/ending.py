"""How commands of `mlpctl` end: exit codes, and the messages of errors."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from mlpctl.errors import INTERRUPTED, InputError, UserError, of_the_installation, of_the_system
from mlsandbox import SandboxError

NOT_RUN: Final = 3
"""Exit code of a review or estimate that could not be completed; the limits were not checked."""

BROKEN_PIPE: Final = 141
"""Exit code that shells use for a program whose output pipe was closed."""

DEFECT: Final = "This is a bug in mlpctl; set MLPCTL_DEBUG=1 to see the traceback."


@contextmanager
def reviewed() -> Iterator[None]:
    """Use another exit code for a review that could not be completed than for an exceeded limit."""
    try:
        with resumable():
            yield
    except BrokenPipeError:
        # The reader closed the pipe. Without this, Python reports a failed flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from None
    except Exception as error:
        if os.environ.get("MLPCTL_DEBUG") or isinstance(error, InputError):
            raise
        sys.stderr.write(f"{message(error)}\n")
        raise typer.Exit(NOT_RUN) from None


@contextmanager
def resumable() -> Iterator[None]:
    """On Ctrl-C, print that the command can be continued."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Run the same command again to continue.\n")
        raise typer.Exit(INTERRUPTED) from None


def message(error: Exception) -> str:
    """The message for the user: that of an expected error, or a bug report for any other."""
    from mlpctl.text import visible

    ours = isinstance(error, UserError | SandboxError)
    text = str(error) if ours else of_the_installation(error) or of_the_system(error)
    text = text or f"mlpctl failed: {type(error).__name__}: {error}. {DEFECT}"
    # The text may quote input, whose control characters must not reach the terminal.
    return "\n".join(visible(line.expandtabs()) for line in text.splitlines())
