"""What of a resource differs between what is there and what is wanted, apart from what means nothing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mlpctl import urns
from mlpctl.review.compare import HIDDEN, Delta, compare_key, difference, quiet
from mlpctl.review.naming import COMPUTED, CONTENT, SERVERS
from mlpctl.review.place import ABSENT, Place
from mlpctl.review.report import Difference
from mlpctl.review.resource import PROVIDER, Change, Op
from mlpctl.review.values import Secret, Value, root

MAX_SHOWN: Final = 100
"""Differences of one resource that are shown at most."""


ENGINES: Final = frozenset({"id", "provider", "replaceWith", "#initerror"})
"""What the engine blames for a replacement that no property forces (pkg/resource/deploy/step_generator.go)."""


_HELM: Final = f"{urns.KUBERNETES}helm.sh/"


@dataclass(frozen=True)
class Differences:
    """What differs in one resource."""

    shown: tuple[Difference, ...] = ()
    """What a reader has to know, what forces a replacement first; at most `MAX_SHOWN`."""

    noise: int = 0
    """How many mean nothing."""

    more: int = 0
    """How many were left out."""


class _Ways:
    """Ways to properties. One is in it if it is one of them, or lies above or below one; positions do not count."""

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
    """What differs between a resource's inputs until now and those from now on; nothing where it comes or goes."""
    if change.old is None or change.new is None:
        return Differences()
    shown: list[Delta] = []
    noise: list[Delta] = []
    for delta in _inputs(change):
        (noise if delta.noise else shown).append(delta)
    forced = _Ways(change.forced_by if change.op is Op.REPLACE else ())
    if not shown:
        # A hash is then all that tells of the change.
        shown = [each._replace(noise=False) for each in noise if CONTENT.match(each.path)]
        noise = [each for each in noise if not CONTENT.match(each.path)]
    told, folded = (_Ways(each.path for each in found) for found in (shown, noise))
    for path in dict.fromkeys((*change.forced_by, *change.reported)):
        if _is_its_provider(path, change):
            if change.old_provider:
                shown.append(Delta(path, *_providers(change)))
            told.add(path)
            continue
        if path in told or (path not in forced and (path in folded or _unseen(path, change))):
            continue
        if path in ENGINES and path not in change.old and path not in change.new:
            continue
        shown.append(Delta(path, _at(change.old, path), _at(change.new, path)))
        told.add(path)
    shown.sort(key=lambda each: each.path not in forced)
    return Differences(
        tuple(difference(each, each.path in forced) for each in shown[:MAX_SHOWN]),
        len(noise),
        len(shown[MAX_SHOWN:]),
    )


def _is_its_provider(path: str, change: Change) -> bool:
    """Whether the engine means the resource's provider, and no input of that name."""
    return path == PROVIDER and path not in (change.old or {}) and path not in (change.new or {})


def _providers(change: Change) -> tuple[str, str]:
    """The provider until now and from now on."""
    old, new = (urns.name(urn) if urn else HIDDEN for urn in (change.old_provider, change.provider))
    if old != new:
        return old, new
    if change.doubtful_provider:
        return old, f"{new} (may be replaced, since {' and '.join(change.doubtful_provider)} is known after the update)"
    return old, f"{new} (replaced)"


def _inputs(change: Change) -> Iterator[Delta]:
    """What differs in all inputs."""
    old, new = dict(change.old or {}), dict(change.new or {})
    reported = {root(path) for path in (*change.reported, *change.forced_by)}
    start = Place(strict=change.type.startswith(urns.KUBERNETES), owner=change.name, type=change.type)
    if change.is_provider and _major(old.get("version")) == _major(new.get("version")):
        yield from (quiet(delta) for delta in compare_key(old, new, "version", start))
        old.pop("version", None)
        new.pop("version", None)
    # Every tag is there twice: as it was given, and again with the provider's own.
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
    """The first number of a version; those of other first numbers may behave in another way."""
    return str(version).split(".")[0] if version is not None else ""


def _bare(path: str) -> str:
    """A way without positions and keys of lists, as `blockDeviceMappings.ebs.iops`."""
    return re.sub(r"\[[^\]]*\]", "", path)


def _lead(path: str) -> Iterator[str]:
    """A way and all those above it."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _unseen(path: str, change: Change) -> bool:
    """Whether a reported property is none of the inputs, or one that only follows from others."""
    name = root(path)
    bare = _bare(path)
    return bool(COMPUTED.match(bare.rsplit(".", 1)[-1]) or SERVERS.search(bare)) or (
        name not in (change.old or {}) and name not in (change.new or {})
    )


def _at(inputs: Mapping[str, Value], path: str) -> Value:
    """The value at a provider's way; `ABSENT` where there is none."""
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
