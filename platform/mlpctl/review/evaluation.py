"""Evaluates IAM policies with their deny statements, as far as their text decides it.

An explicit deny overrides every allow. Policies are evaluated for sample requests: one for each action and resource
that a policy names, so that a partial deny leaves the rest allowed.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cache
from typing import Any, Final

from mlpctl.review.conditions import admits_few, anyone_meets, is_exception, limits_callers
from mlpctl.review.values import Masked, Secret, Unknown, Value, document, items

MOST: Final = 20_000
"""Maximum number of sample requests for a policy; of more, it is unknown whether deny statements cover them all."""

_ANY: Final = "zz"
"""Stands for a wildcard in samples: no service, action or resource that a policy names contains it."""

_SERVICE: Final = re.compile(r"[\w-]+(?=:)")


class Answer(IntEnum):
    """Whether a policy admits everybody."""

    NO = 0
    MAY = 1
    YES = 2


class Extent(IntEnum):
    """How far policies allow a request."""

    NONE = 0
    CONDITIONAL = 1
    """Only under a condition."""

    EXCEPTED = 2
    """Except where a deny statement with a condition applies."""

    FULL = 3


def statements(policy: Value, effect: str = "Allow") -> Iterator[Mapping[str, Any]]:
    """The statements of a policy with an effect."""
    content = document(policy) if isinstance(policy, str) else policy
    for statement in items(content.get("Statement")) if isinstance(content, Mapping) else ():
        if isinstance(statement, Mapping) and statement.get("Effect") == effect:
            yield statement


def admits_everybody(policy: Value) -> Answer:
    """Whether a policy allows something to all principals."""
    opened = [each for each in statements(policy) if is_for_everybody(each)]
    if not opened:
        return Answer.NO
    denied = [(each, closes) for each in statements(policy, "Deny") if (closes := _closes(each)) is not Answer.NO]
    if not denied:
        return Answer.YES
    others = [each for each, _ in denied]
    return max((_left(each, denied, others) for each in opened), default=Answer.NO)


def _left(
    statement: Mapping[str, Any],
    denied: Sequence[tuple[Mapping[str, Any], Answer]],
    others: Sequence[Mapping[str, Any]],
) -> Answer:
    """Whether an allow statement for everybody admits everybody in spite of the deny statements."""
    actions = _samples(statement, others, "Action")
    resources = _samples(statement, others, "Resource")
    if len(actions) * len(resources) * len(denied) > MOST:
        return Answer.MAY
    # The policy of a resource is about this one only, whose name is not known: a statement for a name may cover all.
    named = any(isinstance(each, str) and each.strip("*") for one in others for each in items(one.get("Resource")))
    left = Answer.NO
    for action, resource in itertools.product(actions, resources):
        closes = max((by for each, by in denied if covers(each, action, resource)), default=Answer.NO)
        most = Answer.MAY if named and resource == _ANY else Answer.YES
        left = max(left, min(most, Answer(Answer.YES - closes)))
    return left


def extent(policies: Iterable[Value], action: str, resource: str) -> Extent:
    """How far the policies of a principal together allow an action, in lower case, on a resource."""
    together = [*policies]
    allowed = Extent.NONE
    for each in (one for policy in together for one in statements(policy)):
        if covers(each, action, resource):
            allowed = max(allowed, Extent.CONDITIONAL if is_conditional(each) else Extent.FULL)
    if allowed is Extent.NONE:
        return allowed
    for each in (one for policy in together for one in statements(policy, "Deny")):
        if covers(each, action, resource):
            allowed = min(allowed, _denied(each.get("Condition")))
    return allowed


def _denied(condition: Value) -> Extent:
    """How far a deny statement with a condition leaves requests allowed."""
    if not condition:
        return Extent.NONE
    if isinstance(condition, Mapping) and anyone_meets(condition):
        return Extent.FULL
    return Extent.CONDITIONAL if is_exception(condition) else Extent.EXCEPTED


def is_conditional(statement: Mapping[str, Any]) -> bool:
    """Whether an allow statement has a condition that not every request meets."""
    condition = statement.get("Condition")
    return bool(condition) and not (isinstance(condition, Mapping) and anyone_meets(condition))


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


def covers(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    """Whether a statement is about an action, in lower case, on a resource."""
    if "NotAction" in statement:
        named = not any(matches(each, action) for each in _actions(statement["NotAction"]))
    else:
        named = any(matches(each, action) for each in _actions(statement.get("Action")))
    if not named:
        return False
    if "NotResource" in statement:
        return not any(matches(str(each), resource) for each in items(statement["NotResource"]))
    return "Resource" not in statement or any(
        matches(_of_any_account(str(each)) if resource.startswith(_IAM) else str(each), resource)
        for each in items(statement["Resource"])
    )


_IAM: Final = "arn:aws:iam::0:"


def _of_any_account(resource: str) -> str:
    """A resource of IAM in the account of the samples."""
    return re.sub(r"^arn:[\w*-]+:iam::[\d*]*:", _IAM, resource)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern of IAM matches a text."""
    return _expression(pattern).fullmatch(text) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(each) or re.escape(each) for each in re.sub(r"\*+", "*", pattern)), re.DOTALL)


def _actions(value: Value) -> list[str]:
    return [str(each).lower() for each in items(value)]


def _samples(statement: Mapping[str, Any], others: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """Samples of the actions or resources of a statement, among them those that the other statements name."""
    every = [
        str(each)
        for one in (statement, *others)
        for key in (name, f"Not{name}")
        for each in items(one.get(key))
        if isinstance(each, str)
    ]
    if name == "Action":
        every = [each.lower() for each in every]
        # The policy of a resource is about the actions of its service.
        services = sorted({found[0] for each in every if (found := _SERVICE.match(each))}) or [_ANY]
        every += [f"{each}:*" for each in services]
    samples = dict.fromkeys(sample(each) for each in every if name != "Action" or each.strip("*:"))
    if name == "Resource":
        # Other objects of the same bucket.
        samples |= dict.fromkeys(f"{each.partition('/')[0]}/{_ANY}" for each in [*samples] if "/" in each)
        samples[_ANY] = None
        return [each for each in samples if _is_about(statement, each)]
    return [each for each in samples if covers({**statement, "Resource": "*", "NotResource": []}, each, _ANY)]


def _is_about(statement: Mapping[str, Any], resource: str) -> bool:
    named = {key: statement[key] for key in ("Resource", "NotResource") if key in statement}
    return covers({"Action": "*", **named}, _ANY, resource)


def sample(pattern: str) -> str:
    """A text that a pattern matches, and that a narrower pattern does not."""
    return pattern.replace("*", _ANY).replace("?", "z")
