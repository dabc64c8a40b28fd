"""Find the Pulumi project of a command, and read its settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from mlpctl.errors import UserError
from mlpctl.text import visible

PROJECT_FILE: Final = "Pulumi.yaml"

LIBRARIES: Final = ("components", "facts", "platform")
"""Folders of the project with the library and the commands, in addition to that of the program."""


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
    return str(settings(root)["name"])


def settings(root: Path) -> Any:
    """What its `Pulumi.yaml` contains, a mapping if it is valid.

    Raises:
        OSError: it cannot be read.
        YAMLError: it is no YAML.
    """
    return yaml.safe_load((root / PROJECT_FILE).read_bytes())


def program(root: Path, settings: Mapping[str, Any]) -> Path:
    """The folder of the program, from the settings in a `Pulumi.yaml`."""
    return root / str(settings.get("main") or "")


def configs(root: Path, settings: Mapping[str, Any]) -> Path:
    """The folder of the stack files, from the settings in a `Pulumi.yaml`."""
    return root / str(settings.get("stackConfigDir") or "")


def stack_file(root: Path, settings: Mapping[str, Any], stack: str) -> Path:
    """The stack file of a stack, whether it exists or not, from the settings in a `Pulumi.yaml`."""
    return configs(root, settings) / f"Pulumi.{own_name(stack)}.yaml"


def own_name(stack: str) -> str:
    """The name of a stack without those of its organization and its project: `dev` of `acme/shop/dev`."""
    return stack.rsplit("/", 1)[-1]


def shown(path: Path, root: Path) -> str:
    """A path for a message, relative to the project if it is in it."""
    return visible((path.relative_to(root) if path.is_relative_to(root) else path).as_posix())


def region(root: Path, stack: str) -> str | None:
    """The AWS region in a stack's config; None if the file or the region is missing."""
    file = stack_file(root, settings(root), stack)
    try:
        given = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("config") or {}
    except (OSError, AttributeError, yaml.YAMLError):
        return None
    found = given.get("aws:region")
    return found if isinstance(found, str) else None
