"""Which releases of Bottlerocket have images for which Kubernetes versions: facts from one dated file.

`node_images.json` names its sources and its date; `mlpctl images refresh` writes it anew.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).with_name("node_images.json")

RELEASE: Final = r"^[0-9]+\.[0-9]+\.[0-9]+-[0-9a-f]{8}$"
"""A release with its build: https://docs.aws.amazon.com/eks/latest/userguide/eks-ami-versions-bottlerocket.html"""

ARCHITECTURES: Final = ("x86_64", "arm64")
"""Processor architectures, as EC2 and the image parameters name them."""

VARIANTS: Final = ("", "-nvidia")
"""What follows the Kubernetes version in a variant's name: nothing, or the one with NVIDIA's driver."""


def releases(kubernetes: str) -> list[str]:
    """The releases that have images for a Kubernetes minor version, e.g. `1.36`; the newest first.

    A release counts where it has them with and without NVIDIA's driver, for both architectures.
    """
    found = [release for release, versions in _data()["releases"].items() if kubernetes in versions]
    return sorted(found, key=order, reverse=True)


def all_releases() -> Mapping[str, list[str]]:
    """The Kubernetes versions of each release."""
    found: Mapping[str, list[str]] = _data()["releases"]
    return found


def date() -> str:
    """The day of the file, e.g. `2026-09-22`."""
    return str(_data()["date"])


def parameter(kubernetes: str, release: str, *, nvidia: bool, arm: bool) -> str:
    """Name of the public parameter of Systems Manager that holds the image's id.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id-bottlerocket.html
    """
    variant, architecture = VARIANTS[nvidia], ARCHITECTURES[arm]
    return f"{parameters(kubernetes, variant, architecture)}/{release}/image_id"


def parameters(kubernetes: str, variant: str, architecture: str) -> str:
    """The path below which the parameters of a variant's images lie."""
    return f"/aws/service/bottlerocket/aws-k8s-{kubernetes}{variant}/{architecture}"


def order(release: str) -> tuple[int, ...]:
    """A release's place among others."""
    return tuple(int(part) for part in release.split("-")[0].split("."))


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))
