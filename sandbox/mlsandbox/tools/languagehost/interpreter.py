"""Selects the Python interpreter and the environment of a program."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

TOOLCHAINS: Final = ("pip", "uv")
"""Supported values of the runtime option `toolchain`: those that only need a virtual environment to run a program."""

TYPECHECKERS: Final = ("none", "mypy", "pyright")
"""Values of the runtime option `typechecker`: https://www.pulumi.com/docs/iac/languages-sdks/python/."""

PYTHON_VARIABLE: Final = "PULUMI_PYTHON_CMD"


class RuntimeOptionError(ValueError):
    """A runtime option of a `Pulumi.yaml`, `PulumiPlugin.yaml` or `PulumiPolicy.yaml` is invalid or not supported."""


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter that runs programs."""

    executable: Path
    """Absolute path of the interpreter."""

    virtualenv: Path | None
    """The virtual environment of the interpreter."""

    def command(self, *arguments: str) -> list[str]:
        """The command line to run this interpreter with `arguments`."""
        return [str(self.executable), *arguments]

    def activate(self, environment: Mapping[str, str]) -> dict[str, str]:
        """`environment` with the changes of the virtual environment's `activate` script."""
        activated = dict(environment)
        if self.virtualenv is not None:
            scripts = str(self.virtualenv / "bin")
            activated["PATH"] = os.pathsep.join([scripts, environment["PATH"]]) if "PATH" in environment else scripts
            activated["VIRTUAL_ENV"] = str(self.virtualenv)
            activated.pop("PYTHONHOME", None)
        return activated


@dataclass(frozen=True)
class RuntimeOptions:
    """The options under `runtime` in a `Pulumi.yaml`, `PulumiPlugin.yaml` or `PulumiPolicy.yaml`."""

    virtualenv: Path | None = None
    """The virtual environment to use; it may not exist yet."""

    toolchain: str = "pip"
    """The tool that installs dependencies into the virtual environment."""

    typechecker: str | None = None
    """Module of the type checker that checks the program before each run."""

    @classmethod
    def parse(cls, options: Mapping[str, object], root: Path) -> Self:
        """Parse `options` of the program, plugin or policy pack in `root`.

        Raises `RuntimeOptionError` for a value that the language host does not support.
        """
        toolchain = _choice(options, "toolchain", TOOLCHAINS)
        typechecker = _choice(options, "typechecker", TYPECHECKERS)
        virtualenv = options.get("virtualenv")
        if virtualenv is None and toolchain == "uv":
            virtualenv = ".venv"
        if virtualenv is not None and not isinstance(virtualenv, str):
            raise RuntimeOptionError(f"runtime option virtualenv is {virtualenv!r}; it must be a path")
        return cls(
            virtualenv=Path(os.path.normpath(root / virtualenv)) if virtualenv else None,
            toolchain=toolchain or "pip",
            typechecker=None if typechecker == "none" else typechecker,
        )

    def interpreter(self) -> Interpreter:
        """The interpreter of the virtual environment, else that in `$PULUMI_PYTHON_CMD`, else that of this process.

        Raises `RuntimeOptionError` if the virtual environment or the command does not exist.
        """
        if self.virtualenv is not None:
            executable = self.virtualenv / "bin" / "python"
            if not executable.exists():
                raise RuntimeOptionError(
                    f"runtime option virtualenv is {self.virtualenv}, which is not a virtual environment; "
                    "create it with `pulumi install`"
                )
            return Interpreter(executable, self.virtualenv)
        if command := os.environ.get(PYTHON_VARIABLE):
            found = shutil.which(command)
            if found is None:
                raise RuntimeOptionError(f"${PYTHON_VARIABLE} is {command!r}, which is not on the PATH")
            return Interpreter(Path(found).absolute(), None)
        return own_interpreter()


def own_interpreter() -> Interpreter:
    """The interpreter of this process."""
    return Interpreter(Path(sys.executable), Path(sys.prefix) if sys.prefix != sys.base_prefix else None)


def _choice(options: Mapping[str, object], name: str, allowed: Sequence[str]) -> str | None:
    value = options.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in allowed:
        raise RuntimeOptionError(f"runtime option {name} is {value!r}; allowed: {', '.join(allowed)}")
    return value
