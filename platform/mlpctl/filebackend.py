"""What a killed `pulumi` leaves in a file backend: its lock, and half of the file beside the state.

Pulumi's lock has no lease: one that a killed process left stays until somebody removes it
(https://github.com/pulumi/pulumi/issues/9253). Other backends keep theirs where only `pulumi` itself can see them.
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
"""How much younger than its lock a process may look and still be the owner."""


@dataclass(frozen=True)
class Lock:
    """One process's claim on a stack."""

    user: str
    host: str
    pid: int
    since: datetime

    def __str__(self) -> str:
        since = self.since.astimezone().isoformat(" ", "seconds")
        return f"{self.user} on {self.host} (process {self.pid}) since {since}"

    @property
    def here(self) -> bool:
        """Whether its owner is, or was, a process of this machine."""
        return self.host == socket.gethostname()

    @property
    def stale(self) -> bool:
        """Whether its owner is certainly dead. Of other machines' processes nothing is certain."""
        return self.here and not self._lives()

    def _lives(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            # The number may be that of a later process.
            return process.create_time() <= self.since.timestamp() + CLOCK_TOLERANCE_S
        except psutil.NoSuchProcess:
            return False


def locks(backend: str, project: str, stack: str) -> list[Lock]:
    """The locks on a stack in a file backend (`file:///…`); none are seen in any other."""
    found = folder(backend)
    # workspace.LockDir in Pulumi's sdk/go/common/workspace; the backend knows one organization only.
    paths = sorted((found / "locks" / "organization" / project / stack).glob("*.json")) if found else []
    return [lock for path in paths if (lock := _read(path))]


def mend(backend: str, project: str, stack: str) -> bool:
    """Remove attributes of a stack's state that were half written; whether there were any.

    The state itself is replaced in one step, its attributes (https://pkg.go.dev/gocloud.dev/blob/fileblob) are not:
    `pulumi` then fails with "failed to load checkpoint: EOF". It needs none.
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
    """Where a file backend keeps its stacks; None for any other backend."""
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
    """Hold the lock file `path`; yields None, or the process that holds it. A dead one holds nothing."""
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
    """Who wrote `owner`, which happens right after the lock is taken."""
    for _ in range(20):
        if found := _read(owner):
            return found
        time.sleep(0.05)
    raise TimeoutError(f"{owner} does not say who holds the lock beside it")


def _read(path: Path) -> Lock | None:
    """The lock in a file; None if it is gone by now, or is being written."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        # Go writes nanoseconds, and as few digits as do.
        since = datetime.fromisoformat(content["timestamp"])
        return Lock(content["username"], content["hostname"], int(content["pid"]), since)
    except (OSError, ValueError, KeyError, TypeError):
        return None
