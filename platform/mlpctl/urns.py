"""The parts of a URN: `urn:pulumi:STACK::PROJECT::PARENT-TYPE$TYPE::NAME`."""

from collections.abc import Mapping
from typing import Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE: Final = "pulumi:providers:"
"""Prefix of provider types."""

KUBERNETES: Final = "kubernetes:"
"""Prefix of the types of objects in a cluster."""


def kind(urn: str) -> str:
    """The type, without the parents' types."""
    return urn.split("::")[2].split("$")[-1]


def class_name(urn: str) -> str:
    """The last part of the type, e.g. `GpuNodePool`."""
    return kind(urn).rsplit(":", 1)[-1]


def name(urn: str) -> str:
    """The logical name, which may contain `::`."""
    return urn.split("::", 3)[-1]


def outermost(urn: str, parents: Mapping[str, str]) -> str:
    """URN of the outermost component that a resource belongs to; its own URN if it belongs to none.

    `parents` maps each URN to its parent's URN, or to an empty string.
    """
    while parents.get(urn) and kind(parents[urn]) != STACK_TYPE:
        urn = parents[urn]
    return urn
