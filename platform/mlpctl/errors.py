"""Errors whose text is for the user."""

import errno
from collections.abc import Mapping
from typing import ClassVar, Final

FAILED: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
"""Exit code that shells use for a program interrupted by Ctrl-C."""


class UserError(Exception):
    """An error that the user can act on; the command prints the text and exits with `exit_code`."""

    exit_code: ClassVar[int] = FAILED


class InputError(UserError):
    """The input of the command is invalid: a stack file, a plan or an option."""

    exit_code: ClassVar[int] = BAD_INPUT


_REMEDIES: Final[Mapping[int, str]] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Free some space"),
    errno.EROFS: "Use a folder on a writable disk",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "Ask its owner for access, or use another folder"),
    **dict.fromkeys((errno.ENOTDIR, errno.EISDIR, errno.EEXIST), "Move the existing file or folder away"),
    errno.ENAMETOOLONG: "Use a shorter path",
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "Allow more open files (`ulimit -n 4096`)"),
    errno.ENOENT: "Create it, or correct the path",
    errno.ENOMEM: "Free some memory",
}


_PACKAGES: Final = ("mlpctl", "mlplatform", "mlsandbox", "awsfacts")


def of_the_installation(error: Exception) -> str:
    """A missing dependency with the extra that contains it; empty for any other error."""
    module = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if not module or module in _PACKAGES:
        return ""
    return f"mlpctl needs {module}, which is not installed. Install its extra: pip install 'mlplatform[ctl]'"


def of_the_system(error: Exception) -> str:
    """An error of the operating system with its remedy; empty for any other error."""
    if isinstance(error, UnicodeError):
        return (
            "A path or a value is not ASCII, which this shell's locale does not support. "
            "Set LC_ALL=C.UTF-8 and run the command again."
        )
    number = error.errno if isinstance(error, OSError) else None
    if number is None or number not in _REMEDIES or not isinstance(error, OSError):
        return ""
    what = f"{error.filename}: " if error.filename else ""
    reason = (error.strerror or errno.errorcode[number]).lower()
    return f"{what}{reason}. {_REMEDIES[number]}, and run the command again."


def is_missing(code: str) -> bool:
    """Whether an error code of AWS means that a resource does not exist, rather than that the query failed."""
    return code == "404" or any(part in code for part in ("NotFound", "NoSuch", "NonExistent", "DoesNotExist"))
