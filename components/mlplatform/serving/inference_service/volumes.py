"""The spec of shared volumes of a model, and their parts of the pod spec."""

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
"""Mount path: letters, digits and `. _ - /`, not longer than Linux allows for a file name:
https://man7.org/linux/man-pages/man7/path_resolution.7.html"""

TAKEN: Final = ("/dev", "/etc", "/mnt/secrets", "/proc", "/run", "/sys", "/tmp", "/var/run")
"""Folders that Linux, Kubernetes or the platform mounts in a container."""

Claims = Mapping[str, pulumi.Input[str]]
"""Claim names by volume names."""

NO_CLAIMS: Final[Claims] = {}


class SharedVolume(Spec):
    """A directory of a shared file system, mounted in the pods of a model."""

    filesystem: str
    """Name of a file system of `sharedFilesystems`."""

    access_point: str
    """Name of one of its `accessPoints`."""

    path: str = Field(max_length=MAX_MOUNT, pattern=MOUNT, examples=["/models"])
    """Mount path in the container, e.g. `/models`."""

    read_only: bool = True
    """Mount the directory read-only."""

    @field_validator("path")
    @classmethod
    def _path_is_nobody_s(cls, value: str) -> str:
        if any(_is_in(value, each) or _is_in(each, value) for each in TAKEN):
            raise ValueError(f"allowed: paths that are neither inside nor above {', '.join(TAKEN)}")
        return value

    @property
    def source(self) -> str:
        """The access point, as `FILESYSTEM/ACCESSPOINT`."""
        return f"{self.filesystem}/{self.access_point}"


Volumes = Mapping[str, SharedVolume]


def logical_name(model: str, volume: str) -> str:
    """Beginning of the logical names of a model's volume and its claim."""
    return f"{model}-mount-{volume}"


def inside_others(volumes: Volumes) -> list[str]:
    """Problems of volumes whose mount path is inside that of another volume: one line per volume."""
    places = sorted((volume.path, name) for name, volume in volumes.items())
    return [
        f"volumes.{name}.path is {path}; allowed: paths outside {above}, where {other} is mounted"
        for (above, other), (path, name) in itertools.combinations(places, 2)
        if _is_in(path, above)
    ]


def claim(name: str, volume: str, handle: pulumi.Input[str]) -> pulumi.Output[str]:
    """Name of the claim of a volume of the model `name`.

    The name contains the ID of the access point. If the access point changes, the new claim is therefore created before
    the pods that use the old one are terminated.
    """
    return pulumi.Output.concat(name, "-", volume, "-", pulumi.Output.from_input(handle).apply(claims.suffix))


def names_of(claimed: Mapping[str, "k8s.core.v1.PersistentVolumeClaim"]) -> Claims:
    """The names of claims, as outputs that are known when the claims exist."""
    return {
        volume: pulumi.Output.from_input(each.metadata).apply(lambda known: str(known["name"]))
        for volume, each in claimed.items()
    }


def of_pod(volumes: Volumes, claimed: Claims) -> list[dict[str, Any]]:
    """The `volumes` of the pod spec."""
    return [
        {
            "name": _name(name),
            "persistent_volume_claim": {"claim_name": claimed[name], "read_only": volume.read_only},
        }
        for name, volume in volumes.items()
    ]


def of_container(volumes: Volumes) -> list[dict[str, Any]]:
    """The `volumeMounts` of a container."""
    return [
        {"name": _name(name), "mount_path": volume.path, "read_only": volume.read_only}
        for name, volume in volumes.items()
    ]


def _name(volume: str) -> str:
    """Name of a volume in the pod spec, distinct from those that every pod of a model has."""
    return f"files-{volume}"


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
