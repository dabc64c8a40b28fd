"""Files of the sandbox are either the old ones or the new ones, never half of them."""

import contextlib
import os
import tempfile
from pathlib import Path


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `text` to `path` so that a reader, or a crash, sees the whole old file or the whole new one.

    Parent folders are made. `mode` is the new file's permission bits.
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
    """Cut a log that is longer than `most` bytes down to its last quarter. Whoever writes it has to append."""
    with contextlib.suppress(FileNotFoundError), log.open("r+b") as file:
        if file.seek(0, os.SEEK_END) <= most:
            return
        file.seek(-most // 4, os.SEEK_END)
        last = file.read().partition(b"\n")[2]
        file.seek(0)
        file.truncate()
        file.write(last)


def tail(path: Path, lines: int = 20) -> str:
    """The last `lines` non-empty lines of a log, or an empty text when there is no such file."""
    try:
        with path.open("rb") as file:
            # 64 KiB hold far more than a screen of log lines; logs of a long day are too big to be read whole.
            file.seek(max(0, path.stat().st_size - 65536))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
