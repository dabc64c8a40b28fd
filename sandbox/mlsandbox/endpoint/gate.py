"""A readers-writer lock: requests run concurrently, a snapshot runs alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """A lock with many shared holders or one exclusive holder. While an exclusive one waits, new ones are blocked."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._inside = 0
        self._closed = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock together with others. Not reentrant: while an exclusive holder waits, it would deadlock."""
        with self._condition:
            self._condition.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock alone."""
        with self._condition:
            self._condition.wait_for(lambda: not self._closed)
            self._closed = True
            self._condition.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._condition:
                self._closed = False
                self._condition.notify_all()

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Release a shared lock temporarily, for a wait that changes nothing."""
        with self._condition:
            self._inside -= 1
            self._condition.notify_all()
        try:
            yield
        finally:
            with self._condition:
                self._condition.wait_for(lambda: not self._closed)
                self._inside += 1
