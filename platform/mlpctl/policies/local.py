"""What the stack file on this machine adds to the judgement of a stack: own rules, and lines to point at."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from mlpctl import config, project
from mlpctl.config.problems import Keys, keys
from mlpctl.config.yaml_file import Document, YamlError, parse
from mlpctl.keys import PLATFORM
from mlpctl.policies import packs
from mlpctl.policies.rule import Rule

_PLATFORM: Final = ("config", PLATFORM)


@dataclass(frozen=True)
class Local:
    """The stack file of a stack on this machine; empty without one."""

    root: Path | None = None
    """The folder of its project; None without one."""

    rules: tuple[Rule, ...] = ()
    """The rules in its `policies.packs`."""

    loaded: bool = False
    """Whether these rules were loaded: they never are for an existing plan."""

    file: str = ""
    """The file, relative to the repository, or to the project without one."""

    sha256: str = ""
    """Digest of the file."""

    config: Mapping[str, Any] = field(default_factory=dict)
    """The section `config` of the file."""

    lines: Mapping[Keys, int] = field(default_factory=dict)
    """The line of each value below the platform's config; that of the config itself under the empty path."""

    def line(self, path: str) -> int | None:
        """The line of a field, or of the innermost section around it; None without a file."""
        place = keys(path)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)

    def sets(self, path: str) -> bool:
        """Whether the file sets a field."""
        return keys(path) in self.lines


NOTHING: Final = Local()


def of_stack(root: Path, stack: str) -> Local:
    """The stack file of a project's stack, with the rules of its packs.

    Raises:
        ConfigError: the file is invalid.
        PackError: a pack cannot be loaded.
    """
    path = config.find(root, stack)
    if not path.is_file() or PLATFORM.encode() not in path.read_bytes():
        return replace(_read(root, stack), loaded=True)
    folders = config.read(path).platform.policies.packs
    return replace(_read(root, stack), rules=packs.load(root, folders), loaded=True)


def of_plan(project_name: str, stack: str) -> Local:
    """The file of a plan's stack, without its packs, if the current folder belongs to the plan's project.

    Its lines, and the other stack files of the project, are read. Nothing is run: a plan may come from anybody, and
    with it the choice of the file.
    """
    try:
        root = project.root()
        return _read(root, stack) if project.name(root) == project_name else NOTHING
    except Exception:
        # Without a readable project there is nothing to point at, and a plan needs none.
        return NOTHING


def _read(root: Path, stack: str) -> Local:
    path = config.find(root, stack)
    try:
        content = path.read_bytes()
        document = parse(content)
    except (OSError, YamlError):
        return NOTHING
    data = document.data if isinstance(document.data, Mapping) else {}
    section = data.get("config")
    return Local(
        root,
        file=_shown(root, path),
        sha256=hashlib.sha256(content).hexdigest(),
        config=section if isinstance(section, Mapping) else {},
        lines=_lines(document),
    )


def _lines(document: Document) -> dict[Keys, int]:
    size = len(_PLATFORM)
    return {path[size:]: place.line for path, place in document.positions.items() if path[:size] == _PLATFORM}


def _shown(root: Path, path: Path) -> str:
    folder = path.absolute().parent
    top = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), root.absolute())
    return path.absolute().relative_to(top).as_posix()
