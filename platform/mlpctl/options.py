"""Options that several commands of `mlpctl` have."""

from pathlib import Path
from typing import Annotated

import typer

Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack, e.g. local.")]
Folder = Annotated[
    Path | None, typer.Option("--folder", help="Folder of the sandbox. Default: .sandbox next to Pulumi.yaml.")
]
Account = Annotated[
    bool, typer.Option("--account", help="Use the backend and AWS account of this shell instead of the sandbox.")
]
