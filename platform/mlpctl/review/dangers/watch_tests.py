"""Tests of how a property changed, by the names that records use.

A value is plain JSON, a list if its path goes through a list (`rules[].expiration.days`), or None if there is none.
Unknown values are handled by the caller.
"""

import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from awsfacts import eks_settings
from mlpctl.review.compare.equality import natural_keys, word
from mlpctl.review.compare.paths import canonical, value_at
from mlpctl.review.dangers import kubernetes_tests
from mlpctl.review.iam import broad, federation
from mlpctl.review.iam.everybody import Answer, admits_everybody, admitted
from mlpctl.review.lifecycle import kafka
from mlpctl.review.values.plain import Unknown, Value, items
from mlpctl.review.values.quantities import days, lifetime, number, time

_ADMINISTERS: Final = re.compile(
    rf"(AdministratorAccess|PowerUserAccess|IAMFullAccess|{eks_settings.CLUSTER_ADMIN}|/{eks_settings.ADMIN})$"
)
"""Managed policies that allow everything, or allow a principal to grant itself everything."""

_EACH: Final = frozenset(
    {"turnedOn", "turnedOff", "lowered", "raised", "shortened", "zeroed", "becomes", "leaves", "loosened"}
)
"""Tests of a single value: for lists they are applied item by item."""


def matched(old: Value, new: Value, path: str, test: str) -> list[tuple[str, Value, Value]]:
    """The values at a path in old and new inputs, with the path to them.

    If the path goes through lists, a test of a single value applies to each item that both lists contain by its natural
    key; `turnedOn` applies to new items too.
    """
    head, every, rest = path.partition("[]")
    before, after = value_at(old, head), value_at(new, head)
    keys = natural_keys(items(before), items(after)) if every and test in _EACH else ()
    if not keys or isinstance(before, Unknown) or isinstance(after, Unknown):
        return [(path, value_at(old, path), value_at(new, path))]
    had, has = ({" ".join(str(item[key]) for key in keys): item for item in items(side)} for side in (before, after))
    found = []
    for key, item in has.items():
        if key in had or test == "turnedOn":
            for way, one, other in matched(had.get(key, {}), item, rest.lstrip("."), test):
                found.append((f"{head}[{json.dumps(key)}].{way}", one, other))
    return found


def turned_on(old: Value, new: Value, value: Any) -> bool:
    """Whether it is true now and was not."""
    return _any(new) and not _any(old)


def turned_off(old: Value, new: Value, value: Any) -> bool:
    """Whether it was true and is not now; a missing value is false."""
    return _any(old) and not _all(new)


def lowered(old: Value, new: Value, value: Any) -> bool:
    """Whether a number or a percentage is smaller."""
    before, after = number(old), number(new)
    return before is not None and after is not None and after < before


def halved(old: Value, new: Value, value: Any) -> bool:
    """Whether a number is less than half as large, but not 0."""
    before, after = number(old), number(new)
    return before is not None and after is not None and 0 < after < before / 2


def raised(old: Value, new: Value, value: Any) -> bool:
    """Whether a number or a percentage is larger."""
    return lowered(new, old, value)


def lowers_any(old: Value, new: Value, value: Any) -> bool:
    """Whether a number in a mapping is smaller or new: a missing number is no limit."""
    if not isinstance(new, Mapping):
        return False
    before = old if isinstance(old, Mapping) else {}
    return any(
        (limit := number(each)) is not None and ((was := number(before.get(key))) is None or limit < was)
        for key, each in new.items()
    )


def shortened(old: Value, new: Value, value: Any) -> bool:
    """Whether a duration is shorter; a missing value and 0 mean forever."""
    before, after = number(old), number(new)
    return bool(after) and (not before or (after or 0) < before)


def sooner(old: Value, new: Value, value: Any) -> bool:
    """Whether a limit is smaller or new; -1, as a number or a text, means no limit."""
    before, after = (None if word(side) == "-1" else number(side) for side in (old, new))
    return after is not None and (before is None or after < before)


def retained_shorter(old: Value, new: Value, value: Any) -> bool:
    """Whether a retention period, in days or longer units, is shorter."""
    before, after = days(old), days(new)
    return bool(before) and bool(after) and after < before


