"""Options that several groups of commands have."""

from pathlib import Path
from typing import Annotated

import typer

Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack, e.g. local.")]

Since = Annotated[str, typer.Option(help="Commit, branch or tag to compare with, e.g. HEAD^1 or origin/main.")]

Also = Annotated[
    list[Path] | None, typer.Option(help="Another file or folder that the program reads; can be repeated.")
]
