"""Compares two values: texts by their meaning, lists by the keys of their items."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mlpctl.review.compare import aws_rules
from mlpctl.review.compare.equality import (
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
from mlpctl.review.compare.meaning import same_bindings, same_policy
from mlpctl.review.compare.place import ABSENT, Place, is_set, means_no_order
from mlpctl.review.report.model import Difference
from mlpctl.review.types.naming import COMPUTED, SERVERS
from mlpctl.review.values.plain import UNKNOWN, Masked, Secret, Value, document
from mlpctl.review.values.short import common, excerpt, pair, short

HIDDEN: Final = "(not shown by the engine)"
CHANGED_SECRET: Final = "(secret, changed)"

_AUTO_NAME: Final = re.compile(r"^(?P<stem>.+)-(?P<suffix>[0-9a-f]{7,8})(\.fifo)?$")
"""A physical name that Pulumi generates: https://www.pulumi.com/docs/iac/concepts/resources/names/"""


class Delta(NamedTuple):
    """One difference."""

    path: str
    old: Value = ABSENT
    new: Value = ABSENT
    noise: bool = False


def compared(old: Value, new: Value, path: str, *, strict: bool = False, type: str = "") -> tuple[Difference, ...]:
    """The significant differences between two values of the property `path`; None stands for no value.

    Args:
        old: The old value.
        new: The new value.
        path: The property.
        strict: Whether an empty value differs from a missing one.
        type: The resource's type, if the property is one of its inputs.
    """
    return tuple(difference(each, False) for each in _significant(old, new, path, strict=strict, type=type))


def differs(old: Value, new: Value, path: str, *, type: str = "") -> bool:
    """Whether there is any significant difference between two values of the property `path`, as in `compared`."""
    return any(True for _ in _significant(old, new, path, strict=False, type=type))


def _significant(old: Value, new: Value, path: str, *, strict: bool, type: str) -> Iterator[Delta]:
    place = Place.of(path, type, strict=strict)
    found = _compare(ABSENT if old is None else old, ABSENT if new is None else new, place)
    return (each for each in found if not each.noise)


def compare_key(old: Mapping[str, Value], new: Mapping[str, Value], key: str, place: Place) -> Iterator[Delta]:
    """The differences of one property of two mappings."""
    before, after = old.get(key, ABSENT), new.get(key, ABSENT)
    here = place.below(key)
    if before == after:
        return
    if (
        COMPUTED.match(key)
        or SERVERS.search(here.path)
        or _only_auto_named(key, before, after, place.owner)
        or (key in aws_rules.NOTATION and aws_rules.same(old, new))
    ):
        yield Delta(here.path, before, after, noise=True)
    elif before is ABSENT or after is ABSENT:
        present, side = (after, new) if before is ABSENT else (before, old)
        default = key in (side.get("__defaults") or ()) or (here.silent and is_scalar(present))
        yield Delta(here.path, before, after, noise=default or is_empty(present, here.strict))
    else:
        yield from _compare(before, after, here)


