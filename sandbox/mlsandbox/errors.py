"""The error type of this package, and hints in its messages."""

import difflib
from collections.abc import Iterable
from typing import Final

_PACKAGES: Final = ("mlsandbox", "awsfacts")
_EXTRA: Final = (
    "The sandbox needs {module}, which is not installed. Install its extra: pip install 'mlplatform[sandbox]'"
)


class SandboxError(Exception):
    """An error that the user of the sandbox can fix; the message is written for the user."""


def missing_extra(error: ModuleNotFoundError) -> SandboxError:
    """The error for a dependency that is not installed.

    Raises:
        ModuleNotFoundError: the missing module belongs to this distribution, so the installation is broken.
    """
    module = (error.name or "").partition(".")[0]
    if not module or module in _PACKAGES:
        raise error
    return SandboxError(_EXTRA.format(module=module))


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known word that a misspelled one most likely means; None if none is similar.

    Args:
        word: the unknown word.
        known: the known words.
        cutoff: required similarity, between 0 and 1 (`difflib.get_close_matches`).
    """
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)), None)


def suggestion(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """`; did you mean "…"?` if a known word is similar, with the arguments of `nearest`."""
    near = nearest(word, known, cutoff=cutoff)
    return f'; did you mean "{near}"?' if near else ""
