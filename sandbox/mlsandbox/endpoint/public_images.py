"""AWS's public Bottlerocket images and the Systems Manager parameters that contain their IDs.

moto has neither. They are generated on demand, from the same data that validates pinned releases. An image ID is a hash
of the image's properties, so it is the same in every sandbox.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from awsfacts import node_images

ROOT: Final = "/aws/service/bottlerocket"


@dataclass(frozen=True)
class Image:
    """A public image in a region."""

    id: str
    kubernetes: str
    """Minor version of its kubelet."""

    variant: str
    """Suffix after the version in the variant's name: empty or `-nvidia`."""

    architecture: str
    release: str

    @property
    def nvidia(self) -> bool:
        """Whether it has the NVIDIA driver and device plugin."""
        return self.variant == "-nvidia"

    @property
    def name(self) -> str:
        """Its name in EC2."""
        architecture = "aarch64" if self.architecture == "arm64" else self.architecture
        return f"bottlerocket-aws-k8s-{self.kubernetes}{self.variant}-{architecture}-v{self.release}"

    @property
    def parameters(self) -> Iterator[tuple[str, str]]:
        """Names and values of its parameters, for the release with and without the build ID."""
        path = node_images.parameters(self.kubernetes, self.variant, self.architecture)
        for release in (self.release, self.release.split("-")[0]):
            yield f"{path}/{release}/image_id", self.id
            yield f"{path}/{release}/image_version", self.release


def find(region: str, id: str) -> Image | None:
    """The image with an ID; None if it is not a public Bottlerocket image."""
    return _by_id(region).get(id)


def images(region: str) -> Iterable[Image]:
    """Every public image of a region."""
    return _by_id(region).values()


@cache
def _by_id(region: str) -> dict[str, Image]:
    found = {}
    for release, versions in node_images.all_releases().items():
        for kubernetes in versions:
            for variant in node_images.VARIANTS:
                for architecture in node_images.ARCHITECTURES:
                    what = f"{region} {kubernetes}{variant} {architecture} {release}"
                    id = f"ami-0{hashlib.sha256(what.encode()).hexdigest()[:16]}"
                    found[id] = Image(id, kubernetes, variant, architecture, release)
    return found
