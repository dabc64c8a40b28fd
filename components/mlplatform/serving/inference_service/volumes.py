"""Directories of shared file systems in the pods of a model: as specs, and as parts of a pod."""

import itertools
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s
from pydantic import Field, field_validator

from mlplatform.spec import Spec
from mlplatform.storage.shared_filesystem import claims

MOUNT: Final = r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"
MAX_MOUNT: Final = 255
"""Where something is mounted, of plain characters, and no longer than a folder's name may be:
https://man7.org/linux/man-pages/man7/path_resolution.7.html"""

TAKEN: Final = ("/dev", "/etc", "/mnt/secrets", "/proc", "/run", "/sys", "/tmp", "/var/run")
"""What Linux, Kubernetes and the platform itself put into a container."""

Claims = Mapping[str, pulumi.Input[str]]
"""Names of claims by the names of volumes."""

NO_CLAIMS: Final[Claims] = {}


class SharedVolume(Spec):
    """A directory of a shared file system, mounted in the pods of a model."""

    filesystem: str
    """Name of a file system of `sharedFilesystems`."""

    access_point: str
    """Name of one of its `accessPoints`."""

    path: str = Field(max_length=MAX_MOUNT, pattern=MOUNT, examples=["/models"])
    """Folder where it is mounted, e.g. `/models`."""

    read_only: bool = True
    """Whether the model only reads it."""

    @field_validator("path")
    @classmethod
    def _path_is_nobody_s(cls, value: str) -> str:
        if any(_is_in(value, each) or _is_in(each, value) for each in TAKEN):
            raise ValueError(f"allowed: folders that neither lie in nor hold {', '.join(TAKEN)}")
        return value

    @property
    def source(self) -> str:
        """What is mounted, `FILESYSTEM/ACCESSPOINT`."""
        return f"{self.filesystem}/{self.access_point}"


Volumes = Mapping[str, SharedVolume]


def logical_name(model: str, volume: str) -> str:
    """Beginning of the logical names of a model's volume and its claim."""
    return f"{model}-mount-{volume}"


def inside_others(volumes: Volumes) -> list[str]:
    """What is wrong with volumes that hide each other: a line for each."""
    places = sorted((volume.path, name) for name, volume in volumes.items())
    return [
        f"volumes.{name}.path is {path}; allowed: folders outside of {above}, where {other} is mounted"
        for (above, other), (path, name) in itertools.combinations(places, 2)
        if _is_in(path, above)
    ]


def claim(name: str, volume: str, handle: pulumi.Input[str]) -> pulumi.Output[str]:
    """The claim of a volume of the model `name`.

    What is mounted is part of its name, so that another one is claimed before the pods that have this one go.
    """
    return pulumi.Output.concat(name, "-", volume, "-", pulumi.Output.from_input(handle).apply(claims.suffix))


def names_of(claimed: Mapping[str, "k8s.core.v1.PersistentVolumeClaim"]) -> Claims:
    """The names of claims, known once these are there."""
    return {
        volume: pulumi.Output.from_input(each.metadata).apply(lambda known: str(known["name"]))
        for volume, each in claimed.items()
    }


def of_pod(volumes: Volumes, claimed: Claims) -> list[dict[str, Any]]:
    """The volumes of a pod."""
    return [
        {
            "name": _name(name),
            "persistent_volume_claim": {"claim_name": claimed[name], "read_only": volume.read_only},
        }
        for name, volume in volumes.items()
    ]


def of_container(volumes: Volumes) -> list[dict[str, Any]]:
    """Where a container mounts them."""
    return [
        {"name": _name(name), "mount_path": volume.path, "read_only": volume.read_only}
        for name, volume in volumes.items()
    ]


def _name(volume: str) -> str:
    """A pod's name for a volume, beside those that every pod of a model has."""
    return f"files-{volume}"


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
