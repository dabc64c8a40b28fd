"""What IAM policies allow and deny, for rules."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlpctl.review.values import items


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
