"""Plans of the real engine for tests of reviews, reduced to what a review reads."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from pulumi.runtime import rpc

FOLDER: Final = Path(__file__).parent / "golden" / "plans"

bounded: Final = pytest.mark.timeout(120)
"""Timeout for tests of scaling: with quadratic or worse time, they would take hours."""

AUTOMATIC: Final = re.compile(r"(?<=-)[0-9a-f]{7}\b")
"""The random suffix of an auto-generated name."""

_IDS: Final = re.compile(
    r"\b(vpc|subnet|sg|sgr|eni|eipalloc|eipassoc|igw|nat|rtb|rtbassoc|r-rtb|acl|vpce|lt|fl)-[0-9a-f]+"
)
_UUIDS: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")

_STATE: Final = (
    *("urn", "type", "custom", "id", "parent", "protect", "retainOnDelete", "inputs", "provider", "external"),
    *("pendingReplacement", "additionalSecretOutputs"),
)
_STEP: Final = ("op", "urn", "replaceReasons", "diffReasons", "detailedDiff")


def cut(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan without fields that a review does not read, and without values that differ between runs."""
    steps = []
    for step in sorted(plan["steps"], key=lambda each: each["urn"]):
        kept = {name: step[name] for name in _STEP if name in step}
        for side in ("oldState", "newState"):
            if side in step and not (step["op"] == "same" and side == "oldState"):
                state = step[side]
                causes = {name: each for name, each in (state.get("propertyDependencies") or {}).items() if each}
                kept[side] = {name: state[name] for name in _STATE if name in state} | {
                    "dependencies": sorted(state.get("dependencies") or ()),
                    "propertyDependencies": {name: sorted(each) for name, each in causes.items()},
                }
        steps.append(kept)
    rest = {name: plan[name] for name in ("config", "changeSummary", "diagnostics") if name in plan}
    return {**json.loads(_still(json.dumps(rest))), "steps": json.loads(_still(json.dumps(steps)))}


def _still(text: str) -> str:
    text = AUTOMATIC.sub("0000000", text)
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        found = match[0]
        if found == rpc.UNKNOWN:
            return found
        number = numbers.setdefault(found, len(numbers))
        kind = match.groups()[0] if match.groups() else None
        return f"{kind}-{number:08x}" if kind else f"00000000-0000-4000-8000-{number:012x}"

    return _UUIDS.sub(numbered, _IDS.sub(numbered, text))
