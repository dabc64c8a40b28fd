"""The files of packs of own rules: where they may be, and which are modules with rules. Nothing is imported or run."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlpctl.errors import InputError
from mlpctl.text import visible

FIELD: Final = "policies.packs"
"""The field of a stack file that names the folders."""

_NO_MODULES: Final = ("_", ".", "test_")
"""Beginnings of the names of files and folders whose modules are not loaded on their own."""

_TESTS: Final = ("test", "tests")
"""Names of folders with tests, which are not loaded."""


class PackError(InputError):
    """A folder of own rules cannot be used; the message is for the user."""

    def __init__(self, what: str) -> None:
        """Make the message from a sentence about the folder."""
        super().__init__(f"{FIELD}: {what}")
        self.what = what


def folder(root: Path, name: str) -> Path:
    """The folder of a pack, without symbolic links.

    Args:
        root: folder of the project.
        name: folder of the pack, relative to the project.

    Raises:
        PackError: it does not exist, or it or a file in it leads out of the project.
    """
    path = _resolved(root / name)
    home = root.resolve()
    if path is None or not path.is_relative_to(home):
        raise PackError(f"{name} leads out of the project {root}.")
    if not path.is_dir():
        raise PackError(f"the folder {name} does not exist in {root}.")
    for file in _files(path):
        target = _resolved(file)
        if target is None or not target.is_relative_to(home):
            where = visible(file.relative_to(path).as_posix())
            raise PackError(f"{name}/{where} leads out of the project {root}.")
    return path


def modules(path: Path, name: str) -> list[str]:
    """The names of a pack's modules with rules, e.g. `queues` or `data.buckets`, sorted.

    Args:
        path: the folder of the pack.
        name: the folder as the stack file names it.

    Raises:
        PackError: a folder or a file in it has a name that no module can have.
    """
    found = []
    for file in _files(path):
        parts = file.relative_to(path).with_suffix("").parts
        if file.suffix != ".py" or any(each.startswith(_NO_MODULES) for each in parts) or {*parts[:-1]} & {*_TESTS}:
            continue
        if any("." in each for each in parts):
            where = visible(file.relative_to(path).as_posix())
            raise PackError(f"{name}/{where} cannot be imported; allowed: names without a dot before .py.")
        found.append(".".join(parts))
    return sorted(found)


def check(root: Path, name: str) -> str:
    """Why the folder of a pack cannot be used, as a clause; empty if its files do not show a reason."""
    try:
        if modules(folder(root, name), name):
            return ""
    except PackError as error:
        return error.what.rstrip(".")
    return f"{name} contains no modules with rules"


def _files(path: Path) -> Iterator[Path]:
    """All files below a folder, and symbolic links that lead out of it; a folder is visited once."""
    seen = {path}
    for at, folders, files in os.walk(path, followlinks=True):
        yield from (Path(at, each) for each in sorted(files))
        kept = []
        for each in sorted(folders):
            below = Path(at, each)
            target = _resolved(below)
            if below.is_symlink() and (target is None or not target.is_relative_to(path)):
                yield below
            if target is not None and target not in seen and each != "__pycache__" and not each.startswith("."):
                seen.add(target)
                kept.append(each)
        folders[:] = kept


def _resolved(path: Path) -> Path | None:
    """The path without symbolic links; None if they lead to themselves."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return None
