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

from mlpctl import pack_files
from mlpctl.pack_files import PackError
from mlpctl.policies.rule import Rule
from mlpctl.policies.rules import rules
from mlpctl.settings.rule_ids import RESERVED
from mlpctl.text import shorten, visible

__all__ = ["PackError", "load"]

_LONGEST: Final = 300


def load(root: Path, folders: Sequence[str]) -> tuple[Rule, ...]:
    """The rules in folders of a project, in the order of the folders, modules and definitions.

    A folder's modules, those in its subfolders included, can import each other relatively. Modules and subfolders whose
    names begin with `_` or `test_` are not loaded on their own, nor those in subfolders named `test` or `tests`. What a
    module prints goes to standard error.

    Args:
        root: folder of the project.
        folders: folders of packs, relative to the project.

    Raises:
        PackError: a folder is missing, it or a file in it leaves the project, it cannot be imported or contains no
            rules, the ID of a rule is reserved or not unique, or a rule names a field that no stack file has.
    """
    known = {id(each) for each in rules()}
    found: dict[str, str] = {}
    loaded: list[Rule] = []
    for folder in folders:
        own = {id(each): each for each in _rules(root, folder) if id(each) not in known}
        if not own:
            raise PackError(f"{folder} contains no rules; allowed: functions with @rule or @stack_rule.")
        for each in own.values():
            if each.id.startswith(RESERVED):
                raise PackError(f"{folder} has the rule {each.id}, but {RESERVED} begins the platform's IDs.")
            if each.id in found:
                raise PackError(f"{folder} has the rule {each.id}, which {found[each.id]} has already.")
            if fault := _unknown_field(each):
                raise PackError(f"{folder} has a rule with an unknown field: {fault}")
            found[each.id] = folder
            loaded.append(each)
        known.update(own)
    return tuple(loaded)


def _unknown_field(rule: Rule) -> str:
    # This imports the components, which policy packs of programs without the platform's config do not need.
    from mlpctl.policies import fields

    return fields.unknown(rule) if rule.fields else ""


def _rules(root: Path, folder: str) -> Iterator[Rule]:
    path = pack_files.folder(root, folder)
    package = f"mlpctl_pack_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    for module in _imported(package, path, pack_files.modules(path, folder), folder):
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
            file = name.replace(".", "/")
            where = f"{folder}/{_line(error, path) or f'{file}.py'}"
            what = f"{type(error).__name__}: {_said(error)}".rstrip(": .")
            raise PackError(f"{visible(where)} cannot be imported: {what}.") from None
        yield module


def _said(error: BaseException) -> str:
    """An error's own message, on one line and without control characters; empty if it has none that can be read."""
    try:
        text = str(error)
    except Exception:
        return ""
    return visible(shorten(" ".join(text.split()), _LONGEST))


def _line(error: BaseException, path: Path) -> str:
    """The file, relative to its pack, and line that an error comes from; empty if it does not come from the pack."""
    places = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    own = [(Path(file).relative_to(path), line) for file, line in places if Path(file).is_relative_to(path)]
    return "{}:{}".format(*own[-1]) if own else ""
