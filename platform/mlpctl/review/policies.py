"""Finds broad permissions in IAM policies: all actions, all actions of a service, all principals."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mlpctl.review.evaluation import Answer, Extent, admits_everybody, extent, is_for_everybody, sample, statements
from mlpctl.review.values import Value, items

EVERYBODY: Final = frozenset({"everybody", "everybody but some"})

ESCALATES: Final = (
    *("iam:attachgrouppolicy", "iam:attachrolepolicy", "iam:attachuserpolicy"),
    *("iam:putgrouppolicy", "iam:putrolepolicy", "iam:putuserpolicy"),
    *("iam:createpolicyversion", "iam:setdefaultpolicyversion"),
)
"""Actions that, if allowed on any resource, let a principal grant itself everything; lower case as IAM ignores case.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-permissions-guardrails
"""


_KINDS: Final = ("role", "user", "group", "policy")

_EVERYTHING: Final = "zz:zz"
"""Stands for an action that no policy names."""


def wildcards(policy: Value) -> set[str]:
    """The wildcard actions and principals that a policy allows; principals only if no condition limits them."""
    found = {f"action {action}" for action, _ in _broad_actions(policy)}
    for statement in statements(policy):
        found |= {f"all actions but {each}" for each in items(statement.get("NotAction"))}
        if is_for_everybody(statement):
            found |= {"everybody but some" if statement.get("NotPrincipal") else "everybody"}
    return found


def widths(policy: Value) -> set[str]:
    """The wildcards that a policy allows, and which of its actions it allows without a condition."""
    always = {f"action {action} always" for action, far in _broad_actions(policy) if far > Extent.CONDITIONAL}
    return wildcards(policy) | always


def lets_in_everybody(policy: Value) -> bool:
    """Whether a policy allows all principals."""
    return admits_everybody(policy) is Answer.YES


def _broad_actions(policy: Value) -> Iterator[tuple[str, Extent]]:
    """The wildcard actions that a policy allows and does not deny, and how far."""
    for statement in statements(policy):
        resources = [each for each in items(statement.get("Resource")) if isinstance(each, str)] or ["*"]
        for action in items(statement.get("Action")):
            if _is_broad(action):
                far = max(extent([policy], sample(str(action).lower()), sample(each)) for each in resources)
                if far is not Extent.NONE:
                    yield str(action), far


def powers(policies: Iterable[Value]) -> Mapping[str, Extent]:
    """How far policies allow everything, or let a principal grant itself everything."""
    together = [*policies]
    found = {_EVERYTHING: extent(together, _EVERYTHING, _ANYTHING)}
    for action in ESCALATES:
        far = max(extent(together, action, f"arn:aws:iam::0:{kind}/zz") for kind in _KINDS)
        # A condition may require a permissions boundary for the grants.
        found[action] = Extent.NONE if far is Extent.CONDITIONAL else far
    return found


_ANYTHING: Final = "arn:aws:zz:zz:0:zz"
"""Stands for a resource that no policy names."""


def more_powers(old: Iterable[Value], new: Iterable[Value]) -> Iterator[bool]:
    """For each power that policies give and did not, or gave under a condition only, whether it is certain."""
    after = powers(new)
    if not any(after.values()):
        return
    before = powers(old)
    for action, far in after.items():
        if far > before[action]:
            # A deny statement with a condition may have applied to little.
            yield before[action] is not Extent.EXCEPTED


def _is_broad(action: Any) -> bool:
    """Whether an action covers a whole service or all services: `s3:*`, `s3:?*`, `*`."""
    _, colon, name = str(action).partition(":")
    return "*" in str(action) if not colon else "*" in name and not name.strip("*?:")
