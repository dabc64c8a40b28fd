"""What of a resource differs between what is there and what is wanted, apart from what means nothing."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from mlpctl import urns
from mlpctl.review import rules
from mlpctl.review.equality import (
    both_empty,
    canonical,
    decoded,
    is_empty,
    is_scalar,
    key_of,
    natural_keys,
    policy,
    same_word,
)
from mlpctl.review.naming import COMPUTED, CONTENT, SERVERS
from mlpctl.review.place import ABSENT, Place, is_set, means_no_order
from mlpctl.review.plan import PROVIDER, Change, Op
from mlpctl.review.report import Difference
from mlpctl.review.short import excerpt, pair, short
from mlpctl.review.values import UNKNOWN, Masked, Secret, Value, document, root

MAX_SHOWN: Final = 100
"""Differences of one resource that are shown at most."""

HIDDEN: Final = "(not shown by the engine)"
CHANGED_SECRET: Final = "(secret, changed)"


_AUTO_NAME: Final = re.compile(r"^(?P<stem>.+)-(?P<suffix>[0-9a-f]{7,8})(\.fifo)?$")
"""A name as the engine makes it of a logical one: https://www.pulumi.com/docs/iac/concepts/resources/names/"""

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


class _Delta(NamedTuple):
    """One difference."""

    path: str
    old: Value = ABSENT
    new: Value = ABSENT
    noise: bool = False


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


_FOUND: Final[WeakKeyDictionary[Change, Differences]] = WeakKeyDictionary()
"""Differences that were asked for already: of one resource they are, for its row, its reasons and its dangers."""


def differences(change: Change) -> Differences:
    """What differs between a resource's inputs until now and those from now on; nothing where it comes or goes."""
    if change not in _FOUND:
        _FOUND[change] = _differences(change)
    return _FOUND[change]


