"""Clusters, as specs, and what EKS is told of them."""

import json
from enum import Enum
from ipaddress import IPv4Network
from typing import Any, Final

import pulumi
from pydantic import Field, field_validator, model_validator

from mlplatform import instances
from mlplatform.logs import retention
from mlplatform.nodes import AMI_RELEASE, MAX_NODES, Capacity, Pool, Scaling
from mlplatform.pools import POOL_LABEL
from mlplatform.spec import Spec

NETWORK_PLUGIN: Final = "vpc-cni"
BEFORE_NODES: Final = (NETWORK_PLUGIN, "eks-pod-identity-agent", "kube-proxy")
"""Add-ons without which a node does not become ready."""

AFTER_NODES: Final = ("coredns", "metrics-server", "eks-node-monitoring-agent")
"""Add-ons that need a node to run on: made before the nodes they stay DEGRADED for 20 minutes."""

SECRETS_STORE: Final = "aws-secrets-store-csi-driver-provider"
"""Add-on that gives pods secrets of Secrets Manager, for platforms that have such pods:
https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-eks-add-ons-aws-secrets-store-csi-driver-provider/"""

SECRETS_STORE_SETTINGS: Final = json.dumps(
    {
        # On GPU nodes too. The driver itself tolerates every taint.
        "tolerations": [{"operator": "Exists"}],
        "secrets-store-csi-driver": {"syncSecret": {"enabled": True}},
    }
)
"""Fetched secrets become Kubernetes secrets, which environment variables can be made of; values of the charts
`secrets-store-csi-driver-provider-aws` and `secrets-store-csi-driver`, 2026-11-28:
https://github.com/aws/secrets-store-csi-driver-provider-aws"""

NETWORK_PLUGIN_SETTINGS: Final = '{"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true"}}'
"""Network policies are enforced, and a node has addresses for as many pods as it has room:
https://docs.aws.amazon.com/eks/latest/userguide/cni-increase-ip-addresses.html"""


class ControlPlaneLog(Enum):
    """A log of the control plane."""

    API = "api"
    AUDIT = "audit"
    AUTHENTICATOR = "authenticator"
    CONTROLLER_MANAGER = "controllerManager"
    SCHEDULER = "scheduler"


class AccessLevel(Enum):
    """What a principal may do in the cluster."""

    CLUSTER_ADMIN = "clusterAdmin"
    ADMIN = "admin"
    EDIT = "edit"
    VIEW = "view"


ACCESS_POLICIES: Final = {
    AccessLevel.CLUSTER_ADMIN: "AmazonEKSClusterAdminPolicy",
    AccessLevel.ADMIN: "AmazonEKSAdminPolicy",
    AccessLevel.EDIT: "AmazonEKSEditPolicy",
    AccessLevel.VIEW: "AmazonEKSViewPolicy",
}
"""https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html"""


class ClusterAccess(Spec):
    """One principal's access to the cluster."""

    principal_arn: str = Field(
        pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/.+$", examples=["arn:aws:iam::123456789012:role/ml"]
    )
    """IAM role or user."""

    level: AccessLevel
    """What it may do."""

    namespaces: list[str] = Field(default=[])
    """Namespaces that the access is limited to. Default: the whole cluster."""

    @model_validator(mode="after")
    def _cluster_admins_have_the_whole_cluster(self) -> "ClusterAccess":
        if self.level is AccessLevel.CLUSTER_ADMIN and self.namespaces:
            raise ValueError(
                "level is clusterAdmin; allowed: admin, edit or view, since access is limited to namespaces"
            )
        return self


class SystemPool(Scaling):
    """The nodes that run the cluster's own services."""

    instance_types: list[str] = Field(default=["m7i.large"], min_length=1, max_length=20)
    """x86-64 instance types in order of preference."""

    min_nodes: int = Field(default=2, ge=1, le=MAX_NODES)
    """Fewest nodes."""

    nodes: int = Field(default=2, ge=1, le=MAX_NODES)
    """Nodes that run now, between the fewest and the most."""

    disk_gb: int = Field(default=50, ge=20, le=16384)
    """Disk for images and pods, in GB."""

    ami_release: str | None = Field(default=None, pattern=AMI_RELEASE)
    """Release of the nodes' image, e.g. `1.54.0-5043decc`. Default: EKS's latest when the nodes are made, kept until
    their Kubernetes version or launch settings change."""

    @field_validator("instance_types")
    @classmethod
    def _types_are_x86(cls, value: list[str]) -> list[str]:
        if arm := [facts.name for facts in instances.known(value) if facts.architecture != "x86_64"]:
            raise ValueError(f"{', '.join(arm)}: allowed: x86-64 types such as m7i.large")
        return value


