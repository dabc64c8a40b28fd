"""What EKS offers: Kubernetes versions, add-ons, releases of images, and access policies.

Versions and releases come from the dated facts that stack files are checked by. Of an add-on that they do not have, a
version is accepted in AWS's form.
"""

import re
from dataclasses import dataclass

from awsfacts import eks_versions, node_images

KUBERNETES_VERSIONS = tuple(eks_versions.offered())
"""Minor versions that a cluster may have, oldest first. The sandbox's API server has one version of its own, whatever a
cluster is said to have."""

DEFAULT_KUBERNETES_VERSION = KUBERNETES_VERSIONS[-1]
"""Version of a cluster that names none."""

PLATFORM_VERSION = "eks.1"

AMI_RELEASE = "20260415"
"""Date in the release version of node groups of Amazon Linux that name none: `1.36.0-20260415`."""

MOST_MINORS_BEHIND = 3
"""How many minor versions a kubelet may be older than the API server:
https://kubernetes.io/releases/version-skew-policy/#kubelet"""


@dataclass(frozen=True)
class AddonInfo:
    """An add-on of EKS."""

    name: str
    version: str | None
    """Default version where the dated facts do not have it for each Kubernetes version."""

    type: str
    """What AWS files it under."""

    namespace: str = "kube-system"
    publisher: str = "eks"
    owner: str = "aws"
    service_account: str | None = None
    """Service account that may be given an IAM role, where the add-on calls AWS."""


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
    """The add-on's versions for a cluster of the Kubernetes minor version `kubernetes`, the default first."""
    known = eks_versions.addon_versions(addon.name, kubernetes)
    return known or [addon.version] if addon.version else known


def fits(addon: AddonInfo, version: str, kubernetes: str) -> bool:
    """Whether AWS offers `version` of the add-on to a cluster of the Kubernetes minor version `kubernetes`."""
    if addon.name in eks_versions.addons():
        return version in offered_versions(addon, kubernetes)
    return _ADDON_VERSION.match(version) is not None


def latest_release(ami_type: str, kubernetes: str) -> str | None:
    """The release version of the newest image of EKS's own; None where the facts have none."""
    if ami_type.startswith("BOTTLEROCKET"):
        return next(iter(node_images.releases(kubernetes)), None)
    return f"{kubernetes}.0-{AMI_RELEASE}"


def is_release(ami_type: str, kubernetes: str, release: str) -> bool:
    """Whether EKS has an image of this release for the Kubernetes version."""
    if ami_type.startswith("BOTTLEROCKET"):
        return release in node_images.releases(kubernetes)
    return re.match(rf"{re.escape(kubernetes)}\.\d+-\d{{8}}\Z", release) is not None


def release_order(release: str) -> tuple[int, ...]:
    """A release's place among others of its kind of image."""
    return tuple(int(part) for part in re.findall(r"\d+", release.split("-")[0]))


ACCESS_POLICIES = {
    "AmazonEKSClusterAdminPolicy": "cluster-admin",
    "AmazonEKSAdminPolicy": "admin",
    "AmazonEKSEditPolicy": "edit",
    "AmazonEKSViewPolicy": "view",
    "AmazonEKSAdminViewPolicy": "eks:admin-view",
}
"""Access policies by name, with the Kubernetes ClusterRole that grants the same.
https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html"""


def access_policy_arn(partition: str, name: str) -> str:
    """ARN of an access policy, which belongs to no account and no region."""
    return f"arn:{partition}:eks::aws:cluster-access-policy/{name}"
