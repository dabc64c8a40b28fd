"""Lets requests run side by side, and a snapshot alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Many at once, or one alone. Whoever wants to be alone waits for those inside and holds new ones back."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._inside = 0
        self._closed = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Work beside others. Not to be entered twice by one thread: it would wait for itself when another wants in."""
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
        """Work alone."""
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
        """Leave for a while what `shared` entered, and come back: for a wait that changes nothing."""
        with self._condition:
            self._inside -= 1
            self._condition.notify_all()
        try:
            yield
        finally:
            with self._condition:
                self._condition.wait_for(lambda: not self._closed)
                self._inside += 1
