"""Lists and installs the packages of a program."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlsandbox.tools.languagehost.interpreter import Interpreter, RuntimeOptions, own_interpreter

_LIST: Final = """\
import importlib.metadata, json, re
name = lambda text: re.sub("[-_.]+", "-", re.match("[A-Za-z0-9._-]+", text).group()).lower()
found = {name(d.metadata["Name"]): d for d in importlib.metadata.distributions()}
needed = {name(r) for d in found.values() for r in d.requires or () if "extra ==" not in r}
print(json.dumps([[n, d.version, n in needed] for n, d in sorted(found.items())]))
"""
_TIMEOUT_SECONDS: Final = 60


def installed(interpreter: Interpreter, *, transitive: bool) -> dict[str, str]:
    """Names and versions of the installed packages of `interpreter`; with dependencies of others only if `transitive`.

    Raises `subprocess.SubprocessError` if the interpreter fails.
    """
    listing = ask(interpreter, _LIST)
    return {name: version for name, version, required in json.loads(listing) if transitive or not required}


def python_version(interpreter: Interpreter) -> str:
    """Version of `interpreter`, such as `3.11.9`.

    Raises `subprocess.SubprocessError` if the interpreter fails.
    """
    return ask(interpreter, "import platform; print(platform.python_version())").strip()


def ask(interpreter: Interpreter, source: str) -> str:
    """Run `source` with `interpreter`, without the user's `PYTHON…` variables, and return its output."""
    answer = subprocess.run(
        interpreter.command("-I", "-c", source),
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=_TIMEOUT_SECONDS,
    )
    return answer.stdout


def install_commands(options: RuntimeOptions, folder: Path) -> Iterator[list[str]]:
    """The commands that install the packages of the program in `folder`; run them in that folder.

    Empty if the options have no virtual environment: then the program uses the packages of the language host.
    """
    if options.virtualenv is None:
        return
    if options.toolchain == "uv":
        yield ["uv", "sync"]
        return
    python = options.virtualenv / "bin" / "python"
    if not python.exists():
        yield own_interpreter().command("-m", "venv", str(options.virtualenv))
    if (folder / "requirements.txt").exists():
        yield [str(python), "-m", "pip", "install", "-r", "requirements.txt"]
