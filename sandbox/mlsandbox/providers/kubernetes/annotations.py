"""What `pulumi.com/…` annotations ask of the provider, as users of pulumi-kubernetes know them.

Source: https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/#pulumi-kubernetes-annotations
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlsandbox.providers.kubernetes.objects import Object, dig

AUTONAMED = "pulumi.com/autonamed"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
PATCH_FORCE = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
WAIT_FOR = "pulumi.com/waitFor"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"


def annotation(item: Mapping[str, Any], name: str) -> str | None:
    """The annotation's value, if it is a known text."""
    value = dig(item, "metadata", "annotations", name)
    return value if isinstance(value, str) else None


def is_true(item: Mapping[str, Any], name: str) -> bool:
    """Whether the annotation says `true`."""
    return annotation(item, name) == "true"


def annotate(item: Object, name: str, value: str) -> None:
    """Set an annotation in place, unless the annotations are not known yet."""
    metadata = item.setdefault("metadata", {})
    existing = metadata.get("annotations") or {}
    if isinstance(existing, Mapping):
        metadata["annotations"] = {**existing, name: value}


def timeout(item: Mapping[str, Any], asked_s: float, default_s: float) -> float:
    """Seconds to wait: `customTimeouts`, else the annotation, else the default, in the official provider's order."""
    if asked_s > 0:
        return asked_s
    try:
        return float(annotation(item, TIMEOUT_SECONDS) or default_s)
    except ValueError:
        return default_s


def propagation(item: Mapping[str, Any], default: str) -> str:
    """How dependents of a deleted object go: `Foreground`, `Background` or `Orphan`, as the annotation says."""
    asked = (annotation(item, DELETION_PROPAGATION) or "").capitalize()
    return asked if asked in ("Foreground", "Background", "Orphan") else default


def wait_for(item: Mapping[str, Any]) -> Sequence[str]:
    """The expressions of `pulumi.com/waitFor`: one, or a JSON list of them."""
    text = annotation(item, WAIT_FOR)
    if not text:
        return ()
    try:
        expressions = json.loads(text)
    except ValueError:
        return (text,)
    return tuple(map(str, expressions)) if isinstance(expressions, list) else (text,)
