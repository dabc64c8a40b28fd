"""Consoles for the output of commands, on a terminal, to a program or to a file."""

import os
from typing import Final

from rich.console import Console

_UNBOUNDED: Final = 10_000


def console(*, stderr: bool = False) -> Console:
    """A console with the width of the terminal, or of `COLUMNS`.

    Output to a program or a file is not wrapped, so that ids stay complete.
    """
    made = Console(stderr=stderr)
    return made if made.is_terminal or os.environ.get("COLUMNS") else Console(stderr=stderr, width=_UNBOUNDED)
