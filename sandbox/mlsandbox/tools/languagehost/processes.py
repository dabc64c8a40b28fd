"""Child processes, each in its own process group, so that no grandchild outlives them."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

GRACE_SECONDS: Final = 2.0
"""Seconds from SIGTERM to SIGKILL. Less than the 5 s after which the engine kills the language host itself."""

_POLL_SECONDS: Final = 0.2
_CHUNK_BYTES: Final = 64 * 1024


class Written(NamedTuple):
    """A piece of a child's output."""

    stream: Literal["stdout", "stderr"]
    data: bytes


class Ended(NamedTuple):
    """A child's exit code, or the negative number of the signal that ended it."""

    code: int


Output = Written | Ended
"""An event of a running child."""


class ProcessGroup:
    """A child process and all processes that it starts."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        piped: bool = False,
        inherited: Sequence[int] = (),
    ) -> None:
        """Start `command` in `folder`. If `piped`, `output()` returns its output; otherwise it inherits ours.

        `inherited` are file descriptors that the child inherits with the same numbers.
        Raises `OSError` if the command cannot be started.
        """
        self.stopped = False
        """Whether the child was stopped before it ended."""
        self._swept = False
        self._lock = threading.Lock()
        stream = subprocess.PIPE if piped else None
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            process_group=0,
            pass_fds=inherited,
        )

    def wait(self) -> int:
        """Wait for the child, kill the processes that it left, and return its exit code or negative signal number."""
        code = self._process.wait()
        self._sweep()
        return code

    def stop(self) -> None:
        """Send SIGTERM to the group, and SIGKILL after `GRACE_SECONDS`."""
        if self._process.poll() is None:
            self.stopped = True
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        self.wait()

    def output(self) -> Iterator[Output]:
        """Yield the child's output as it is written, and at last its exit code."""
        stdout, stderr = self._process.stdout, self._process.stderr
        if stdout is None or stderr is None:
            raise ValueError("the child's output is not piped")
        with selectors.DefaultSelector() as selector, stdout, stderr:
            selector.register(stdout, selectors.EVENT_READ, "stdout")
            selector.register(stderr, selectors.EVENT_READ, "stderr")
            while selector.get_map():
                for key, _ in selector.select(_POLL_SECONDS):
                    if chunk := os.read(key.fd, _CHUNK_BYTES):
                        yield Written(key.data, chunk)
                    else:
                        selector.unregister(key.fileobj)
                if self._process.poll() is not None:
                    self._sweep()
        yield Ended(self.wait())

    def _sweep(self) -> None:
        """Kill the processes that the child left: they keep its output open, which the engine waits for."""
        with self._lock:
            # Only once and immediately: after the child's end the system may reuse the ID of its process group.
            if not self._swept:
                self._signal(signal.SIGKILL)
                self._swept = True

    def _signal(self, number: signal.Signals) -> None:
        # macOS raises PermissionError if only zombies are left in the group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class ProcessGroups:
    """The running process groups, so that all can be stopped at once."""

    def __init__(self) -> None:
        self._alive: set[ProcessGroup] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def running(self, group: ProcessGroup) -> Iterator[ProcessGroup]:
        """Register `group` during the `with` block, and stop it at the end of the block."""
        with self._lock:
            self._alive.add(group)
        try:
            yield group
        finally:
            with self._lock:
                self._alive.discard(group)
            group.stop()

    def stop(self) -> None:
        """Stop all running groups in parallel."""
        with self._lock:
            groups = list(self._alive)
        stoppers = [threading.Thread(target=group.stop) for group in groups]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            stopper.join()
