"""The parts of a URN: `urn:pulumi:STACK::PROJECT::PARENT-TYPE$TYPE::NAME`."""

from collections.abc import Mapping
from typing import Final

_START: Final = "urn:pulumi:"

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE: Final = "pulumi:providers:"
"""Prefix of provider types."""

KUBERNETES: Final = "kubernetes:"
"""Prefix of the types of objects in a cluster."""


def is_urn(text: str) -> bool:
    """Whether a text is a URN."""
    return text.startswith(_START) and text.count("::") >= 3


def stack(urn: str) -> str:
    """The name of the stack."""
    return urn.removeprefix(_START).split("::")[0]


def project(urn: str) -> str:
    """The name of the project."""
    return urn.split("::")[1]


def kind(urn: str) -> str:
    """The type, without the parents' types."""
    return urn.split("::")[2].split("$")[-1]


def class_name(urn: str) -> str:
    """The last part of the type, e.g. `GpuNodePool`."""
    return class_of(kind(urn))


def class_of(type: str) -> str:
    """The last part of a type, e.g. `Cluster` of `aws:eks/cluster:Cluster`."""
    return type.rsplit(":", 1)[-1]


def name(urn: str) -> str:
    """The logical name, which may contain `::`."""
    return urn.split("::", 3)[-1]


def renamed(urn: str, name: str) -> str:
    """The URN with another logical name."""
    return "::".join([*urn.split("::", 3)[:3], name])


def of_provider(reference: str) -> str:
    """The URN in a reference to a provider, `URN::ID`."""
    return reference.rsplit("::", 1)[0]


def outermost(urn: str, parents: Mapping[str, str]) -> str:
    """URN of the outermost component that a resource belongs to; its own URN if it belongs to none.

    `parents` maps each URN to its parent's URN, or to an empty string.
    """
    while parents.get(urn) and kind(parents[urn]) != STACK_TYPE:
        urn = parents[urn]
    return urn


def outermosts(parents: Mapping[str, str]) -> dict[str, str]:
    """The outermost component of every resource, as in `outermost`."""
    found: dict[str, str] = {}
    for urn in parents:
        way = []
        while urn not in found:
            way.append(urn)
            above = parents.get(urn)
            if not above or kind(above) == STACK_TYPE:
                found[urn] = urn
            else:
                urn = above
        found |= dict.fromkeys(way, found[urn])
    return found
