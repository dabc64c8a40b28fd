"""Which Python runs a program, and in which environment."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

TOOLCHAINS: Final = ("pip", "uv")
"""Values of the runtime option `toolchain` that need no tool but a virtual environment's Python."""

TYPECHECKERS: Final = ("none", "mypy", "pyright")
"""Values of the runtime option `typechecker`: https://www.pulumi.com/docs/iac/languages-sdks/python/."""

PYTHON_VARIABLE: Final = "PULUMI_PYTHON_CMD"


class RuntimeOptionError(ValueError):
    """A runtime option of a `Pulumi.yaml`, `PulumiPlugin.yaml` or `PulumiPolicy.yaml` that can't be followed."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that programs run on."""

    executable: Path
    """Absolute path of the Python."""

    virtualenv: Path | None
    """The virtual environment that the Python belongs to."""

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs this Python with `arguments`."""
        return [str(self.executable), *arguments]

    def activate(self, environment: Mapping[str, str]) -> dict[str, str]:
        """`environment` as the virtual environment's `activate` script would leave it."""
        activated = dict(environment)
        if self.virtualenv is not None:
            scripts = str(self.virtualenv / "bin")
            activated["PATH"] = os.pathsep.join([scripts, environment["PATH"]]) if "PATH" in environment else scripts
            activated["VIRTUAL_ENV"] = str(self.virtualenv)
            activated.pop("PYTHONHOME", None)
        return activated


@dataclass(frozen=True)
class RuntimeOptions:
    """The options below `runtime` in a `Pulumi.yaml`, `PulumiPlugin.yaml` or `PulumiPolicy.yaml`."""

    virtualenv: Path | None = None
    """The virtual environment that is asked for; need not exist yet."""

    toolchain: str = "pip"
    """What installs dependencies into the virtual environment."""

    typechecker: str | None = None
    """Module that checks the program before each run."""

    @classmethod
    def parse(cls, options: Mapping[str, object], root: Path) -> Self:
        """Read `options` of the program, plugin or policy pack in `root`.

        Raises `RuntimeOptionError` for a value that the language host does not know.
        """
        toolchain = _choice(options, "toolchain", TOOLCHAINS)
        typechecker = _choice(options, "typechecker", TYPECHECKERS)
        virtualenv = options.get("virtualenv")
        if virtualenv is None and toolchain == "uv":
            virtualenv = ".venv"
        if virtualenv is not None and not isinstance(virtualenv, str):
            raise RuntimeOptionError(f"runtime option virtualenv is {virtualenv!r}; it has to be a path")
        return cls(
            virtualenv=Path(os.path.normpath(root / virtualenv)) if virtualenv else None,
            toolchain=toolchain or "pip",
            typechecker=None if typechecker == "none" else typechecker,
        )

    def interpreter(self) -> Interpreter:
        """The Python of the virtual environment asked for; else of `$PULUMI_PYTHON_CMD`; else the one that runs this.

        Raises `RuntimeOptionError` where the virtual environment or the command does not exist.
        """
        if self.virtualenv is not None:
            executable = self.virtualenv / "bin" / "python"
            if not executable.exists():
                raise RuntimeOptionError(
                    f"runtime option virtualenv names {self.virtualenv}, which is no virtual environment; "
                    "`pulumi install` makes it"
                )
            return Interpreter(executable, self.virtualenv)
        if command := os.environ.get(PYTHON_VARIABLE):
            found = shutil.which(command)
            if found is None:
                raise RuntimeOptionError(f"${PYTHON_VARIABLE} is {command!r}, which is not on the PATH")
            return Interpreter(Path(found).absolute(), None)
        return own_interpreter()


def own_interpreter() -> Interpreter:
    """The Python that runs this."""
    return Interpreter(Path(sys.executable), Path(sys.prefix) if sys.prefix != sys.base_prefix else None)


def _choice(options: Mapping[str, object], name: str, allowed: Sequence[str]) -> str | None:
    value = options.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in allowed:
        raise RuntimeOptionError(f"runtime option {name} is {value!r}; allowed are {', '.join(allowed)}")
    return value
