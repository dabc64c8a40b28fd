"""Atomic writes and bounded logs."""

import contextlib
import os
import tempfile
from pathlib import Path


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace `path` atomically: readers see the complete old or the complete new file, even after a crash.

    Creates missing parent folders. `mode` is the permission bits of the new file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def bound(log: Path, most: int) -> None:
    """Truncate a log of more than `most` bytes to its last `most / 4` bytes. Its writer must open it for appending."""
    with contextlib.suppress(FileNotFoundError), log.open("r+b") as file:
        if file.seek(0, os.SEEK_END) <= most:
            return
        file.seek(-most // 4, os.SEEK_END)
        last = file.read().partition(b"\n")[2]
        file.seek(0)
        file.truncate()
        file.write(last)


def tail(path: Path, lines: int = 20) -> str:
    """The last `lines` non-empty lines of a log; empty if the file does not exist."""
    try:
        with path.open("rb") as file:
            # 64 KiB are more than a screen of log lines. A whole log may be too large to read.
            file.seek(max(0, path.stat().st_size - 65536))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
