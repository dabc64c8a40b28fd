"""Determines from names whether a replacement deletes the old resource first, if the plan does not list its steps.

If the program sets the name of a resource and the name does not change, the old and the new resource cannot exist at
the same time, and the provider requests delete-before-replace. Kubernetes: `Diff` in
https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/provider.go; bridged Terraform providers:
`nameRequiresDeleteBeforeReplace` in
https://github.com/pulumi/pulumi-terraform-bridge/blob/main/pkg/tfbridge/schema.go.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.plan.model import PROVIDER
from mlpctl.review.reading.steps import Step
from mlpctl.review.types.naming import own_keys

_DEFAULTS: Final = "__defaults"
"""The bridge's list of the inputs that it set itself, including generated names."""

_AUTONAMED: Final = "pulumi.com/autonamed"
"""The annotation of an object whose name the Kubernetes provider generated."""


def has_to_go_first(steps: Sequence[Step]) -> bool:
    """Whether the names require that the old resource is deleted before the new one is created."""
    for step in reversed(steps):
        if step.old is None or step.new is None:
            continue
        # Another provider creates the new resource elsewhere.
        if step.keys and set(step.keys) <= {PROVIDER}:
            return False
        kind = urns.kind(step.urn)
        keeps = _keeps_object if kind.startswith(urns.KUBERNETES) else _keeps_name
        return keeps(kind, step.old.inputs, step.new.inputs)
    return False


def _keeps_object(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a Kubernetes object keeps a name that the program set."""
    was, will = (_mapping(each.get("metadata")) for each in (old, new))
    autonamed = str(_mapping(will.get("annotations")).get(_AUTONAMED)).lower() == "true"
    return not autonamed and all(was.get(key) == will.get(key) for key in ("name", "namespace"))


def _keeps_name(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a resource keeps a name that the program set; without the bridge's list the name counts as generated."""
    defaults = new.get(_DEFAULTS)
    if not isinstance(defaults, list):
        return False
    named = own_keys(kind)
    return any(
        key.lower() in named and key not in defaults and isinstance(value, str) and value == old.get(key)
        for key, value in new.items()
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
