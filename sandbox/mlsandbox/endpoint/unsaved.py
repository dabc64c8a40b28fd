"""What a killed process leaves unsaid: whether the last snapshot lacks something that a client was told of."""

import threading
from pathlib import Path


class Unsaved(threading.Event):
    """Set while something may have changed since the last snapshot.

    The file `mark` is there for as long, so that a later process knows of it where this one is killed.
    """

    def __init__(self, mark: Path) -> None:
        super().__init__()
        self._mark = mark

    def set(self) -> None:
        """Something may have changed."""
        if not self.is_set():
            self._mark.touch(mode=0o600)
        super().set()

    def saved(self) -> None:
        """A snapshot has everything that was there when the event was cleared."""
        if not self.is_set():
            self._mark.unlink(missing_ok=True)
