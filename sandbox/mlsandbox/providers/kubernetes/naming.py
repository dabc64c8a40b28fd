"""Which object a Pulumi resource stands for: its kind, its name, and what the sandbox has no resource for."""

import hashlib
import random
from collections.abc import Mapping
from typing import Any

from mlsandbox.providers.kubernetes.annotations import AUTONAMED, annotate, is_true
from mlsandbox.providers.kubernetes.objects import Kind, Object, dig
from mlsandbox.providers.protocol import Subject

RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"

# These are components that the official plugin builds itself, from charts and manifests that it fetches.
_NOT_HERE = {
    "kubernetes:helm.sh/": "The sandbox renders no charts; use `kubernetes.helm.v3.Release`, which it records.",
    "kubernetes:yaml": "Use one resource per object.",
    "kubernetes:kustomize": "Use one resource per object.",
}

# What follows the logical name in the official provider: `resource.NewUniqueName` with its eight hexadecimal digits.
_SUFFIX_DIGITS = 8

_MANAGER_PREFIX = "pulumi-kubernetes-"


def refusal(type: str) -> str | None:
    """Why the sandbox has no resource of this type; None if it has."""
    if type == RELEASE_TYPE:
        return None
    for prefix, advice in _NOT_HERE.items():
        if type.startswith(prefix):
            return f"{type} is not in the sandbox. {advice}"
    kind = kind_of_type(type)
    if kind.name.endswith("List") and kind.comes_with_kubernetes:
        return f"{type} cannot be made: a list exists in manifests only. Use one {kind.name[:-4]} per object."
    return None


def kind_of_type(type: str) -> Kind:
    """The kind in a type token: `kubernetes:apps/v1:Deployment` is `apps/v1 Deployment`."""
    _, module, name = type.split(":", 2)
    return Kind(module.removeprefix("core/"), name)


def kind_of(subject: Subject, inputs: Mapping[str, Any]) -> Kind:
    """The object's kind: what its inputs say (a patch's type ends in `Patch`), else its type (an import has none)."""
    of_type = kind_of_type(subject.type)
    api_version, name = inputs.get("apiVersion"), inputs.get("kind")
    return Kind(
        api_version if isinstance(api_version, str) else of_type.api_version,
        name if isinstance(name, str) else of_type.name,
    )


def is_patch(subject: Subject, kind: Kind) -> bool:
    """Whether the resource owns some fields of an object that another made."""
    return subject.type.rpartition(":")[2] == f"{kind.name}Patch"


def name_object(item: Object, olds: Mapping[str, Any], subject: Subject, seed: bytes) -> None:
    """Give a nameless object its name in place: the one it has, or the logical name with a random suffix.

    The engine's seed makes the name of the update the one of its preview.
    """
    if dig(item, "metadata", "name") or dig(item, "metadata", "generateName"):
        return
    item["metadata"] = dict(item.get("metadata") or {})
    old_name = dig(olds, "metadata", "name")
    if old_name and is_true(olds, AUTONAMED):
        item["metadata"]["name"] = old_name
    else:
        item["metadata"]["name"] = unique_name(subject.name, seed)
    annotate(item, AUTONAMED, "true")


def unique_name(logical_name: str, seed: bytes) -> str:
    """The logical name and eight random hexadecimal digits; equal seeds give equal names."""
    digits = random.Random(seed or None)
    return f"{logical_name}-" + "".join(digits.choice("0123456789abcdef") for _ in range(_SUFFIX_DIGITS))


def field_manager(subject: Subject) -> str:
    """A name for the owner of the resource's fields, one per resource, as the official provider's random one."""
    return _MANAGER_PREFIX + hashlib.sha256(subject.urn.encode()).hexdigest()[:_SUFFIX_DIGITS]