def lives_shorter(old: Value, new: Value, value: Any) -> bool:
    """Whether a time to live is shorter or new."""
    before, after = lifetime(old), lifetime(new)
    return after is not None and (before is None or after < before)


def earlier(old: Value, new: Value, value: Any) -> bool:
    """Whether a time is earlier; one that is not set is no time to wait for."""
    before, after = time(old), time(new)
    return before is not None and (not _is_there(new) or (after is not None and after < before))


def expires(old: Value, new: Value, value: Any) -> bool:
    """Whether a time of expiry is set that was not, or is earlier than before."""
    before, after = time(old), time(new)
    sooner = before is not None and after is not None and after < before
    return _is_there(new) and (not _is_there(old) or sooner)


def zeroed(old: Value, new: Value, value: Any) -> bool:
    """Whether a number is 0 and was not."""
    return number(new) == 0 and number(old) != 0


def falls_to_one(old: Value, new: Value, value: Any) -> bool:
    """Whether a number is not set any more, so that its default of 1 applies, and was larger."""
    return not _is_there(new) and (number(old) or 0) > 1


def becomes(old: Value, new: Value, value: Any) -> bool:
    """Whether it is one of some values and was none of them."""
    return word(new) in map(word, value) and word(old) not in map(word, value)


def becomes_any(old: Value, new: Value, value: Any) -> bool:
    """Whether a list contains one of some values that it did not contain before."""
    return any(each in value for each in set(map(word, items(new))) - set(map(word, items(old))))


def loses_any(old: Value, new: Value, value: Any) -> bool:
    """Whether a list contained one of some values that it does not contain any more."""
    return becomes_any(new, old, value)


def becomes_like(old: Value, new: Value, value: Any) -> bool:
    """Whether it, or one item of a list, matches one of some patterns with `*`, and none did; case-insensitive."""
    return _are_like(new, value) and not _are_like(old, value)


def shares_issuer(old: Value, new: Value, value: Any) -> bool:
    """Whether it is the issuer of an OpenID Connect provider that many customers share, and was not."""
    return federation.is_shared(new) and not federation.is_shared(old)


def mentions(old: Value, new: Value, value: Any) -> bool:
    """Whether a text, or any text below a value, contains one of some words that it did not; case-insensitive."""
    before, after = (side.lower() if isinstance(side, str) else canonical(side).lower() for side in (old, new))
    return any(str(each).lower() in after and str(each).lower() not in before for each in value)


def leaves(old: Value, new: Value, value: Any) -> bool:
    """Whether it was one of some values and is none of them."""
    return becomes(new, old, value)


def loosened(old: Value, new: Value, value: Any) -> bool:
    """Whether it was a level that is not set any more, or is now an earlier one of the levels from loose to strict."""
    if not _is_there(old):
        return False
    before, after = (
        [str(each) for each in value].index(word(each)) if word(each) in value else -1 for each in (old, new)
    )
    return -1 in (before, after) or after < before


def added(old: Value, new: Value, value: Any) -> bool:
    """Whether it is set and was not."""
    return not _is_there(old) and _is_there(new)


def removed(old: Value, new: Value, value: Any) -> bool:
    """Whether it was set and is not."""
    return added(new, old, value)


def fewer(old: Value, new: Value, value: Any) -> bool:
    """Whether items were removed; each unknown item may be one of the old ones."""
    before, after = ([canonical(item) for item in items(side) if not isinstance(item, Unknown)] for side in (old, new))
    unknown = sum(isinstance(item, Unknown) for item in items(new))
    return len(set(before) - set(after)) > unknown + len(set(after) - set(before)) * _are_objects(new)


def shrunk(old: Value, new: Value, value: Any) -> bool:
    """Whether a list has fewer items."""
    before, after = (set(map(canonical, items(side))) for side in (old, new))
    return len(after) < len(before)


def swapped(old: Value, new: Value, value: Any) -> bool:
    """Whether items were removed and others added."""
    before, after = (set(map(canonical, items(side))) for side in (old, new))
    return bool(before - after) and bool(after - before)


def changed(old: Value, new: Value, value: Any) -> bool:
    """Always true: that the value means something else is checked before any test."""
    return True


