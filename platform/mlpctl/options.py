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

Markdown = Annotated[
    Path | None, typer.Option(help="Write the report in Markdown to this file; - for standard output.")
]
Html = Annotated[
    Path | None, typer.Option(help="Write the report as an HTML page to this file; - for standard output.")
]
Json = Annotated[Path | None, typer.Option(help="Write the report as JSON to this file; - for standard output.")]
Sarif = Annotated[
    Path | None,
    typer.Option(help="Write violations of rules as SARIF to this file, for code scanning; - for standard output."),
]
RunUrl = Annotated[str, typer.Option(help="URL of the CI run. Default: from the CI variables of GitHub or GitLab.")]
