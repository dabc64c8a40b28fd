"""Starts, watches and stops one process of the control plane."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from mlsandbox.cluster.controlplane import bound
from mlsandbox.ground import files
from mlsandbox.ground.record import ProcessId

STOP_GRACE_S = 10.0
"""Seconds from SIGTERM to SIGKILL. The API server takes one or two with open watches."""


class Child:
    """A process in its own process group that ends with the thread that started it (see `bound`)."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self.id = ProcessId.of(process.pid)

    @classmethod
    def start(cls, name: str, command: Sequence[str], logs: Path) -> Self:
        """Run `command` with its output in `logs/<name>.log`. The log of the previous run is kept as `.previous`."""
        log = logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_name(f"{log.name}.previous"))
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", bound.__file__, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=logs,
                # Ctrl-C in the daemon's terminal must only reach the daemon.
                process_group=0,
            )
        return cls(name, process, log)

    def ended(self) -> str | None:
        """None while it runs; afterwards a sentence with its exit code or signal and the last line of its log."""
        code = self._process.poll()
        if code is None:
            return None
        if code < 0:
            return f"{self.name} was ended by {signal.Signals(-code).name} (log: {self.log})"
        last = files.tail(self.log, 1)
        return f"{self.name} ended with exit code {code}{': ' + last if last else ''} (log: {self.log})"

    def send_stop(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL to the process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait_stopped(self) -> None:
        """Wait until it has ended; kill it if it takes longer than `STOP_GRACE_S`."""
        try:
            self._process.wait(STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()


def stop(children: Iterable[Child]) -> None:
    """Stop all `children` at the same time and wait until they have ended."""
    together = list(children)
    for child in together:
        child.send_stop()
    for child in together:
        child.wait_stopped()
