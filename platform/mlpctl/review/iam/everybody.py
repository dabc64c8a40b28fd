"""Determines whether IAM policies admit everybody in spite of their deny statements."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from mlpctl.review.iam.conditions import admits_few, limits_callers
from mlpctl.review.iam.evaluation import MOST, Statements, statements
from mlpctl.review.iam.patterns import ANY, sample
from mlpctl.review.values.plain import Masked, Secret, Unknown, Value, items

SERVICE: Final = re.compile(r"[\w-]+(?=:)")
"""The service of an action."""


class Answer(IntEnum):
    """Whether a policy admits everybody."""

    NO = 0
    MAY = 1
    YES = 2


_Found = tuple[tuple[Mapping[str, Any], Answer], ...]


def admits_everybody(policy: Value) -> Answer:
    """Whether a policy allows something to all principals."""
    return max((answer for _, answer in for_everybody(policy)), default=Answer.NO)


def admitted(policy: Value) -> frozenset[str]:
    """The principals other than services that a policy allows something, each with its conditions; not everybody."""
    found: set[str] = set()
    for each in statements(policy):
        named = each.get("Principal")
        kinds = named.items() if isinstance(named, Mapping) else [("", named)]
        limits = json.dumps(each.get("Condition"), sort_keys=True, default=repr)
        if not is_for_everybody(each):
            some = (one for kind, those in kinds if kind != "Service" for one in items(those) if isinstance(one, str))
            found |= {f"{one} {limits}" for one in some}
    return frozenset(found)


def for_everybody(policy: Value) -> _Found:
    """The allow statements for all principals, and whether deny statements leave something of each to everybody."""
    return _of_text(str(policy)) if isinstance(policy, str) else _evaluated(policy)


@lru_cache(maxsize=64)
def _of_text(policy: str) -> _Found:
    return _evaluated(policy)


def _evaluated(policy: Value) -> _Found:
    opened = [each for each in statements(policy) if is_for_everybody(each)]
    if not opened:
        return ()
    closing = [(each, closes) for each in statements(policy, "Deny") if (closes := _closes(each)) is not Answer.NO]
    if not closing:
        return tuple((each, Answer.YES) for each in opened)
    denied = _Denied(closing, opened)
    if denied.work > MOST:
        return tuple((each, Answer.MAY) for each in opened)
    return tuple(zip(opened, denied.left(), strict=True))


class _Denied:
    """The deny statements of a policy that close what it allows."""

    def __init__(self, found: Sequence[tuple[Mapping[str, Any], Answer]], opened: Sequence[Mapping[str, Any]]) -> None:
        others = [each for each, _ in found]
        self._denied, self._opened = Statements(others), Statements(opened)
        self._closing = {
            answer: sum(1 << place for place, (_, each) in enumerate(found) if each is answer)
            for answer in (Answer.YES, Answer.MAY)
        }
        every = [*opened, *others]
        # The policy of a resource is about this one only, whose name is not known: a statement for a name may cover it.
        self._named = any(
            isinstance(each, str) and each.strip("*") for one in others for each in items(one.get("Resource"))
        )
        self._actions = _samples(every, "Action")
        self._resources = _samples(every, "Resource")
        self.work = sum(
            len(self._actions) * each.actions.size + len(self._resources) * each.resources.size
            for each in (self._denied, self._opened)
        )
        """Number of comparisons that the answers need at most."""

    def left(self) -> Iterator[Answer]:
        """For each allow statement, whether it leaves something to everybody."""
        # Many samples are covered by the same statements.
        actions = {(self._opened.actions.about(each), self._denied.actions.about(each)) for each in self._actions}
        resources = {
            (self._opened.resources.about(each), self._denied.resources.about(each), self._named and each == ANY)
            for each in self._resources
        }
        for place in range(len(self._opened.all)):
            own = {denied for opened, denied in actions if opened >> place & 1}
            other = {(denied, unnamed) for opened, denied, unnamed in resources if opened >> place & 1}
            self.work += len(own) * len(other)
            yield Answer.MAY if self.work > MOST else self._left(own, other)

    def _left(self, actions: Iterable[int], resources: Iterable[tuple[int, bool]]) -> Answer:
        left = Answer.NO
        for action, (resource, unnamed) in itertools.product(actions, resources):
            about = action & resource
            closes = next((answer for answer, those in self._closing.items() if about & those), Answer.NO)
            left = max(left, min(Answer.MAY if unnamed else Answer.YES, Answer(Answer.YES - closes)))
            if left is Answer.YES:
                break
        return left


def _samples(every: Sequence[Mapping[str, Any]], name: str) -> Sequence[str]:
    """Samples of the actions or resources that statements name."""
    named = [
        each for one in every for key in (name, f"Not{name}") for each in items(one.get(key)) if isinstance(each, str)
    ]
    if name == "Action":
        named = [each.lower() for each in named]
        # The policy of a resource is about the actions of its service.
        services = sorted({found[0] for each in named if (found := SERVICE.match(each))}) or [ANY]
        named += [f"{each}:*" for each in services]
        return tuple(dict.fromkeys(sample(each) for each in named if each.strip("*:")))
    samples = dict.fromkeys(map(sample, named))
    # Other objects of the same bucket.
    samples |= dict.fromkeys(f"{each.partition('/')[0]}/{ANY}" for each in [*samples] if "/" in each)
    return tuple(samples | {ANY: None})


def is_for_everybody(statement: Mapping[str, Any]) -> bool:
    """Whether an allow statement is for all principals, or all but some, and no condition limits them."""
    if limits_callers(statement.get("Condition")):
        return False
    return bool(statement.get("NotPrincipal")) or _is_everybody(statement.get("Principal"))


def _is_everybody(principal: Value) -> bool:
    named = principal.values() if isinstance(principal, Mapping) else [principal]
    return any(one == "*" for each in named for one in items(each))


def _closes(statement: Mapping[str, Any]) -> Answer:
    """Whether a deny statement leaves what it is about to only some principals."""
    if not statement.get("NotPrincipal") and not _is_everybody(statement.get("Principal")):
        return Answer.NO
    condition = statement.get("Condition")
    if isinstance(condition, Unknown | Secret | Masked):
        return Answer.MAY
    if not condition:
        return Answer.YES
    limits = admits_few(condition)
    return Answer.MAY if limits is None else Answer.YES if limits else Answer.NO
