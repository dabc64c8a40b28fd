"""Loads the rules that a team writes, from the folders in `policies.packs` of a stack file.

A pack's modules are code and are run when they are loaded, with the trust of the program, which is in the same
repository. Only the names in a stack file on this machine may be loaded: those in the config of a plan file, which may
come from anybody, never are.
"""

import contextlib
import hashlib
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType
from typing import Final

from mlpctl.errors import InputError
from mlpctl.policies.evaluate import described
from mlpctl.policies.rule import Rule
from mlpctl.policies.rules import rules
from mlpctl.settings.rule_ids import RESERVED

FIELD: Final = "policies.packs"
"""The field of a stack file that names the folders."""


class PackError(InputError):
    """A folder of own rules cannot be used; the message is for the user."""


def load(root: Path, folders: Sequence[str]) -> tuple[Rule, ...]:
    """The rules in folders of a project, in the order of the folders, modules and definitions.

    A folder's modules can import each other relatively. Modules whose names begin with `_` or `test_` are not loaded on
    their own. What a module prints goes to standard error.

    Args:
        root: folder of the project.
        folders: folders of packs, relative to the project.

    Raises:
        PackError: a folder is missing, leaves the project, cannot be imported or contains no rules, or the ID of a rule
            is reserved or not unique.
    """
    known = {id(each) for each in rules()}
    found: dict[str, str] = {}
    loaded: list[Rule] = []
    for folder in folders:
        own = {id(each): each for each in _rules(root, folder) if id(each) not in known}
        if not own:
            raise PackError(f"{FIELD}: {folder} contains no rules; allowed: functions with @rule or @stack_rule.")
        for each in own.values():
            if each.id.startswith(RESERVED):
                raise PackError(f"{FIELD}: {folder} has the rule {each.id}, but {RESERVED} begins the platform's IDs.")
            if each.id in found:
                raise PackError(f"{FIELD}: {folder} has the rule {each.id}, which {found[each.id]} has already.")
            found[each.id] = folder
            loaded.append(each)
        known.update(own)
    return tuple(loaded)


def _rules(root: Path, folder: str) -> Iterator[Rule]:
    path = (root / folder).resolve()
    if not path.is_relative_to(root.resolve()):
        raise PackError(f"{FIELD}: {folder} leads out of the project {root}.")
    if not path.is_dir():
        raise PackError(f"{FIELD}: the folder {folder} does not exist in {root}.")
    package = f"mlpctl_pack_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    names = sorted(each.stem for each in path.glob("*.py") if not each.stem.startswith(("_", "test_")))
    for module in _imported(package, path, names, folder):
        yield from (each for each in vars(module).values() if isinstance(each, Rule))


def _imported(package: str, path: Path, names: Iterable[str], folder: str) -> Iterator[ModuleType]:
    # Modules of an earlier load, which may have changed since.
    for name in [each for each in sys.modules if each == package or each.startswith(f"{package}.")]:
        del sys.modules[name]
    invalidate_caches()
    parent = ModuleType(package)
    parent.__path__ = [str(path)]
    sys.modules[package] = parent
    for name in names:
        try:
            # The engine reads a policy pack's port, and a reader a report, from standard output.
            with contextlib.redirect_stdout(sys.stderr):
                module = import_module(f"{package}.{name}")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            where = f"{folder}/{_line(error, path) or f'{name}.py'}"
            raise PackError(f"{FIELD}: {where} cannot be imported: {described(error)}.") from None
        yield module


def _line(error: BaseException, path: Path) -> str:
    """The file, relative to its pack, and line that an error comes from; empty if it does not come from the pack."""
    places = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    own = [(Path(file).relative_to(path), line) for file, line in places if Path(file).is_relative_to(path)]
    return "{}:{}".format(*own[-1]) if own else ""
