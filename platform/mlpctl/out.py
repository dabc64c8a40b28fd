"""Where commands print: to a person at a terminal, or to a program or a file."""

import os
from typing import Final

from rich.console import Console

_UNBOUNDED: Final = 10_000


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or as `COLUMNS` says.

    For a program or a file, lines are as long as they come: an id that is folded or cut can't be used.
    """
    made = Console(stderr=stderr)
    return made if made.is_terminal or os.environ.get("COLUMNS") else Console(stderr=stderr, width=_UNBOUNDED)