def _compare(old: Value, new: Value, place: Place) -> Iterator[Delta]:
    """The differences of two values."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        if place.grants and "Statement" in old and "Statement" in new:
            if same_policy(old, new):
                yield Delta(place.path, old, new, noise=True)
                return
            old, new, place = policy(old), policy(new), place._replace(policy=True)
        elif place.grants and "bindings" in old and "bindings" in new and same_bindings(old, new):
            yield Delta(place.path, old, new, noise=True)
            return
        for key in sorted({*old, *new}, key=str):
            yield from compare_key(old, new, key, place)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, place)
    elif isinstance(old, str) and isinstance(new, str):
        yield from _texts(old, new, place)
    elif isinstance(old, str) and isinstance(new, Mapping | list) and (parsed := document(old)) is not None:
        yield from _meant(_compare(parsed, new, place._replace(document=True)), Delta(place.path, old, new, noise=True))
    elif isinstance(new, str) and isinstance(old, Mapping | list) and (parsed := document(new)) is not None:
        yield from _meant(_compare(old, parsed, place._replace(document=True)), Delta(place.path, old, new, noise=True))
    else:
        yield Delta(place.path, old, new, noise=same_word(old, new) or both_empty(old, new, place.strict))


def _texts(old: str, new: str, place: Place) -> Iterator[Delta]:
    """The differences of two texts: if both are JSON or base64, of their content."""
    before, after = document(old), document(new)
    inside = place._replace(document=True)
    # Texts with redacted parts may be equal only in their visible parts.
    otherwise = Delta(place.path, old, new, noise=not isinstance(old, Masked) and not isinstance(new, Masked))
    if before is not None and after is not None and type(before) is type(after):
        yield from _meant(_compare(before, after, inside), otherwise)
    elif (one := decoded(old)) is not None and (other := decoded(new)) is not None:
        yield from _meant(_texts(one, other, place), otherwise)
    elif old != new:
        yield Delta(place.path, old, new)


def _meant(found: Iterable[Delta], otherwise: Delta) -> Iterator[Delta]:
    """The differences in the meaning of two values, or the single difference of their notation."""
    nothing = True
    for delta in found:
        nothing = False
        yield delta
    if nothing:
        yield otherwise


def _lists(old: Sequence[Value], new: Sequence[Value], place: Place) -> Iterator[Delta]:
    """The differences of two lists: by natural key, as sets, or by position."""
    if (found := aws_rules.left(old, new)) is not None:
        if not any(found):
            yield Delta(place.path, old, new, noise=True)
        yield from _leftover(*found, place)
        return
    if keys := natural_keys(old, new):
        yield from _keyed(old, new, keys, place)
        return
    if is_set(place, [*old, *new]):
        gone, come = _without_same(old, new)
        if not gone and not come:
            yield Delta(place.path, old, new, noise=True)
            return
    else:
        start = common(old, new)
        end = common(old[start:][::-1], new[start:][::-1])
        gone, come = list(enumerate(old))[start : len(old) - end], list(enumerate(new))[start : len(new) - end]
    yield from _leftover(gone, come, place)


def _leftover(gone: list[tuple[int, Value]], come: list[tuple[int, Value]], place: Place) -> Iterator[Delta]:
    """Items that only one side has; paired if both sides have the same number."""
    if len(gone) == len(come):
        for (_, before), (number, after) in zip(gone, come, strict=True):
            yield from _compare(before, after, place.item(number))
        return
    for number, item in gone:
        yield Delta(place.item(number).path, item)
    for number, item in come:
        yield Delta(place.item(number).path, new=item)


def _keyed(old: Sequence[Any], new: Sequence[Any], keys: Sequence[str], place: Place) -> Iterator[Delta]:
    """The differences of lists whose items have unique keys."""
    before, after = ({key_of(item, keys): item for item in side} for side in (old, new))
    for key in dict.fromkeys((*before, *after)):
        here = place.item(key)
        if key not in before or key not in after:
            yield Delta(here.path, before.get(key, ABSENT), after.get(key, ABSENT))
        else:
            yield from _compare(before[key], after[key], here)
    stay = [key for key in before if key in after]
    order = [key for key in after if key in before]
    if stay != order:
        yield Delta(place.path, stay, order, noise=is_set(place, old) or means_no_order(place))


def _without_same(
    old: Sequence[Value], new: Sequence[Value]
) -> tuple[list[tuple[int, Value]], list[tuple[int, Value]]]:
    """Items, with their positions, that the other side has less often."""
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
    """Whether two names differ only in the suffix that Pulumi generated."""
    if not (isinstance(old, str) and isinstance(new, str)) or not re.search(
        r"(^|[a-z])[Nn]ame$|^bucket$|^domain$", key
    ):
        return False
    before, after = _AUTO_NAME.match(old), _AUTO_NAME.match(new)
    if not before or not after:
        return False
    # Suffixes without letters are more likely dates or numbers.
    return before["stem"] == after["stem"] == owner and not (before["suffix"] + after["suffix"]).isdigit()


def quiet(delta: Delta) -> Delta:
    """A difference marked as insignificant."""
    return delta._replace(noise=True)


def difference(delta: Delta, forces: bool) -> Difference:
    """A difference in the form of a report."""
    old, new = delta.old, delta.new
    if isinstance(old, str) and isinstance(new, str) and str(old) != str(new) and ("\n" in old or "\n" in new):
        lengths = [f"({len(text.splitlines()):,} lines)" for text in (old, new)]
        return Difference(path=delta.path, old=lengths[0], new=lengths[1], forces=forces, excerpt=excerpt(old, new))
    before, after = _sides(old, new)
    return Difference(path=delta.path, old=before, new=after, forces=forces)


def _sides(old: Value, new: Value) -> tuple[str | None, str | None]:
    """Two values in the form of a report; None for a missing one."""
    if old is ABSENT and new is ABSENT:
        return HIDDEN, HIDDEN
    if old is ABSENT:
        return None, short(new)
    if new is ABSENT:
        return short(old), None
    if new is UNKNOWN and isinstance(old, Secret):
        return str(old), str(new)
    if isinstance(old, Secret) or isinstance(new, Secret):
        # A plain value and a secret may be the same value.
        return str(Secret("")), CHANGED_SECRET
    if old == new:
        return HIDDEN, HIDDEN
    if isinstance(old, str) and isinstance(new, str) and str(old) == str(new):
        return short(old), f"{short(new)} {CHANGED_SECRET}"
    return pair(old, new)
