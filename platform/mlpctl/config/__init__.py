"""What a stack file may say, and how it is read."""

from pathlib import Path

from mlpctl.config import profiles, program, stack_file
from mlpctl.config.platform import Platform
from mlpctl.config.problems import ConfigError, Problem, render
from mlpctl.config.stack_file import Loaded, find

__all__ = ["ConfigError", "Loaded", "Platform", "Problem", "find", "load", "read", "render"]


def load() -> Platform:
    """Return the config of the stack that is running, for the program.

    Raises:
        pulumi.RunError: the config is not right, with all its problems.
    """
    return program.load(Platform, profiles.PROFILES).platform


def read(path: Path) -> Loaded[Platform]:
    """Read a stack file, for commands.

    Raises:
        ConfigError: the file is missing or not right, with all its problems.
    """
    return stack_file.read(path, Platform, profiles.PROFILES)
