"""Options that several groups of commands have."""

from typing import Annotated

import typer

Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack, e.g. local.")]
