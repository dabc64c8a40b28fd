"""Determines whether a pod that mounts a path of its node can control the node: `node_paths.yaml`."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from awsfacts.tables import Row, read_table

_WINDOWS: Final = re.compile(r"^(?P<device>/+[?.]/)?(?:(?P<drive>[a-z]:)(?=/|$))?(?P<path>.*)$", re.DOTALL)
"""A path of Windows, also in the form of devices: https://learn.microsoft.com/dotnet/standard/io/file-path-formats"""

_SYSTEM: Final = "c:"
"""The drive of the node's own files."""


class _Table(Row):
    """`node_paths.yaml`, which explains its fields."""

    whole: Sequence[str]
    trees: Sequence[str]
    windows: Sequence[str]
    harmless: Sequence[str]
    links: Mapping[str, str]


@cache
def _table() -> _Table:
    return _Table.model_validate(read_table("node_paths.yaml", "mlpctl.review.kubernetes"))


def more_access(old: Iterable[str], new: Iterable[str]) -> bool:
    """Whether some of the new paths give a pod control of its node that the old ones, or folders above, did not."""
    before = [path for each in old if is_control(path := normal(each))]
    return any(
        is_control(path) and not any(_is_in(path, each) for each in before) for path in (normal(each) for each in new)
    )


def is_control(path: str) -> bool:
    """Whether a path in normal form gives control of the node or of its secrets."""
    table = _table()
    trees = table.trees
    if path.startswith(_SYSTEM):
        path, trees = path.removeprefix(_SYSTEM), (*trees, *table.windows)
    if path in table.whole:
        return True
    return any(_is_in(path, each) for each in trees) and not any(_is_in(path, each) for each in table.harmless)


def normal(path: str) -> str:
    """A path without symbolic links, doubled and final slashes; one of Windows begins with its drive, `c:/windows`."""
    found = path.replace("\\", "/")
    # Windows ignores case.
    parts = _WINDOWS.match(found.lower())
    if parts and (found != path or parts["device"] or parts["drive"]):
        return (parts["drive"] or _SYSTEM) + _plain(parts["path"])
    found = _plain(found)
    for link, target in _table().links.items():
        if _is_in(found, link):
            return target + found.removeprefix(link)
    return found


def _plain(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _is_in(path: str, folder: str) -> bool:
    return folder == "/" or path == folder or path.startswith(f"{folder}/")
