"""Migrates stack states that the sandbox's former Kubernetes provider wrote, for Pulumi's own provider.

Pulumi's provider compares a program with the inputs that it stores in a resource's outputs. The former provider did not
store them there. Without them, the next update would replace all objects in the cluster.
"""

import json
from pathlib import Path
from typing import Any, Final

from mlsandbox.ground import files
from mlsandbox.ground.layout import Layout

_OF_A_PROVIDER: Final = '"__fieldManager"'
_INPUTS: Final = "__inputs"
_API_VERSION: Final = "__initialApiVersion"


def complete(layout: Layout) -> list[Path]:
    """Add the missing inputs to the states of this sandbox. Returns the changed files. Idempotent."""
    return [state for state in layout.pulumi_backend.glob(".pulumi/stacks/**/*.json") if _complete(state)]


def _complete(state: Path) -> bool:
    text = state.read_text(encoding="utf-8")
    if _OF_A_PROVIDER not in text:
        return False
    try:
        content = json.loads(text)
        resources = (content["checkpoint"]["latest"] or {}).get("resources") or ()
    except (ValueError, KeyError, TypeError):
        # Pulumi reports the error in the state when the stack is used.
        return False
    changed = [_with_inputs(resource) for resource in resources]
    if any(changed):
        files.replace(state, json.dumps(content, separators=(",", ":")))
    return any(changed)


def _with_inputs(resource: dict[str, Any]) -> bool:
    outputs = resource.get("outputs") or {}
    if "__fieldManager" not in outputs or _INPUTS in outputs:
        return False
    # Each secret in the inputs is encrypted and remains encrypted.
    inputs = resource.get("inputs") or {}
    outputs[_INPUTS] = inputs
    outputs[_API_VERSION] = inputs.get("apiVersion", outputs.get("apiVersion"))
    return True
