"""Reads the digest that `pulumi preview --json` writes at its end (`PreviewDigest` in Pulumi's pkg/display/json.go)."""

from collections.abc import Mapping
from typing import Any, Final

from mlpctl.review.plan.model import PlanError
from mlpctl.review.reading import checked, messages
from mlpctl.review.reading.checked import EXPECTED
from mlpctl.review.reading.steps import Raw, exports, step, summary

KEYS: Final = frozenset({"config", "steps", "diagnostics", "duration", "changeSummary", "maybeCorrupt"})

CORRUPT: Final = "The engine reports that the state may be corrupt."

_OTHERS: Final[Mapping[str, str]] = {
    "terraform_version": "a Terraform plan",
    "resource_changes": "a Terraform plan",
    "planned_values": "a Terraform plan",
    "deployment": "a state from `pulumi stack export`",
    "checkpoint": "a state file",
    "resourcePlans": "a plan from `pulumi preview --save-plan`",
}
"""Documents that are often mistaken for a preview, by a key that they contain."""


def read(document: Mapping[str, Any]) -> Raw:
    """Read a digest.

    Raises `PlanError` if the document is not a digest.
    """
    for key, what in _OTHERS.items():
        if key in document and "steps" not in document:
            raise PlanError(f"This is {what}; {EXPECTED}.")
    if not KEYS & document.keys():
        raise PlanError(f"This JSON contains none of the keys {', '.join(sorted(KEYS))}; {EXPECTED}.")
    raw = Raw(config=checked.mapping(document.get("config"), "config"))
    for number, each in enumerate(checked.items(document.get("steps"), "steps")):
        place = f"steps[{number}]"
        raw.steps.append(step(checked.mapping(each, place), place, streamed=False))
    for number, each in enumerate(checked.items(document.get("diagnostics"), "diagnostics")):
        place = f"diagnostics[{number}]"
        messages.diagnostic(raw, checked.mapping(each, place), place)
    summary(raw, document.get("changeSummary"), "changeSummary")
    if checked.flag(document.get("maybeCorrupt"), "maybeCorrupt"):
        raw.incomplete.append(CORRUPT)
    if document.get("changeSummary") is None:
        raw.incomplete.append("The preview ended before the engine's summary.")
    raw.outputs = next((found for each in reversed(raw.steps) if (found := exports(each))), None)
    return raw
