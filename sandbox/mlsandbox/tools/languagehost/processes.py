"""Child processes that leave nothing behind: each leads a process group that ends as a whole."""

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
"""How long a child may take to end before it is killed. Less than the 5 s that the engine gives the host itself."""

_POLL_SECONDS: Final = 0.2
_CHUNK_BYTES: Final = 64 * 1024


class Written(NamedTuple):
    """A piece of what a child wrote."""

    stream: Literal["stdout", "stderr"]
    data: bytes


class Ended(NamedTuple):
    """A child's exit code: negative for a signal's number."""

    code: int


Output = Written | Ended
"""What becomes known of a running child."""


class ProcessGroup:
    """A child process and everything that it starts."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        piped: bool = False,
        inherited: Sequence[int] = (),
    ) -> None:
        """Start `command` in `folder`, its output `piped` to `output()` or going where ours goes.

        `inherited` are file descriptors of ours that the child gets under the same numbers.
        Raises `OSError` where the command can't be started.
        """
        self.stopped = False
        """Whether the child was asked to end before it had."""
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
        """Wait for the child, end what it left running, and return its exit code: negative for a signal's number."""
        code = self._process.wait()
        self._sweep()
        return code

    def stop(self) -> None:
        """Ask the group to end, and kill what has not ended after `GRACE_SECONDS`."""
        if self._process.poll() is None:
            self.stopped = True
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        self.wait()

    def output(self) -> Iterator[Output]:
        """What the child writes, as it writes it, and then how it ended."""
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
        """End what the child left running: it holds the child's output open, and the engine waits for its end."""
        with self._lock:
            # Once only, and at once: after the child's end the system may give its number to another group.
            if not self._swept:
                self._signal(signal.SIGKILL)
                self._swept = True

    def _signal(self, number: signal.Signals) -> None:
        # PermissionError is how macOS answers for a group of which only zombies are left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class ProcessGroups:
    """The process groups that are alive, so that all can be stopped at once."""

    def __init__(self) -> None:
        self._alive: set[ProcessGroup] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def running(self, group: ProcessGroup) -> Iterator[ProcessGroup]:
        """Count `group` as alive inside the `with` block, and end it with the block."""
        with self._lock:
            self._alive.add(group)
        try:
            yield group
        finally:
            with self._lock:
                self._alive.discard(group)
            group.stop()

    def stop(self) -> None:
        """Stop all groups that are alive, side by side."""
        with self._lock:
            groups = list(self._alive)
        stoppers = [threading.Thread(target=group.stop) for group in groups]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            stopper.join()
