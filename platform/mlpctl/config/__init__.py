"""The schema of stack files, and functions that read them."""

from pathlib import Path

from mlpctl.config import profiles, program, stack_file
from mlpctl.config.platform import Platform
from mlpctl.config.problems import ConfigError, Problem, render
from mlpctl.config.stack_file import Loaded, find

__all__ = ["ConfigError", "Loaded", "Platform", "Problem", "find", "load", "read", "render"]


def load() -> Platform:
    """The config of the running stack; for the Pulumi program.

    Raises:
        pulumi.RunError: the config is invalid; the message lists all problems.
    """
    return program.load(Platform, profiles.PROFILES).platform


def read(path: Path) -> Loaded[Platform]:
    """Read a stack file; for commands.

    Raises:
        ConfigError: the file is missing or invalid; the error contains all problems.
    """
    return stack_file.read(path, Platform, profiles.PROFILES)
