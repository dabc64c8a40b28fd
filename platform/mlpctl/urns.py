"""What a URN says: `urn:pulumi:STACK::PROJECT::PARENT-TYPE$TYPE::NAME`."""

from collections.abc import Mapping
from typing import Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE: Final = "pulumi:providers:"
"""How the types of providers begin."""

KUBERNETES: Final = "kubernetes:"
"""How the types of objects in a cluster begin."""


def kind(urn: str) -> str:
    """The type, without the parents' types."""
    return urn.split("::")[2].split("$")[-1]


def class_name(urn: str) -> str:
    """The last part of the type, e.g. `GpuNodePool`."""
    return kind(urn).rsplit(":", 1)[-1]


def name(urn: str) -> str:
    """The logical name, which may have `::` in it."""
    return urn.split("::", 3)[-1]


def outermost(urn: str, parents: Mapping[str, str]) -> str:
    """URN of the outermost component that a resource belongs to; the resource's own where it stands alone.

    `parents` has the parent's URN of each, or an empty text.
    """
    while parents.get(urn) and kind(parents[urn]) != STACK_TYPE:
        urn = parents[urn]
    return urn
