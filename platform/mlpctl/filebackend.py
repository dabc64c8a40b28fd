"""What a killed `pulumi` leaves in a file backend: its lock, and an incomplete attributes file next to the state.

Pulumi's lock does not expire: the lock of a killed process remains until someone removes it
(https://github.com/pulumi/pulumi/issues/9253). In other backends, only `pulumi` itself can see the locks.
"""

import getpass
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse

import psutil
from filelock import FileLock, Timeout

from mlpctl import files

CLOCK_TOLERANCE_S: Final = 5.0
"""How many seconds a process may seem to have started after its lock and still be the owner."""


@dataclass(frozen=True)
class Lock:
    """A process's lock on a stack."""

    user: str
    host: str
    pid: int
    since: datetime

    def __str__(self) -> str:
        since = self.since.astimezone().isoformat(" ", "seconds")
        return f"{self.user} on {self.host} (process {self.pid}) since {since}"

    @property
    def here(self) -> bool:
        """Whether its owner is, or was, a process on this machine."""
        return self.host == socket.gethostname()

    @property
    def stale(self) -> bool:
        """Whether its owner has certainly ended, which cannot be known for processes on other machines."""
        return self.here and not self._lives()

    def _lives(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            # The process id may have been reused.
            return process.create_time() <= self.since.timestamp() + CLOCK_TOLERANCE_S
        except psutil.NoSuchProcess:
            return False


def locks(backend: str, project: str, stack: str) -> list[Lock]:
    """The locks on a stack in a file backend (`file:///…`); empty for any other backend."""
    found = folder(backend)
    # workspace.LockDir in Pulumi's sdk/go/common/workspace; the backend has only one organization.
    paths = sorted((found / "locks" / "organization" / project / stack).glob("*.json")) if found else []
    return [lock for path in paths if (lock := _read(path))]


def mend(backend: str, project: str, stack: str) -> bool:
    """Remove incomplete attributes files of a stack's state. Returns whether there were any.

    The state is replaced atomically, but its attributes file (https://pkg.go.dev/gocloud.dev/blob/fileblob) is not. If
    that is incomplete, `pulumi` fails with "failed to load checkpoint: EOF". It works without the file.
    """
    found = folder(backend)
    broken = [
        path
        for path in ((found / "stacks" / project).glob(f"{stack}.json*.attrs") if found else ())
        if not _is_json(path)
    ]
    for path in broken:
        path.unlink(missing_ok=True)
    return bool(broken)


def folder(backend: str) -> Path | None:
    """The folder of a file backend; None for any other backend."""
    url = urlparse(backend)
    return Path(unquote(url.netloc + url.path)).expanduser() / ".pulumi" if url.scheme == "file" else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


@contextmanager
def alone(path: Path) -> Iterator[Lock | None]:
    """Acquire the lock file `path`. Yields None, or the running process that holds it."""
    owner = path.with_suffix(".json")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield _holder(owner)
        return
    with lock:
        content = {
            "username": getpass.getuser(),
            "hostname": socket.gethostname(),
            "pid": os.getpid(),
            "timestamp": datetime.now().astimezone().isoformat(),
        }
        files.replace(owner, json.dumps(content))
        try:
            yield None
        finally:
            owner.unlink(missing_ok=True)


def _holder(owner: Path) -> Lock:
    """The process in the file `owner`, which is written right after the lock is acquired."""
    for _ in range(20):
        if found := _read(owner):
            return found
        time.sleep(0.05)
    raise TimeoutError(f"{owner} does not contain the process that holds the lock next to it")


def _read(path: Path) -> Lock | None:
    """The lock in a file; None if the file was removed or is being written."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        # Go writes up to nine fractional digits, without trailing zeros.
        since = datetime.fromisoformat(content["timestamp"])
        return Lock(content["username"], content["hostname"], int(content["pid"]), since)
    except (OSError, ValueError, KeyError, TypeError):
        return None
