"""Which of the two goes first in a replacement of which a plan does not list the steps: the old one, by its name.

Where the program names something, and the name stays, the new one cannot be there beside the old one. Providers then
ask the engine to delete first. Of Kubernetes: `Diff` in
https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/provider.go; of what is bridged from
Terraform: `nameRequiresDeleteBeforeReplace` in
https://github.com/pulumi/pulumi-terraform-bridge/blob/main/pkg/tfbridge/schema.go.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.naming import own_keys
from mlpctl.review.plan import PROVIDER
from mlpctl.review.steps import Step

_DEFAULTS: Final = "__defaults"
"""The bridge's list of the inputs that it filled in itself, names that it made among them."""

_AUTONAMED: Final = "pulumi.com/autonamed"
"""The annotation of an object that the Kubernetes provider named."""


def has_to_go_first(steps: Sequence[Step]) -> bool:
    """Whether the old one has to go before the new one comes, as far as names tell it."""
    for step in reversed(steps):
        if step.old is None or step.new is None:
            continue
        # Another provider makes the new one elsewhere.
        if step.keys and set(step.keys) <= {PROVIDER}:
            return False
        kind = urns.kind(step.urn)
        keeps = _keeps_object if kind.startswith(urns.KUBERNETES) else _keeps_name
        return keeps(kind, step.old.inputs, step.new.inputs)
    return False


def _keeps_object(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether an object of Kubernetes keeps a name that the program gave it."""
    was, will = (_mapping(each.get("metadata")) for each in (old, new))
    autonamed = str(_mapping(will.get("annotations")).get(_AUTONAMED)).lower() == "true"
    return not autonamed and all(was.get(key) == will.get(key) for key in ("name", "namespace"))


def _keeps_name(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a resource keeps a name that the program gave it; without the bridge's list it counts as made."""
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
