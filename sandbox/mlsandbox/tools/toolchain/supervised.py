"""Runs a command that ends when its caller ends, however the caller ends.

The command runs under a small supervisor, whose standard input is a pipe from the caller. When the caller ends, even by
SIGKILL, the system closes the pipe, and the supervisor ends the command's process group.
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
"""A callback for one line of output."""

GRACE_SECONDS = 5
"""Seconds from SIGINT, on which Go removes its temporary files, to SIGKILL."""


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    line: Line,
    limit_seconds: float | None = None,
) -> int:
    """Run a command to its end and return its exit code.

    `line` is called with each line of its output, with both streams merged. After `limit_seconds` the command is
    stopped, and the code is not 0. An exception, including Ctrl-C, ends the command and its children first.
    """
    # Isolated and without site-packages: the supervisor needs only the standard library and starts in 20 ms.
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
    # A handler and not SIG_IGN, because the command would inherit SIG_IGN.
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
