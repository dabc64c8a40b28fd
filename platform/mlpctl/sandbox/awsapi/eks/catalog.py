"""What EKS offers: Kubernetes versions, add-ons and access policies, as AWS's documentation had them in mid-2026.

The tables say what a plan may name. They are no price list of builds: a version of a known add-on is accepted in AWS's
form, so that a stack file with a newer build works here as it does in an account.
"""

import re
from dataclasses import dataclass

KUBERNETES_VERSIONS = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36")
"""Minor versions that a cluster may have, oldest first. The sandbox's API server has one version of its own, whatever a
cluster is said to have. https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html"""

DEFAULT_KUBERNETES_VERSION = KUBERNETES_VERSIONS[-1]
"""Version of a cluster that names none."""

EXTENDED_SUPPORT = ("1.31", "1.32", "1.33")
"""Versions that cost extra because their standard support has ended."""

PLATFORM_VERSION = "eks.1"

AMI_RELEASE = "20260415"
"""Date in the release version of node groups that name none: `1.36.0-20260415`."""


@dataclass(frozen=True)
class AddonInfo:
    """An add-on of EKS."""

    name: str
    version: str
    """Default version; `{kubernetes}` stands for the cluster's minor version."""

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
        AddonInfo("vpc-cni", "v1.21.1-eksbuild.3", "networking", service_account="aws-node"),
        AddonInfo("coredns", "v1.13.2-eksbuild.1", "networking"),
        AddonInfo("kube-proxy", "v{kubernetes}.0-eksbuild.2", "networking"),
        AddonInfo("eks-pod-identity-agent", "v1.3.10-eksbuild.2", "security"),
        AddonInfo("eks-node-monitoring-agent", "v1.5.1-eksbuild.1", "observability"),
        AddonInfo("metrics-server", "v0.8.0-eksbuild.6", "observability", owner="community"),
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
        AddonInfo("aws-secrets-store-csi-driver-provider", "v3.1.3-eksbuild.1", "security", "aws-secrets-manager"),
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

_ADDON_VERSION = re.compile(r"^v(\d+)\.(\d+)\.\d+-(?:minimal-)?eksbuild\.\d+$")


def default_version(addon: AddonInfo, kubernetes: str) -> str:
    """The version that a cluster of the Kubernetes minor version `kubernetes` gets when it names none."""
    return addon.version.format(kubernetes=kubernetes)


def fits(addon: AddonInfo, version: str, kubernetes: str) -> bool:
    """Whether AWS could offer `version` of the add-on to a cluster of the Kubernetes minor version `kubernetes`."""
    form = _ADDON_VERSION.match(version)
    if form is None:
        return False
    if addon.name != "kube-proxy":
        return True
    # kube-proxy may be three minor versions older than the API server, never newer.
    major, minor = (int(part) for part in kubernetes.split("."))
    return int(form[1]) == major and minor - 3 <= int(form[2]) <= minor


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
