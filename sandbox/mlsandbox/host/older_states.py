"""States of stacks that the sandbox's provider of before wrote, made readable for Pulumi's own provider for Kubernetes.

Pulumi's provider compares a program with the inputs that it keeps among a resource's outputs. The provider of before
left them to the engine. Without them, everything in a cluster would be replaced.
"""

import json
from pathlib import Path
from typing import Any, Final

from mlsandbox.host import files
from mlsandbox.host.layout import Layout

_OF_A_PROVIDER: Final = '"__fieldManager"'
_INPUTS: Final = "__inputs"
_API_VERSION: Final = "__initialApiVersion"


def complete(layout: Layout) -> list[Path]:
    """Complete the states of this sandbox; those that were changed. A second time changes nothing."""
    return [state for state in layout.pulumi_backend.glob(".pulumi/stacks/**/*.json") if _complete(state)]


def _complete(state: Path) -> bool:
    text = state.read_text(encoding="utf-8")
    if _OF_A_PROVIDER not in text:
        return False
    try:
        content = json.loads(text)
        resources = (content["checkpoint"]["latest"] or {}).get("resources") or ()
    except (ValueError, KeyError, TypeError):
        # Whoever uses the stack is told what is wrong with its state.
        return False
    changed = [_with_inputs(resource) for resource in resources]
    if any(changed):
        files.replace(state, json.dumps(content, separators=(",", ":")))
    return any(changed)


def _with_inputs(resource: dict[str, Any]) -> bool:
    outputs = resource.get("outputs") or {}
    if "__fieldManager" not in outputs or _INPUTS in outputs:
        return False
    # Secrets in them are encrypted one by one, and stay so.
    inputs = resource.get("inputs") or {}
    outputs[_INPUTS] = inputs
    outputs[_API_VERSION] = inputs.get("apiVersion", outputs.get("apiVersion"))
    return True
