"""AWS's public images of Bottlerocket: the parameters that name them, and the images that these name.

moto has neither. They are made when they are asked for, from the facts that pins are checked by, and an image's id is
made from what it is: the same in each sandbox.
"""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from moto.core.utils import utcnow
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ssm.models import Parameter, ParameterDict

from awsfacts import node_images

ROOT: Final = "/aws/service/bottlerocket"


@dataclass(frozen=True)
class Image:
    """A public image in a region."""

    id: str
    kubernetes: str
    """Minor version whose kubelet it has."""

    variant: str
    """What follows the version in the variant's name: nothing or `-nvidia`."""

    architecture: str
    release: str

    @property
    def nvidia(self) -> bool:
        """Whether it has NVIDIA's driver and device plugin."""
        return self.variant == "-nvidia"

    @property
    def name(self) -> str:
        """Its name in EC2."""
        architecture = "aarch64" if self.architecture == "arm64" else self.architecture
        return f"bottlerocket-aws-k8s-{self.kubernetes}{self.variant}-{architecture}-v{self.release}"

    @property
    def parameters(self) -> Iterator[tuple[str, str]]:
        """Names and values of the parameters that lead to it, by the release with and without its build."""
        path = node_images.parameters(self.kubernetes, self.variant, self.architecture)
        for release in (self.release, self.release.split("-")[0]):
            yield f"{path}/{release}/image_id", self.id
            yield f"{path}/{release}/image_version", self.release


def find(region: str, id: str) -> Image | None:
    """The image of an id; None where it is no public one of Bottlerocket."""
    return _images(region).get(id)


@cache
def _images(region: str) -> dict[str, Image]:
    found = {}
    for release, versions in node_images.all_releases().items():
        for kubernetes in versions:
            for variant in node_images.VARIANTS:
                for architecture in node_images.ARCHITECTURES:
                    what = f"{region} {kubernetes}{variant} {architecture} {release}"
                    id = f"ami-0{hashlib.sha256(what.encode()).hexdigest()[:16]}"
                    found[id] = Image(id, kubernetes, variant, architecture, release)
    return found


_LOADING: Final = threading.Lock()

_check_loading_status = ParameterDict._check_loading_status
_describe_images = AmiBackend.describe_images


def _load_parameters(self: ParameterDict, key: str) -> None:
    """AWS has these parameters in each region; they are put into a store when one of them is first asked for."""
    _check_loading_status(self, key)
    if not str(key or "").startswith(ROOT):
        return
    # Requests come side by side: none may find the store half full.
    with _LOADING:
        if getattr(self, "bottlerocket_loaded", False):
            return
        for image in _images(self.region_name).values():
            for name, value in image.parameters:
                dict.__setitem__(self, name, [_parameter(self, name, value)])
        self.bottlerocket_loaded = True  # type: ignore[attr-defined]  # as moto marks the parameters that it has


def _parameter(store: ParameterDict, name: str, value: str) -> Parameter:
    return Parameter(  # type: ignore[abstract]  # as moto makes its own
        account_id=store.account_id,
        name=name,
        value=value,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=utcnow(),
        version=1,
        data_type="text",
    )


def _describe_public_images(self: Any, ami_ids: Sequence[str] | None = None, *given: Any, **named: Any) -> list[Ami]:
    """An image of Bottlerocket is there for whoever knows its id."""
    for id in ami_ids or ():
        image = find(self.region_name, id)
        if image is not None and id not in self.amis:
            self.amis[id] = Ami(
                self,
                id,
                name=image.name,
                description=image.name,
                owner_id="137112412989",
                owner_alias="amazon",
                public=True,
                virtualization_type="hvm",
                architecture=image.architecture,
                root_device_type="ebs",
                root_device_name="/dev/xvda",
                region_name=f"{self.region_name}a",
            )
    return _describe_images(self, ami_ids, *given, **named)  # type: ignore[arg-type]  # as moto calls it


def apply() -> None:
    """Have moto's Systems Manager and EC2 answer so, for the whole process. A second time changes nothing."""
    ParameterDict._check_loading_status = _load_parameters  # type: ignore[method-assign]  # as meant
    AmiBackend.describe_images = _describe_public_images  # type: ignore[method-assign]  # as meant
