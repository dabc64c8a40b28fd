"""The Kubernetes versions that each Bottlerocket release supports, and supported instance types, from dated files.

`node_images.json` contains its sources and its date; `mlpctl images refresh` updates it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from awsfacts import instances
from awsfacts.instances import InstanceType

DATA: Final = Path(__file__).with_name("node_images.json")

NVIDIA_DATA: Final = Path(__file__).with_name("nvidia_families.json")
"""The instance families that images with the NVIDIA driver support, with source and date."""

RELEASE: Final = r"^[0-9]+\.[0-9]+\.[0-9]+-[0-9a-f]{8}$"
"""A release version with its build ID: https://docs.aws.amazon.com/eks/latest/userguide/eks-ami-versions-bottlerocket.html"""

ARCHITECTURES: Final = ("x86_64", "arm64")
"""Processor architectures, by their names in EC2 and in the image parameters."""

VARIANTS: Final = ("", "-nvidia")
"""Suffixes after the Kubernetes version in a variant's name: none, or that of the variant with the NVIDIA driver."""


def releases(kubernetes: str) -> list[str]:
    """The releases that have images for a Kubernetes minor version, e.g. `1.36`; newest first.

    A release is included only if it has images with and without the NVIDIA driver, for both architectures.
    """
    found = [release for release, versions in _data()["releases"].items() if kubernetes in versions]
    return sorted(found, key=order, reverse=True)


def all_releases() -> Mapping[str, list[str]]:
    """The Kubernetes versions of each release."""
    found: Mapping[str, list[str]] = _data()["releases"]
    return found


def date() -> str:
    """The date of the file, e.g. `2026-09-22`."""
    return str(_data()["date"])


def parameter(kubernetes: str, release: str, *, nvidia: bool, arm: bool) -> str:
    """Name of the public Systems Manager parameter that contains the image ID.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id-bottlerocket.html
    """
    variant, architecture = VARIANTS[nvidia], ARCHITECTURES[arm]
    return f"{parameters(kubernetes, variant, architecture)}/{release}/image_id"


def parameters(kubernetes: str, variant: str, architecture: str) -> str:
    """The path of the parameters of a variant's images."""
    return f"/aws/service/bottlerocket/aws-k8s-{kubernetes}{variant}/{architecture}"


def types(
    names: Sequence[str],
    problem: Callable[[InstanceType], str | None],
    fits: Callable[[InstanceType], bool] = lambda _: True,
) -> list[InstanceType]:
    """The facts about the instance types of a pool; for use in a field validator.

    Args:
        names: names of types.
        problem: what is allowed instead of a type; None if the pool can use the type.
        fits: a further condition for the types that are suggested for a misspelled name.

    Raises:
        ValueError: EC2 does not have some of `names`, or the pool cannot use them; the message lists them.
    """
    found = instances.known(names, lambda facts: problem(facts) is None and fits(facts))
    wrong: dict[str, list[str]] = {}
    for facts in found:
        if allowed := problem(facts):
            wrong.setdefault(allowed, []).append(facts.name)
    if wrong:
        raise ValueError("\n".join(f"{', '.join(those)}: allowed: {allowed}" for allowed, those in wrong.items()))
    return found


def not_for_plain_nodes(facts: InstanceType) -> str | None:
    """What is allowed instead of a type for nodes without GPUs; None if their image runs on the type."""
    if facts.architecture.endswith("_mac"):
        return "types that run Linux, such as m7i.large; a Mac runs only macOS"
    if facts.architecture != "x86_64":
        return "x86-64 types such as m7i.large"
    return _not_nitro(facts, "m7i.large")


def not_for_gpu_nodes(facts: InstanceType) -> str | None:
    """What is allowed instead of a type for nodes with GPUs; None if their image runs on the type."""
    if facts.gpu_manufacturer != instances.NVIDIA:
        return "types with NVIDIA GPUs (families g, gr, p), e.g. g6.2xlarge, p5.48xlarge"
    known = _nvidia()["families"]
    if facts.name.split(".")[0] in known.get(facts.architecture, ()):
        return _not_nitro(facts, "g6.2xlarge")
    families = ", ".join(family for each in ARCHITECTURES for family in known[each])
    return f"families that the driver in EKS's images supports, as of {_nvidia()['date']} ({families})"


def _not_nitro(facts: InstanceType, example: str) -> str | None:
    """What is allowed instead of a type that is not on the Nitro System; None if the type is on it.

    The VPC CNI assigns address prefixes only on Nitro types; on others, a node has addresses for few pods.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/cni-increase-ip-addresses-procedure.html
    """
    if not facts.xen:
        return None
    return (
        f"types on the Nitro System such as {example}, since pods get their addresses from prefixes, which other types "
        "do not support"
    )


def order(release: str) -> tuple[int, ...]:
    """Sort key of a release."""
    return tuple(int(part) for part in release.split("-")[0].split("."))


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))


@cache
def _nvidia() -> Any:
    return json.loads(NVIDIA_DATA.read_text(encoding="utf-8"))
