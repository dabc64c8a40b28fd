"""Finds the stacks that a change in git affects: those whose effective config or program differs."""

import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlpctl import project
from mlpctl.config import Platform, profiles, stack_file
from mlpctl.config.problems import ConfigError
from mlpctl.config.show import show
from mlpctl.config.stack_file import Loaded
from mlpctl.config.yaml_file import YamlError, parse
from mlpctl.errors import InputError
from mlpctl.keys import PLATFORM
from mlpctl.text import all_of, number, visible

FILES: Final = (project.PROJECT_FILE, "PulumiPlugin.yaml", "pyproject.toml", "requirements.lock", "requirements.txt")
"""Files next to the project file that determine the program and its dependencies."""

_MOST_NAMES: Final = 3

_MOST_LINKS: Final = 40
"""Links that are followed on the way of one path, like Linux: https://man7.org/linux/man-pages/man7/path_resolution.7.html"""


class GitError(InputError):
    """Git does not know the commit, or cannot be run; the text is for the user."""


@dataclass(frozen=True)
class Affected:
    """A stack that a change affects."""

    stack: str
    why: str
    """What differs: `gpuPools.inference.maxNodes`, `the program: platform/__main__.py`."""


@dataclass(frozen=True)
class Found:
    """The result of a comparison with a commit."""

    commit: str
    """The commit: the last one that both have in common."""

    affected: Sequence[Affected]
    deleted: Sequence[str]
    """Stacks whose files are deleted: their resources may still exist."""


@dataclass(frozen=True)
class _Effective:
    """What a stack file means, however it is written."""

    loaded: Loaded[Platform] | None
    rest: Any
    """What the file contains in addition to the platform's config."""

    @property
    def values(self) -> tuple[Any, ...]:
        return (self.loaded and (self.loaded.platform, self.loaded.region), self.rest)

    @property
    def shown(self) -> Mapping[str, str]:
        """Each effective value by its path."""
        return {row.path: row.value for row in show(self.loaded)} if self.loaded else {}


