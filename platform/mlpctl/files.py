"""Replace files atomically."""

import os
import tempfile
from pathlib import Path


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `text` to `path`. A reader sees either the old or the new content, even after a crash.

    Args:
        path: The file. Its folder must exist.
        text: The content, written as UTF-8.
        mode: Permission bits of the new file.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
