"""Finds broad permissions in IAM policies: all actions, all actions of a service, all principals."""

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mlpctl.review.conditions import limits_callers
from mlpctl.review.values import Value, document, items

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


def wildcards(policy: Value) -> set[str]:
    """The wildcard actions and principals that a policy allows; principals only if no condition limits them."""
    found: set[str] = set()
    for statement in statements(policy):
        found |= {
            f"action {each}" for each in items(statement.get("Action")) if str(each).endswith("*") and _broad(each)
        }
        found |= {f"all actions but {each}" for each in items(statement.get("NotAction"))}
        if not limits_callers(statement.get("Condition")):
            principal = statement.get("Principal")
            named = principal.values() if isinstance(principal, Mapping) else [principal]
            found |= {"everybody" for each in named for one in items(each) if one == "*"}
            found |= {"everybody but some"} if statement.get("NotPrincipal") else set()
    return found


def lets_in_everybody(policy: Value) -> bool:
    """Whether a policy allows all principals."""
    return bool(wildcards(policy) & EVERYBODY)


def allows_anything(policies: Iterable[Value]) -> bool:
    """Whether policies allow everything, or let a principal grant itself everything."""
    return any(_is_anything(statement) for policy in policies for statement in statements(policy))


def _is_anything(statement: Mapping[str, Any]) -> bool:
    """Whether a statement allows all actions on everything, all but some, or lets a principal grant itself all."""
    if "Resource" in statement and not any(_is_every(each) for each in items(statement["Resource"])):
        return False
    actions = [str(each).lower() for each in items(statement.get("Action"))]
    if "NotAction" in statement or any(not each.strip("*:") for each in actions):
        return True
    # A condition may require a permissions boundary for the grants.
    return not statement.get("Condition") and any(
        fnmatch.fnmatchcase(each, action) for action in actions for each in ESCALATES
    )


def _is_every(resource: Value) -> bool:
    """Whether a resource covers at least all identities of a kind: `*`, `arn:aws:iam::123456789012:role/*`."""
    if not isinstance(resource, str):
        return False
    some = re.sub(r"^arn:[\w*-]+:iam::[\d*]*:", "arn:aws:iam::0:", resource)
    return any(fnmatch.fnmatchcase(f"arn:aws:iam::0:{kind}/any", some) for kind in ("role", "user", "group", "policy"))


def statements(policy: Value, effect: str = "Allow") -> Iterator[Mapping[str, Any]]:
    """The statements of a policy with an effect."""
    content = document(policy) if isinstance(policy, str) else policy
    for statement in items(content.get("Statement")) if isinstance(content, Mapping) else ():
        if isinstance(statement, Mapping) and statement.get("Effect") == effect:
            yield statement


def _broad(action: Any) -> bool:
    """Whether an action covers a whole service or all services: `s3:*`, `*`."""
    return str(action).split(":")[-1] == "*"