def changed(root: Path, since: str, also: Collection[Path] = ()) -> Found:
    """Compare the files of a project, saved or committed, with a commit.

    Args:
        root: The folder of the project.
        since: A commit, branch or tag. The last commit that it has in common with the current one is compared.
        also: Further files or folders that the program reads.

    Raises:
        GitError: git cannot be run, the folder is in no repository, or the commit is unknown.
    """
    top = Path(_git(root, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    given = _git(root, "rev-parse", "--verify", "--end-of-options", f"{since}^{{commit}}").decode().strip()
    commit = (_try(root, "merge-base", given, "HEAD") or b"").decode().strip() or given
    listed = _git(root, "diff", "--name-only", "--no-renames", "-z", commit, "--")
    listed += _git(root, "ls-files", "--others", "--exclude-standard", "--full-name", "-z")
    paths = sorted({top / name.decode(errors="surrogateescape") for name in listed.split(b"\0") if name})
    home = root.resolve()
    settings = project.settings(root) or {}
    configs, program = project.configs(home, settings), project.program(home, settings)
    stacks = [path for path in paths if path.parent == configs and _stack(path)]
    folders = [way for each in (program, *(home / name for name in project.LIBRARIES)) for way in _ways(each)]
    folders += [way for each in also for way in _ways(root.absolute() / each)]
    files = {way for name in FILES for way in _ways(home / name)}
    touched = [path for path in paths if path not in stacks and (path in files or _is_below(path, folders))]
    if touched:
        why = f"the program: {_some([project.shown(path, home) for path in touched])}"
        affected = [Affected(_stack(path), why) for path in sorted(configs.glob("Pulumi.*.yaml")) if _stack(path)]
    else:
        affected = [
            Affected(_stack(path), reason)
            for path in stacks
            if path.exists() and (reason := _difference(root, path, commit, path.relative_to(top)))
        ]
        known = {each.stack for each in affected}
        affected += [
            Affected(_stack(path), f"its own rules: {_some([project.shown(each, home) for each in own])}")
            for path in sorted(configs.glob("Pulumi.*.yaml"))
            if _stack(path) not in known and (own := [each for each in paths if _is_below(each, _packs(path, home))])
        ]
    return Found(commit, affected, [_stack(path) for path in stacks if not path.exists()])


def _difference(root: Path, path: Path, commit: str, name: Path) -> str:
    """What differs in the effective config of a stack file; empty if nothing does."""
    before = _try(root, "show", f"{commit}:{name.as_posix()}")
    if before is None:
        return "a new stack"
    old, new = _effective(before, path), _effective(path.read_bytes(), path)
    if new is None or old is None:
        return "an invalid stack file"
    if old.values == new.values:
        return ""
    was, now = old.shown, new.shown
    fields = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    return _some(fields) if fields else "config of other packages, or encrypted values"


def _effective(content: bytes, path: Path) -> _Effective | None:
    """The effective config of a stack file; None if it is invalid. Profiles and defaults are those of this version."""
    try:
        data = parse(content).data
        if not stack_file.has_platform(data):
            return _Effective(None, data)
        loaded = stack_file.check(parse(content), path, Platform, profiles.PROFILES, project.name(project.root()))
    except (ConfigError, YamlError):
        return None
    return _Effective(loaded, stack_file.without({("config", PLATFORM)}, data))


def _packs(path: Path, home: Path) -> list[Path]:
    """The folders with the rules of a stack's team, and all that links on the way or in them lead to."""
    effective = _effective(path.read_bytes(), path)
    loaded = effective.loaded if effective else None
    folders = [way for each in (loaded.platform.policies.packs if loaded else ()) for way in _ways(home / each)]
    inside = [each for folder in folders if folder.is_dir() for each in folder.rglob("*") if each.is_symlink()]
    return [*folders, *(way for each in inside for way in _ways(each))]


def _ways(path: Path) -> list[Path]:
    """A path as it is written, each symbolic link on the way, and where it leads: git lists a change of any of them."""
    found, at, rest = [path], Path(path.anchor), [*path.parts[1:]]
    while rest and len(found) <= _MOST_LINKS:
        part = rest.pop(0)
        at = at.parent if part == ".." else at / part
        if at.is_symlink():
            found.append(at)
            rest = [*at.readlink().parts, *rest]
            at = at.parent
    return [*found, at]


def _stack(path: Path) -> str:
    """The stack that a file configures; empty if it is no stack file."""
    name = path.name
    return name[len("Pulumi.") : -len(".yaml")] if name.startswith("Pulumi.") and name.endswith(".yaml") else ""


def _is_below(path: Path, folders: Collection[Path]) -> bool:
    return path.suffix != ".md" and any(path.is_relative_to(folder) for folder in folders)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return all_of([*names[:_MOST_NAMES], *([number(more, "other")] if more > 0 else [])])


def _git(root: Path, *command: str) -> bytes:
    done = _run(root, *command)
    if done.returncode != 0:
        said = visible(done.stderr.decode(errors="replace").strip().splitlines()[-1:][0] if done.stderr.strip() else "")
        raise GitError(f"git {command[0]} failed: {said or f'exit code {done.returncode}'}. {_REMEDY}")
    return done.stdout


_REMEDY: Final = "In CI, the checkout needs the commit too: `fetch-depth: 2` of actions/checkout for HEAD^1"


def _try(root: Path, *command: str) -> bytes | None:
    done = _run(root, *command)
    return done.stdout if done.returncode == 0 else None


def _run(root: Path, *command: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["git", *command], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        raise GitError("There is no `git` on PATH.") from None


def lines(found: Found) -> Iterator[str]:
    """The result as sentences."""
    if not found.affected:
        yield f"No stack differs from {found.commit[:12]}."
    for each in found.affected:
        yield f"{each.stack}: {each.why}"
