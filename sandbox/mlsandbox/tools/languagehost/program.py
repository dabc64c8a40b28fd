"""How a Pulumi program is started, and what its exit code means to the engine."""

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
"""A program's exit code that says: the user has been told why."""


def arguments(request: language_pb2.RunRequest, engine: str, lifeline: int) -> list[str]:
    """What Python has to be given to run the program, whose engine's address is `engine`."""
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
    """The variables in which the SDK expects the stack's config: unlike arguments, other users don't see them."""
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


@contextlib.contextmanager
def lifeline() -> Iterator[int]:
    """A file descriptor that reaches its end once this process, however it ends, or the `with` block has."""
    end, held = os.pipe()
    try:
        yield end
    finally:
        os.close(end)
        os.close(held)


def response(code: int, *, cancelled: bool) -> language_pb2.RunResponse:
    """What the engine is told of a program that ended with `code`, negative for a signal's number."""
    if code == 0:
        return language_pb2.RunResponse()
    if cancelled or code == EXPLAINED_EXIT_CODE:
        return language_pb2.RunResponse(bail=True)
    if code < 0:
        return language_pb2.RunResponse(error=f"program was ended by {signal.Signals(-code).name}")
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")