def _differences(change: Change) -> Differences:
    if change.old is None or change.new is None:
        return Differences()
    shown: list[_Delta] = []
    noise: list[_Delta] = []
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
                shown.append(_Delta(path, *_providers(change)))
            told.add(path)
            continue
        if path in told or (path not in forced and (path in folded or _unseen(path, change))):
            continue
        if path in ENGINES and path not in change.old and path not in change.new:
            continue
        shown.append(_Delta(path, _at(change.old, path), _at(change.new, path)))
        told.add(path)
    shown.sort(key=lambda each: each.path not in forced)
    return Differences(
        tuple(_difference(each, each.path in forced) for each in shown[:MAX_SHOWN]),
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


def compared(old: Value, new: Value, path: str, *, strict: bool = False, type: str = "") -> tuple[Difference, ...]:
    """What differs between two values of the property `path`, without noise; None stands for no value.

    Args:
        old: The value until now.
        new: The value from now on.
        path: The property.
        strict: Whether what is there and empty says something.
        type: The resource's type, where the property is one of its inputs.
    """
    place = Place(path, path.rsplit(".", 1)[-1], strict=strict, type=type)
    found = _compare(ABSENT if old is None else old, ABSENT if new is None else new, place)
    return tuple(_difference(each, False) for each in found if not each.noise)


def _inputs(change: Change) -> Iterator[_Delta]:
    """What differs in all inputs."""
    old, new = dict(change.old or {}), dict(change.new or {})
    reported = {root(path) for path in (*change.reported, *change.forced_by)}
    start = Place(strict=change.type.startswith(urns.KUBERNETES), owner=change.name, type=change.type)
    if change.is_provider and _major(old.get("version")) == _major(new.get("version")):
        yield from (_quiet(delta) for delta in _compare_key(old, new, "version", start))
        old.pop("version", None)
        new.pop("version", None)
    # Every tag is there twice: as it was given, and again with the provider's own.
    tags = {each.path: each for each in _compare_key(old, new, "tags", start)}
    for key in sorted({*old, *new}):
        place = start._replace(
            silent=bool(reported) and key not in reported,
            document=key == "values" and change.type.startswith(_HELM),
        )
        found = _compare_key(old, new, key, place)
        if key == "tagsAll":
            for delta in found:
                twin = tags.get("tags" + delta.path.removeprefix("tagsAll"))
                yield _quiet(delta) if twin and (twin.old, twin.new) == (delta.old, delta.new) else delta
        else:
            yield from found


def _compare_key(old: Mapping[str, Value], new: Mapping[str, Value], key: str, place: Place) -> Iterator[_Delta]:
    """What differs in one property of two mappings."""
    before, after = old.get(key, ABSENT), new.get(key, ABSENT)
    here = place.below(key)
    if before == after:
        return
    if (
        COMPUTED.match(key)
        or SERVERS.search(here.path)
        or _only_auto_named(key, before, after, place.owner)
        or (key in rules.NOTATION and rules.same(old, new))
    ):
        yield _Delta(here.path, before, after, noise=True)
    elif before is ABSENT or after is ABSENT:
        present, side = (after, new) if before is ABSENT else (before, old)
        default = key in (side.get("__defaults") or ()) or (here.silent and is_scalar(present))
        yield _Delta(here.path, before, after, noise=default or is_empty(present, here.strict))
    else:
        yield from _compare(before, after, here)


def _compare(old: Value, new: Value, place: Place) -> Iterator[_Delta]:
    """What differs in two values."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        if "Statement" in old and "Statement" in new:
            old, new, place = policy(old), policy(new), place._replace(policy=True)
        for key in sorted({*old, *new}, key=str):
            yield from _compare_key(old, new, key, place)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, place)
    elif isinstance(old, str) and isinstance(new, str):
        yield from _texts(old, new, place)
    elif isinstance(old, str) and isinstance(new, Mapping | list) and (parsed := document(old)) is not None:
        yield from _meant(
            _compare(parsed, new, place._replace(document=True)), _Delta(place.path, old, new, noise=True)
        )
    elif isinstance(new, str) and isinstance(old, Mapping | list) and (parsed := document(new)) is not None:
        yield from _meant(
            _compare(old, parsed, place._replace(document=True)), _Delta(place.path, old, new, noise=True)
        )
    else:
        yield _Delta(place.path, old, new, noise=same_word(old, new) or both_empty(old, new, place.strict))


def _texts(old: str, new: str, place: Place) -> Iterator[_Delta]:
    """What differs in two texts: as the JSON or the base64 that they are, where both are."""
    before, after = document(old), document(new)
    inside = place._replace(document=True)
    # What the texts mean may be the same only as far as they are shown.
    otherwise = _Delta(place.path, old, new, noise=not isinstance(old, Masked) and not isinstance(new, Masked))
    if before is not None and after is not None and type(before) is type(after):
        yield from _meant(_compare(before, after, inside), otherwise)
    elif (one := decoded(old)) is not None and (other := decoded(new)) is not None:
        yield from _meant(_texts(one, other, place), otherwise)
    elif old != new:
        yield _Delta(place.path, old, new)


def _meant(found: Iterable[_Delta], otherwise: _Delta) -> Iterator[_Delta]:
    """What was found in what two values mean; or that they only say the same in two ways."""
    nothing = True
    for delta in found:
        nothing = False
        yield delta
    if nothing:
        yield otherwise


def _lists(old: Sequence[Value], new: Sequence[Value], place: Place) -> Iterator[_Delta]:
    """What differs in two lists: by natural key, as sets, or by position."""
    if (found := rules.left(old, new)) is not None:
        if not any(found):
            yield _Delta(place.path, old, new, noise=True)
        yield from _leftover(*found, place)
        return
    if keys := natural_keys(old, new):
        yield from _keyed(old, new, keys, place)
        return
    if is_set(place, [*old, *new]):
        gone, come = _without_same(old, new)
        if not gone and not come:
            yield _Delta(place.path, old, new, noise=True)
            return
    else:
        start = _common(old, new)
        end = _common(old[start:][::-1], new[start:][::-1])
        gone, come = list(enumerate(old))[start : len(old) - end], list(enumerate(new))[start : len(new) - end]
    yield from _leftover(gone, come, place)


def _leftover(gone: list[tuple[int, Value]], come: list[tuple[int, Value]], place: Place) -> Iterator[_Delta]:
    """Items that one side lacks: paired where there are as many on both."""
    if len(gone) == len(come):
        for (_, before), (number, after) in zip(gone, come, strict=True):
            yield from _compare(before, after, place.item(number))
        return
    for number, item in gone:
        yield _Delta(place.item(number).path, item)
    for number, item in come:
        yield _Delta(place.item(number).path, new=item)


def _keyed(old: Sequence[Any], new: Sequence[Any], keys: Sequence[str], place: Place) -> Iterator[_Delta]:
    """What differs in lists of objects that are told apart by properties."""
    before, after = ({key_of(item, keys): item for item in side} for side in (old, new))
    for key in dict.fromkeys((*before, *after)):
        here = place.item(key)
        if key not in before or key not in after:
            yield _Delta(here.path, before.get(key, ABSENT), after.get(key, ABSENT))
        else:
            yield from _compare(before[key], after[key], here)
    stay = [key for key in before if key in after]
    order = [key for key in after if key in before]
    if stay != order:
        yield _Delta(place.path, stay, order, noise=is_set(place, old) or means_no_order(place))


def _without_same(
    old: Sequence[Value], new: Sequence[Value]
) -> tuple[list[tuple[int, Value]], list[tuple[int, Value]]]:
    """Items, with their positions, that the other side has not as often."""
    before, after = ([canonical(item) for item in side] for side in (old, new))
    if before == after:
        return [], []
    gone, come = Counter(before), Counter(after)
    gone, come = gone - come, come - gone
    return _taken(old, before, gone), _taken(new, after, come)


def _taken(items: Sequence[Value], canonical: Sequence[str], wanted: Counter[str]) -> list[tuple[int, Value]]:
    found = []
    for number, (item, text) in enumerate(zip(items, canonical, strict=True)):
        if wanted[text] > 0:
            wanted[text] -= 1
            found.append((number, item))
    return found


def _only_auto_named(key: str, old: Value, new: Value, owner: str) -> bool:
    """Whether two names differ only in what the engine put behind the resource's logical name."""
    if not (isinstance(old, str) and isinstance(new, str)) or not re.search(
        r"(^|[a-z])[Nn]ame$|^bucket$|^domain$", key
    ):
        return False
    before, after = _AUTO_NAME.match(old), _AUTO_NAME.match(new)
    if not before or not after:
        return False
    # A pair without any letter is rather a date or a count.
    return before["stem"] == after["stem"] == owner and not (before["suffix"] + after["suffix"]).isdigit()


def _common(one: Sequence[Value], other: Sequence[Value]) -> int:
    """Number of first items that are the same."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _major(version: Value) -> str:
    """The first number of a version; those of other first numbers may behave in another way."""
    return str(version).split(".")[0] if version is not None else ""


def _quiet(delta: _Delta) -> _Delta:
    return delta._replace(noise=True)


def _difference(delta: _Delta, forces: bool) -> Difference:
    """A difference as its reader sees it."""
    old, new = delta.old, delta.new
    if isinstance(old, str) and isinstance(new, str) and str(old) != str(new) and ("\n" in old or "\n" in new):
        lengths = [f"({len(text.splitlines()):,} lines)" for text in (old, new)]
        return Difference(path=delta.path, old=lengths[0], new=lengths[1], forces=forces, excerpt=excerpt(old, new))
    before, after = _sides(old, new)
    return Difference(path=delta.path, old=before, new=after, forces=forces)


def _sides(old: Value, new: Value) -> tuple[str | None, str | None]:
    """Two values as a reader sees them; None for one that is not there."""
    if old is ABSENT and new is ABSENT:
        return HIDDEN, HIDDEN
    if old is ABSENT:
        return None, short(new)
    if new is ABSENT:
        return short(old), None
    if new is UNKNOWN and isinstance(old, Secret):
        return str(old), str(new)
    if isinstance(old, Secret) or isinstance(new, Secret):
        # What was plain and is secret now, or the other way round, may be the same value.
        return str(Secret("")), CHANGED_SECRET
    if old == new:
        return HIDDEN, HIDDEN
    if isinstance(old, str) and isinstance(new, str) and str(old) == str(new):
        return short(old), f"{short(new)} {CHANGED_SECRET}"
    return pair(old, new)


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
