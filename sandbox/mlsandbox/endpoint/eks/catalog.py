"""What EKS offers: Kubernetes versions, add-ons, image releases and access policies.

Versions and releases come from the dated facts that also validate stack files. For an add-on that is missing there, any
version in AWS's format is accepted.
"""

import re
from dataclasses import dataclass

from awsfacts import eks_versions, node_images

KUBERNETES_VERSIONS = tuple(eks_versions.offered())
"""Minor versions that a cluster can have, oldest first. The version of the sandbox's API server is fixed and does not
depend on the cluster's."""

DEFAULT_KUBERNETES_VERSION = KUBERNETES_VERSIONS[-1]
"""The default version of a cluster."""

PLATFORM_VERSION = "eks.1"

AMI_RELEASE = "20260415"
"""Date in the default release version of Amazon Linux node groups: `1.36.0-20260415`."""

MOST_MINORS_BEHIND = 3
"""How many minor versions a kubelet can be older than the API server:
https://kubernetes.io/releases/version-skew-policy/#kubelet"""


@dataclass(frozen=True)
class AddonInfo:
    """An add-on of EKS."""

    name: str
    version: str | None
    """Default version, if the dated facts do not have one for each Kubernetes version."""

    type: str
    """AWS's category of the add-on."""

    namespace: str = "kube-system"
    publisher: str = "eks"
    owner: str = "aws"
    service_account: str | None = None
    """Service account that can get an IAM role, if the add-on calls AWS."""


ADDONS = {
    addon.name: addon
    for addon in (
        AddonInfo("vpc-cni", None, "networking", service_account="aws-node"),
        AddonInfo("coredns", None, "networking"),
        AddonInfo("kube-proxy", None, "networking"),
        AddonInfo("eks-pod-identity-agent", None, "security"),
        AddonInfo("eks-node-monitoring-agent", None, "observability"),
        AddonInfo("metrics-server", None, "observability", owner="community"),
        AddonInfo("kube-state-metrics", "v2.17.0-eksbuild.4", "observability", "kube-state-metrics", owner="community"),
        AddonInfo(
            "prometheus-node-exporter",
            "v1.10.2-eksbuild.3",
            "observability",
            "prometheus-node-exporter",
            owner="community",
        ),
        AddonInfo("cert-manager", "v1.19.1-eksbuild.1", "security", "cert-manager", owner="community"),
        AddonInfo("external-dns", "v0.20.0-eksbuild.1", "networking", "external-dns", owner="community"),
        AddonInfo("snapshot-controller", "v8.3.0-eksbuild.1", "storage"),
        AddonInfo("aws-ebs-csi-driver", "v1.53.0-eksbuild.1", "storage", service_account="ebs-csi-controller-sa"),
        AddonInfo("aws-efs-csi-driver", "v2.1.15-eksbuild.1", "storage", service_account="efs-csi-controller-sa"),
        AddonInfo("aws-fsx-csi-driver", "v1.7.0-eksbuild.2", "storage", service_account="fsx-csi-controller-sa"),
        AddonInfo("aws-mountpoint-s3-csi-driver", "v2.2.1-eksbuild.1", "storage", service_account="s3-csi-driver-sa"),
        AddonInfo("aws-secrets-store-csi-driver-provider", None, "security", "aws-secrets-manager"),
        AddonInfo(
            "amazon-cloudwatch-observability",
            "v4.7.0-eksbuild.1",
            "observability",
            "amazon-cloudwatch",
            service_account="cloudwatch-agent",
        ),
        AddonInfo("adot", "v0.131.0-eksbuild.1", "observability", "opentelemetry-operator-system"),
        AddonInfo("aws-guardduty-agent", "v1.12.1-eksbuild.2", "security", "amazon-guardduty"),
        AddonInfo("amazon-sagemaker-hyperpod-taskgovernance", "v1.2.1-eksbuild.1", "machine-learning", "kueue-system"),
    )
}
"""Add-ons by name. https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html"""

_ADDON_VERSION = re.compile(r"^v(\d+)\.(\d+)\.\d+-(?:minimal-)?eksbuild\.\d+\Z")


def offered_versions(addon: AddonInfo, kubernetes: str) -> list[str]:
    """The add-on's versions for the Kubernetes minor version `kubernetes`, with the default version first."""
    known = eks_versions.addon_versions(addon.name, kubernetes)
    return known or [addon.version] if addon.version else known


def fits(addon: AddonInfo, version: str, kubernetes: str) -> bool:
    """Whether AWS offers `version` of the add-on for the Kubernetes minor version `kubernetes`."""
    if addon.name in eks_versions.addons():
        return version in offered_versions(addon, kubernetes)
    return _ADDON_VERSION.match(version) is not None


def latest_release(ami_type: str, kubernetes: str) -> str | None:
    """The release version of the newest EKS optimized image; None if the facts have none."""
    if ami_type.startswith("BOTTLEROCKET"):
        return next(iter(node_images.releases(kubernetes)), None)
    return f"{kubernetes}.0-{AMI_RELEASE}"


def is_release(ami_type: str, kubernetes: str, release: str) -> bool:
    """Whether EKS has an image of this release for the Kubernetes version."""
    if ami_type.startswith("BOTTLEROCKET"):
        return release in node_images.releases(kubernetes)
    return re.match(rf"{re.escape(kubernetes)}\.\d+-\d{{8}}\Z", release) is not None


def release_order(release: str) -> tuple[int, ...]:
    """Sort key of a release among those of the same AMI type."""
    return tuple(int(part) for part in re.findall(r"\d+", release.split("-")[0]))
