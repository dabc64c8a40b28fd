"""Find the Pulumi project of a command, and read its settings."""

from pathlib import Path

import yaml

from mlpctl.errors import UserError

PROJECT_FILE = "Pulumi.yaml"


class NoProjectError(UserError):
    """The current folder does not belong to a project; the text is for the user."""


def root() -> Path:
    """The nearest folder with a `Pulumi.yaml`, searched from the current folder upwards.

    Raises:
        NoProjectError: There is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise NoProjectError(f"There is no {PROJECT_FILE} in {here} or above it. Change to the project's folder.")


def name(root: Path) -> str:
    """The project's name in its `Pulumi.yaml`."""
    return str(yaml.safe_load((root / PROJECT_FILE).read_text(encoding="utf-8"))["name"])


def region(root: Path, stack: str) -> str | None:
    """The AWS region in a stack's config; None if the file or the region is missing."""
    folder = yaml.safe_load((root / PROJECT_FILE).read_text(encoding="utf-8")).get("stackConfigDir") or ""
    file = root / str(folder) / f"Pulumi.{stack.rsplit('/', 1)[-1]}.yaml"
    try:
        config = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("config") or {}
    except (OSError, AttributeError, yaml.YAMLError):
        return None
    found = config.get("aws:region")
    return found if isinstance(found, str) else None
