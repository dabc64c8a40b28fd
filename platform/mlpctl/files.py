"""Files that are either the old ones or the new ones, never half of them."""

import os
import tempfile
from pathlib import Path


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `text` to `path` so that a reader, or a crash, sees the whole old file or the whole new one.

    Args:
        path: The file; its folder exists.
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
