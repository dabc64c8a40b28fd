"""A persistent flag for changes that are not in the last snapshot, for the case that the process is killed."""

import threading
from pathlib import Path


class Unsaved(threading.Event):
    """Set while something may have changed since the last snapshot.

    While it is set, the file `mark` exists, so that a later process can detect that this one was killed.
    """

    def __init__(self, mark: Path) -> None:
        super().__init__()
        self._mark = mark

    def set(self) -> None:
        """Record that something may have changed."""
        if not self.is_set():
            self._mark.touch(mode=0o600)
        super().set()

    def saved(self) -> None:
        """Record that a snapshot contains everything up to the last `clear`."""
        if not self.is_set():
            self._mark.unlink(missing_ok=True)
