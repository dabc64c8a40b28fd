"""Determines whether a pod that mounts a path of its node can control the node: `node_paths.yaml`."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from awsfacts.tables import Row, read_table

_DRIVE: Final = re.compile(r"^[a-z]:(?=/|$)")


class _Table(Row):
    """`node_paths.yaml`, which explains its fields."""

    whole: Sequence[str]
    trees: Sequence[str]
    harmless: Sequence[str]
    links: Mapping[str, str]


@cache
def _table() -> _Table:
    return _Table.model_validate(read_table("node_paths.yaml", "mlpctl.review"))


def more_access(old: Iterable[str], new: Iterable[str]) -> bool:
    """Whether some of the new paths give a pod control of its node that the old ones, or folders above, did not."""
    before = [path for each in old if is_control(path := normal(each))]
    return any(
        is_control(path) and not any(_is_in(path, each) for each in before) for path in (normal(each) for each in new)
    )


def is_control(path: str) -> bool:
    """Whether a path in normal form gives control of the node or of its secrets."""
    table = _table()
    if path in table.whole:
        return True
    return any(_is_in(path, each) for each in table.trees) and not any(_is_in(path, each) for each in table.harmless)


def normal(path: str) -> str:
    """A path of Linux or Windows without symbolic links, drive, doubled and final slashes."""
    found = path.replace("\\", "/")
    if found != path or _DRIVE.match(found.lower()):
        # Windows ignores case.
        found = _DRIVE.sub("", found.lower())
    found = posixpath.normpath("/" + found.lstrip("/"))
    for link, target in _table().links.items():
        if _is_in(found, link):
            return target + found.removeprefix(link)
    return found


def _is_in(path: str, folder: str) -> bool:
    return folder == "/" or path == folder or path.startswith(f"{folder}/")