class Cluster(Spec):
    """The Kubernetes cluster."""

    version: str = Field(default="1.36", pattern=r"^1\.\d{2}$", examples=["1.36"])
    """Kubernetes version, e.g. `1.36`. EKS moves up one minor version at a time, and never down."""

    public_access_cidrs: list[str] = Field(default=[])
    """Networks that may reach the API server from the internet. Default: none, the endpoint is private."""

    log_types: list[ControlPlaneLog] = Field(default=[ControlPlaneLog.AUDIT, ControlPlaneLog.AUTHENTICATOR])
    """Logs of the control plane that are kept."""

    log_days: int = 90
    """Days that these logs are kept."""

    creator_is_admin: bool = Field(default=True, json_schema_extra={"immutable": True})
    """Whoever creates the cluster may administer it. Cannot change after the first deployment."""

    access: dict[str, ClusterAccess] = Field(default={})
    """Who else has access, by a name of your choice."""

    deletion_protection: bool = False
    """Refuse to delete the cluster until this is switched off."""

    addon_versions: dict[str, str] = Field(default={})
    """Versions of add-ons that are pinned, e.g. `coredns: v1.12.4-eksbuild.1`. Default: EKS's default at the time."""

    system: SystemPool = SystemPool()
    """Nodes for the cluster's own services."""

    @field_validator("public_access_cidrs")
    @classmethod
    def _the_world_is_not_an_allow_list(cls, value: list[str]) -> list[str]:
        wrong = []
        for cidr in value:
            try:
                network = IPv4Network(cidr)
            except ValueError as error:
                wrong.append(f"{cidr}: allowed: IPv4 networks such as 203.0.113.0/24 ({error})")
                continue
            if network.prefixlen < 8:
                wrong.append(f"{cidr}: allowed: networks of /8 or narrower; the whole internet is no allow-list")
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("log_days")
    @classmethod
    def _log_days_are_known(cls, value: int) -> int:
        return retention(value)

    @field_validator("addon_versions")
    @classmethod
    def _addons_are_ours(cls, value: dict[str, str]) -> dict[str, str]:
        ours = (*BEFORE_NODES, *AFTER_NODES, SECRETS_STORE)
        if unknown := sorted({*value} - {*ours}):
            raise ValueError(f"{', '.join(unknown)}: allowed: {', '.join(ours)}")
        return value

    @model_validator(mode="after")
    def _someone_is_admin(self) -> "Cluster":
        levels = {access.level for access in self.access.values()}
        if not self.creator_is_admin and AccessLevel.CLUSTER_ADMIN not in levels:
            raise ValueError("access needs an entry with level clusterAdmin, since creatorIsAdmin is false")
        return self


def physical_name(name: str) -> str:
    """The EKS cluster's name.

    At most 100 characters: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
    """
    return f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}"[:100]


def endpoint_access(wanted: Cluster) -> dict[str, Any]:
    """Who reaches the API server: always the network itself, and from the internet only the listed networks."""
    if not wanted.public_access_cidrs:
        return {"endpoint_private_access": True, "endpoint_public_access": False}
    return {
        "endpoint_private_access": True,
        "endpoint_public_access": True,
        "public_access_cidrs": wanted.public_access_cidrs,
    }


def system_nodes(pool: SystemPool) -> Pool:
    """The managed node group of the cluster's own services."""
    return Pool(
        instance_types=pool.instance_types,
        ami_type="BOTTLEROCKET_x86_64",
        capacity=Capacity.ON_DEMAND,
        scaling=pool,
        disk_gb=pool.disk_gb,
        labels={POOL_LABEL: "system"},
        taints=[],
        ami_release=pool.ami_release,
    )
