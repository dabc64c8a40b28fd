"""The Kubernetes objects by which pods mount shared file systems."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s

from mlplatform.component import Component

DRIVER: Final = "efs.csi.aws.com"

SIZE: Final = "1Gi"
"""What a volume and its claim have to say. EFS grows by itself, and its driver ignores it:
https://docs.aws.amazon.com/eks/latest/userguide/efs-csi.html"""

MANY: Final = ["ReadWriteMany"]

NO_CLASS: Final = ""
"""Class of what nothing provisions: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#class-1"""

BASE_PATH: Final = "/claims"
"""Directory of dynamic claims, beside those of access points."""


def handle(filesystem_id: pulumi.Input[str], access_point_id: pulumi.Input[str]) -> pulumi.Output[str]:
    """How the driver is told what to mount.

    https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/examples/kubernetes/efs/access_points/README.md
    """
    return pulumi.Output.concat(filesystem_id, "::", access_point_id)


def point_logical_name(filesystem: str, access_point: str) -> str:
    """Logical name of an access point."""
    return f"{filesystem}-point-{access_point}"


def claim_logical_name(filesystem: str, access_point: str, namespace: str) -> str:
    """Beginning of the logical names of the volume and the claim of an access point in a namespace."""
    return f"{point_logical_name(filesystem, access_point)}-in-{namespace}"


def claim_name(filesystem: str, access_point: str) -> str:
    """The claim of an access point, in each of its namespaces."""
    return f"{filesystem}-{access_point}"


def suffix(volume_handle: str) -> str:
    """End of the names of what is created for an access point, so that another one's objects come before its own go.

    >>> suffix("fs-0123456789abcdef0::fsap-0fedcba9876543210")
    '0fedcba9876543210'
    """
    return volume_handle.rpartition("::")[2].removeprefix("fsap-")


def volume_name(namespace: str, claim: str, volume_handle: str) -> str:
    """Name of a volume, which belongs to no namespace; another access point is another volume.

    >>> volume_name("ml", "shared-vision", "fs-1::fsap-2"), volume_name("chat", "chat-weights-2", "fs-1::fsap-2")
    ('ml-shared-vision-2', 'chat-chat-weights-2')
    """
    end = f"-{suffix(volume_handle)}"
    return f"{namespace}-{claim.removesuffix(end)}{end}"


def volume_spec(volume_handle: pulumi.Input[str], namespace: pulumi.Input[str], claim: pulumi.Input[str]) -> Any:
    """A PersistentVolume's spec: an access point, for one claim. Traffic is encrypted unless a volume says otherwise.

    https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/parameters.md#encryption-in-transit
    """
    return {
        "capacity": {"storage": SIZE},
        "access_modes": MANY,
        "persistent_volume_reclaim_policy": "Retain",
        "storage_class_name": NO_CLASS,
        "csi": {"driver": DRIVER, "volume_handle": volume_handle},
        "claim_ref": {
            "api_version": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": namespace,
            "name": claim,
        },
    }


def claim_spec(volume_name: pulumi.Input[str]) -> Any:
    """A PersistentVolumeClaim's spec, for one volume that exists."""
    return {
        "access_modes": MANY,
        "storage_class_name": NO_CLASS,
        "volume_name": volume_name,
        "resources": {"requests": {"storage": SIZE}},
    }


def class_parameters(filesystem_id: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """Parameters of a StorageClass: each claim gets an access point with a directory and a user of its own.

    The directory is named by its volume, since EFS takes no path of more than 100 characters:
    https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/parameters.md
    """
    return {
        "provisioningMode": "efs-ap",
        "fileSystemId": filesystem_id,
        "directoryPerms": "0700",
        "basePath": BASE_PATH,
    }


def claimed(
    component: Component,
    logical_name: str,
    namespace: pulumi.Input[str],
    claim: pulumi.Input[str],
    volume_handle: pulumi.Input[str],
    labels: Mapping[str, str],
    depends_on: Sequence[pulumi.Resource] = (),
) -> "k8s.core.v1.PersistentVolumeClaim":
    """Create a volume and the claim that binds it, below a component.

    Args:
        component: What they belong to.
        logical_name: Beginning of their logical names.
        namespace: Namespace of the claim, which exists.
        claim: Name of the claim.
        volume_handle: What is mounted, as `handle` writes it.
        labels: Labels of both.
        depends_on: What has to be there before a pod can mount it.
    """

    def metadata(part: str, **more: Any) -> dict[str, Any]:
        return {"labels": labels, "annotations": component.annotations_for(f"{logical_name}-{part}"), **more}

    name = pulumi.Output.all(namespace, claim, volume_handle).apply(lambda known: volume_name(*known))
    volume = k8s.core.v1.PersistentVolume(
        f"{logical_name}-volume",
        metadata=metadata("volume", name=name),
        spec=volume_spec(volume_handle, namespace, claim),
        opts=component.child(depends_on=[*depends_on]),
    )
    return k8s.core.v1.PersistentVolumeClaim(
        f"{logical_name}-claim",
        metadata=metadata("claim", name=claim, namespace=namespace),
        spec=claim_spec(pulumi.Output.from_input(volume.metadata).apply(lambda known: str(known["name"]))),
        opts=component.child(),
    )
