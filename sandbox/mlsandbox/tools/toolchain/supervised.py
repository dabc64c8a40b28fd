"""Runs a command that ends when the process that wants its result ends, however that ends.

The command runs under a small supervisor with a pipe from the caller as its standard input. When the caller ends, by
SIGKILL too, the system closes the pipe and the supervisor ends the command's whole process group.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Line = Callable[[str], None]
"""Takes one line of output."""

GRACE_SECONDS = 5
"""From SIGINT, on which Go removes its temporary files, to SIGKILL."""


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    line: Line,
    limit_seconds: float | None = None,
) -> int:
    """Run a command to its end and give its exit code.

    Each line of its output, both streams merged, goes to `line`. After `limit_seconds` it is ended and the code is
    not 0. Leaving by an exception (Ctrl-C among them) ends the command and all its children first.
    """
    # Isolated and without site-packages: the supervisor needs nothing but the standard library and starts in 20 ms.
    supervisor = [sys.executable, "-I", "-S", __file__]
    process = subprocess.Popen(
        [*supervisor, *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    timer = threading.Timer(limit_seconds, process.stdin.close) if limit_seconds is not None else None
    try:
        if timer is not None:
            timer.start()
        for text in process.stdout:
            line(text.rstrip("\n"))
        return process.wait()
    finally:
        if timer is not None:
            timer.cancel()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def _supervise(command: Sequence[str]) -> int:
    # A handler, not SIG_IGN, which the command would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_caller, daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end_with_caller() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.killpg(0, signal.SIGINT)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(_supervise(sys.argv[1:]))
