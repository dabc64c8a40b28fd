"""Finds the significant differences between the old and the new inputs of a resource."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mlpctl import urns
from mlpctl.review.compare.delta import HIDDEN, Delta, compare_key, difference, quiet
from mlpctl.review.compare.place import ABSENT, Place
from mlpctl.review.report.model import Difference
from mlpctl.review.types.naming import COMPUTED, CONTENT, SERVERS
from mlpctl.review.values.plain import Secret, Value, root
from mlpctl.review.values.resource import PROVIDER, Change, Op

MAX_SHOWN: Final = 100
"""Maximum number of differences of one resource that are shown."""


ENGINES: Final = frozenset({"id", "provider", "replaceWith", "#initerror"})
"""Keys that the engine reports for a replacement that no property forces (pkg/resource/deploy/step_generator.go)."""


_HELM: Final = f"{urns.KUBERNETES}helm.sh/"


@dataclass(frozen=True)
class Differences:
    """The differences of one resource."""

    shown: tuple[Difference, ...] = ()
    """The significant ones, those that force a replacement first; at most `MAX_SHOWN`."""

    noise: int = 0
    """Number of insignificant differences."""

    more: int = 0
    """Number of significant differences that are not in `shown`."""


class _Ways:
    """Paths of properties. It contains every path that is equal to, above or below one of them, without positions."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._ends: set[str] = set()
        self._all: set[str] = set()
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        bare = _bare(path)
        self._ends.add(bare)
        self._all.update(_lead(bare))

    def __contains__(self, path: str) -> bool:
        bare = _bare(path)
        return bare in self._all or any(each in self._ends for each in _lead(bare))


def differences(change: Change) -> Differences:
    """The differences between a resource's old and new inputs; none if it is created or removed."""
    if change.old is None or change.new is None:
        return Differences()
    shown: list[Delta] = []
    noise: list[Delta] = []
    for delta in _inputs(change):
        (noise if delta.noise else shown).append(delta)
    forced = _Ways(change.forced_by if change.op is Op.REPLACE else ())
    if not shown:
        # Then only a hash shows that the content changed.
        shown = [each._replace(noise=False) for each in noise if CONTENT.match(each.path)]
        noise = [each for each in noise if not CONTENT.match(each.path)]
    listed, folded = (_Ways(each.path for each in found) for found in (shown, noise))
    for path in dict.fromkeys((*change.forced_by, *change.reported)):
        if _is_its_provider(path, change):
            if change.old_provider:
                shown.append(Delta(path, *_providers(change)))
            listed.add(path)
            continue
        if path in listed or (path not in forced and (path in folded or _unseen(path, change))):
            continue
        if path in ENGINES and path not in change.old and path not in change.new:
            continue
        shown.append(Delta(path, _at(change.old, path), _at(change.new, path)))
        listed.add(path)
    shown.sort(key=lambda each: each.path not in forced)
    return Differences(
        tuple(difference(each, each.path in forced) for each in shown[:MAX_SHOWN]),
        len(noise),
        len(shown[MAX_SHOWN:]),
    )


def _is_its_provider(path: str, change: Change) -> bool:
    """Whether a path is the engine's key for the resource's provider, not an input of that name."""
    return path == PROVIDER and path not in (change.old or {}) and path not in (change.new or {})


def _providers(change: Change) -> tuple[str, str]:
    """The old and the new provider."""
    old, new = (urns.name(urn) if urn else HIDDEN for urn in (change.old_provider, change.provider))
    if old != new:
        return old, new
    if change.doubtful_provider:
        return old, f"{new} (may be replaced, since {' and '.join(change.doubtful_provider)} is known after the update)"
    return old, f"{new} (replaced)"


def _inputs(change: Change) -> Iterator[Delta]:
    """The differences of all inputs."""
    old, new = dict(change.old or {}), dict(change.new or {})
    reported = {root(path) for path in (*change.reported, *change.forced_by)}
    start = Place(strict=change.type.startswith(urns.KUBERNETES), owner=change.name, type=change.type)
    if change.is_provider and _major(old.get("version")) == _major(new.get("version")):
        yield from (quiet(delta) for delta in compare_key(old, new, "version", start))
        old.pop("version", None)
        new.pop("version", None)
    # Every tag occurs twice: in `tags`, and in `tagsAll` with the provider's default tags.
    tags = {each.path: each for each in compare_key(old, new, "tags", start)}
    for key in sorted({*old, *new}):
        place = start._replace(
            silent=bool(reported) and key not in reported,
            document=key == "values" and change.type.startswith(_HELM),
        )
        found = compare_key(old, new, key, place)
        if key == "tagsAll":
            for delta in found:
                twin = tags.get("tags" + delta.path.removeprefix("tagsAll"))
                yield quiet(delta) if twin and (twin.old, twin.new) == (delta.old, delta.new) else delta
        else:
            yield from found


def _major(version: Value) -> str:
    """The major version."""
    return str(version).split(".")[0] if version is not None else ""


def _bare(path: str) -> str:
    """A path without list positions and keys, e.g. `blockDeviceMappings.ebs.iops`."""
    return re.sub(r"\[[^\]]*\]", "", path)


def _lead(path: str) -> Iterator[str]:
    """A path and all paths above it."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _unseen(path: str, change: Change) -> bool:
    """Whether a reported property is not an input, or is derived from other inputs."""
    name = root(path)
    bare = _bare(path)
    return bool(COMPUTED.match(bare.rsplit(".", 1)[-1]) or SERVERS.search(bare)) or (
        name not in (change.old or {}) and name not in (change.new or {})
    )


def _at(inputs: Mapping[str, Value], path: str) -> Value:
    """The value at a path in a provider's notation; `ABSENT` if there is none."""
    found: Value = inputs
    for key, number, name in re.findall(r'\["([^"]*)"\]|\[(\d+)\]|([^.\[]+)', path):
        if isinstance(found, Secret):
            return found
        if number and isinstance(found, list):
            found = found[int(number)] if int(number) < len(found) else ABSENT
        elif isinstance(found, Mapping):
            found = found.get(key or name, ABSENT)
        else:
            return ABSENT
    return found
