"""The command and the environment of a Pulumi program, and the response for its exit code."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pulumi.runtime.proto import language_pb2

EXECUTOR: Final = Path(__file__).parent / "executor"

EXPLAINED_EXIT_CODE: Final = 32
"""Exit code of a program whose error message was already shown to the user."""


def arguments(request: language_pb2.RunRequest, engine: str, lifeline: int) -> list[str]:
    """Python's command-line arguments to run the program. `engine` is the address of the engine."""
    settings = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "stack": request.stack,
        "organization": request.organization,
        "parallel": request.parallel,
        "dry_run": request.dryRun,
        "root_directory": request.info.root_directory,
    }
    return [str(EXECUTOR), json.dumps(settings), str(lifeline), request.info.entry_point, *request.args]


def environment(request: language_pb2.RunRequest) -> dict[str, str]:
    """The variables from which the SDK reads the stack's config. Unlike arguments, other users cannot see them."""
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


@contextlib.contextmanager
def lifeline() -> Iterator[int]:
    """A file descriptor that reaches end-of-file when the `with` block or this process ends, however it ends."""
    end, held = os.pipe()
    try:
        yield end
    finally:
        os.close(end)
        os.close(held)


def response(code: int, *, cancelled: bool) -> language_pb2.RunResponse:
    """The response for a program that ended with the exit code or negative signal number `code`."""
    if code == 0:
        return language_pb2.RunResponse()
    if cancelled or code == EXPLAINED_EXIT_CODE:
        return language_pb2.RunResponse(bail=True)
    if code < 0:
        return language_pb2.RunResponse(error=f"program was ended by {signal.Signals(-code).name}")
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")
