"""Waits for processes, and reads a line of their output."""

import time
from collections.abc import Callable, Iterator

import psutil

from mlsandbox.tools.languagehost.processes import Ended, Written

DEADLINE_SECONDS = 10


def within_deadline(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def line_of(output: Iterator[Written | Ended]) -> bytes:
    # One print may be two writes.
    line = b""
    while not line.endswith(b"\n"):
        piece = next(output)
        assert isinstance(piece, Written), piece
        line += piece.data
    return line


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
