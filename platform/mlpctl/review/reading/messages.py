"""Reads messages of the engine, providers, policies and the program from either format."""

import re
from collections.abc import Mapping
from typing import Any, Final

from mlpctl.review.plan.model import Message, Violation
from mlpctl.review.reading import checked
from mlpctl.review.reading.steps import Raw

_COLOURS: Final = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*[A-Za-z]")
_QUIET: Final = "debug"
_LOUD: Final = ("warning", "error")
_ADVICE: Final = ("advisory", "warning", "disabled", "none")
"""Enforcement levels that do not stop an update."""


def plain(text: str) -> str:
    """A text without the engine's color marks and surrounding white space."""
    return _COLOURS.sub("", text).strip()


def diagnostic(raw: Raw, event: Mapping[str, Any], place: str) -> None:
    """Store a diagnostic or a line of standard output."""
    severity = checked.text(event.get("severity"), f"{place}.severity") or "info"
    full = checked.text(event.get("prefix"), f"{place}.prefix") + checked.text(event.get("message"), f"{place}.message")
    urn = checked.urn(event.get("urn"), f"{place}.urn")
    text = plain(full).removeprefix(f"{severity}:").strip()
    if text and severity != _QUIET and not checked.flag(event.get("ephemeral"), f"{place}.ephemeral"):
        raw.messages.append(Message(severity if severity in _LOUD else "info", text, urn))


def violation(raw: Raw, event: Mapping[str, Any], place: str) -> None:
    """Store a policy violation."""
    level = checked.text(event.get("enforcementLevel"), f"{place}.enforcementLevel")
    raw.violations.append(
        Violation(
            policy=checked.text(event.get("policyName"), f"{place}.policyName"),
            pack=checked.text(event.get("policyPackName"), f"{place}.policyPackName"),
            # An unknown level counts as mandatory.
            mandatory=level not in _ADVICE,
            text=plain(checked.text(event.get("message"), f"{place}.message")),
            urn=checked.urn(event.get("resourceUrn"), f"{place}.resourceUrn"),
        )
    )


def remediation(raw: Raw, event: Mapping[str, Any], place: str) -> None:
    """Store a warning that a policy changed the inputs of a resource."""
    policy = checked.text(event.get("policyName"), f"{place}.policyName")
    pack = checked.text(event.get("policyPackName"), f"{place}.policyPackName")
    urn = checked.urn(event.get("resourceUrn"), f"{place}.resourceUrn")
    before, after = (checked.mapping(event.get(side), f"{place}.{side}") for side in ("before", "after"))
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    what = f": {', '.join(names)}" if names else ""
    raw.messages.append(Message("warning", f"The policy {policy} of {pack} changes its inputs{what}.", urn))
