"""What IAM policies allow and deny, for rules."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlpctl.review.values import items

_WHO: Final = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
    }
)
_NAMES: Final = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})


def statements(document: Mapping[str, Any], effect: str = "Allow") -> Iterator[Mapping[str, Any]]:
    """The statements of a policy with an effect."""
    for each in items(document.get("Statement")):
        if isinstance(each, Mapping) and each.get("Effect") == effect:
            yield each


def denies_without_tls(document: Mapping[str, Any], actions: str) -> bool:
    """Whether a policy denies everybody all `actions`, e.g. `s3:*`, on requests without TLS."""
    return any(
        items(each.get("Action")) in ([actions], ["*"])
        and each.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and str((each.get("Condition") or {}).get("Bool", {}).get("aws:SecureTransport")).lower() == "false"
        and len(each.get("Condition", {})) == 1
        for each in statements(document, "Deny")
    )


def is_for_anyone(statement: Mapping[str, Any]) -> bool:
    """Whether a statement of a resource's policy applies to principals of every account.

    A condition that names principals, their accounts or their organization limits it:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    principal = statement.get("Principal")
    values = principal.values() if isinstance(principal, Mapping) else [principal]
    if "NotPrincipal" not in statement and not any("*" in items(each) for each in values):
        return False
    condition = statement.get("Condition")
    return not any(
        key.lower() in _WHO and operator.lower().removeprefix("foranyvalue:") in _NAMES
        for operator, keys in (condition.items() if isinstance(condition, Mapping) else ())
        for key, value in (keys.items() if isinstance(keys, Mapping) else ())
        if not any(str(each) == "*" or "::*" in str(each) for each in items(value))
    )