def administers(old: Value, new: Value, value: Any) -> bool:
    """Whether a managed policy that allows everything is added: by its ARN, alone or in a list."""
    given = {each for each in map(_policy_of, items(new)) if _ADMINISTERS.search(each)}
    return bool(given - {*map(_policy_of, items(old))})


def _policy_of(given: Value) -> str:
    """The ARN of a managed policy; empty for a policy of an access entry that only applies to some namespaces."""
    if isinstance(given, Mapping):
        limited = word(value_at(given, "accessScope.type")) == "namespace"
        return "" if limited else _policy_of(given.get("policyArn"))
    return given if isinstance(given, str) else ""


def allows_anything(old: Value, new: Value, value: Any) -> bool:
    """Whether IAM policies allow everything, or allow a principal to grant itself everything, and did not."""
    return any(True for _ in broad.more_powers(items(old), items(new)))


def widened(old: Value, new: Value, value: Any) -> bool:
    """Whether an IAM policy allows all actions of a service or every principal, and did not."""
    return any(True for _ in broad.more_widths(old, new))


def opened(old: Value, new: Value, value: Any) -> bool:
    """Whether policies allow every principal, or may, and did not."""
    return admits_everybody(new) > admits_everybody(old)


def grants(old: Value, new: Value, value: Any) -> bool:
    """Whether a policy allows something to another principal that is no service; for everybody, see `opened`."""
    return bool(admitted(new) - admitted(old))


def federated(old: Value, new: Value, value: Any) -> bool:
    """Whether a trust policy lets in any identity of an OpenID Connect provider, and did not."""
    return bool(federation.open_issuers(new) - federation.open_issuers(old))


TESTS: Final[Mapping[str, Callable[[Value, Value, Any], bool]]] = {
    "turnedOn": turned_on,
    "turnedOff": turned_off,
    "lowered": lowered,
    "halved": halved,
    "raised": raised,
    "lowersAny": lowers_any,
    "shortened": shortened,
    "sooner": sooner,
    "retainedShorter": retained_shorter,
    "livesShorter": lives_shorter,
    "kafkaRetention": kafka.retained_shorter,
    "earlier": earlier,
    "expires": expires,
    "zeroed": zeroed,
    "fallsToOne": falls_to_one,
    "becomes": becomes,
    "becomesAny": becomes_any,
    "losesAny": loses_any,
    "becomesLike": becomes_like,
    "sharedIssuer": shares_issuer,
    "mentions": mentions,
    "leaves": leaves,
    "loosened": loosened,
    "added": added,
    "removed": removed,
    "fewer": fewer,
    "shrunk": shrunk,
    "swapped": swapped,
    "changed": changed,
    "administers": administers,
    "allowsAnything": allows_anything,
    "widened": widened,
    "opened": opened,
    "grants": grants,
    "federated": federated,
    **kubernetes_tests.TESTS,
}
"""The tests by their names."""


def _may_be_opened(old: Value, new: Value) -> bool:
    return Answer.MAY in (admits_everybody(old), admits_everybody(new))


def _may_allow_anything(old: Value, new: Value) -> bool:
    return not any(broad.more_powers(items(old), items(new)))


def _may_be_wider(old: Value, new: Value) -> bool:
    return not any(broad.more_widths(old, new))


DOUBTS: Final[Mapping[str, Callable[[Value, Value], bool]]] = {
    "opened": _may_be_opened,
    "allowsAnything": _may_allow_anything,
    "widened": _may_be_wider,
}
"""Whether a test that holds is not certain, by its name."""


def _any(value: Value) -> bool:
    return any(word(item) == "true" for item in items(value))


def _all(value: Value) -> bool:
    return bool(items(value)) and all(word(item) == "true" for item in items(value))


def _are_like(value: Value, patterns: Sequence[str]) -> bool:
    texts = [each.lower() for each in items(value) if isinstance(each, str)]
    return any(fnmatch.fnmatchcase(text, each.lower()) for text in texts for each in patterns)


def _is_there(value: Value) -> bool:
    return value is not None and value not in ("", [], {})


def _are_objects(value: Value) -> bool:
    """Whether a removed and an added item may be one changed item."""
    return any(isinstance(item, Mapping) for item in items(value))


def joined(texts: Iterable[str]) -> str:
    """Texts as the parts of a sentence, without duplicates."""
    return "; ".join(dict.fromkeys(filter(None, texts)))
