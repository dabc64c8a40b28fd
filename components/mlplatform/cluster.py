"""The Kubernetes cluster that training and serving run on."""

from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv4Network
from typing import Any, Final, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field, field_validator, model_validator

from mlplatform import iam, instances
from mlplatform.component import Component
from mlplatform.gpu import POOL_LABEL
from mlplatform.kubeconfig import kubeconfig
from mlplatform.logs import retention
from mlplatform.nodes import AMI_RELEASE, MAX_NODES, Capacity, Pool, Scaling, managed_nodes
from mlplatform.spec import Spec, spec

NETWORK_PLUGIN: Final = "vpc-cni"
BEFORE_NODES: Final = (NETWORK_PLUGIN, "eks-pod-identity-agent", "kube-proxy")
"""Add-ons without which a node does not become ready."""

AFTER_NODES: Final = ("coredns", "metrics-server", "eks-node-monitoring-agent")
"""Add-ons that need a node to run on: made before the nodes they stay DEGRADED for 20 minutes."""

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
        unknown = sorted({*value} - {*BEFORE_NODES, *AFTER_NODES})
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: allowed: {', '.join((*BEFORE_NODES, *AFTER_NODES))}")
        return value

    @model_validator(mode="after")
    def _someone_is_admin(self) -> "Cluster":
        levels = {access.level for access in self.access.values()}
        if not self.creator_is_admin and AccessLevel.CLUSTER_ADMIN not in levels:
            raise ValueError("access needs an entry with level clusterAdmin, since creatorIsAdmin is false")
        return self


class EksClusterArgs(TypedDict):
    """What an `EksCluster` is given."""

    cluster: Cluster
    """The cluster."""

    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Private subnets in two zones or more, for the control plane's network interfaces and the system nodes."""

    secrets_key_arn: pulumi.Input[str]
    """Key that Kubernetes secrets are encrypted with."""

    logs_key_arn: pulumi.Input[str]
    """Key that the control plane's logs are encrypted with."""

    disks_key_arn: pulumi.Input[str]
    """Key that the system nodes' disks are encrypted with."""

    cached_repository_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Repositories that the nodes may make by pulling through caches. Default: none."""

    partition: NotRequired[pulumi.Input[str]]
    """AWS partition. Default: `aws`."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Policy that bounds the IAM roles. Default: none."""

    tags: NotRequired[dict[str, str]]
    """Tags for every taggable child, and for the instances and their volumes."""


class EksCluster(Component):
    """An EKS cluster with a private endpoint, sealed secrets, audit logs, add-ons, and nodes for its own services."""

    cluster_name: pulumi.Output[str]
    """The cluster's name."""

    cluster_endpoint: pulumi.Output[str]
    """URL of the Kubernetes API."""

    cluster_version: pulumi.Output[str]
    """Kubernetes version of the control plane, e.g. `1.36`."""

    security_group_id: pulumi.Output[str]
    """Security group that the control plane and the nodes share."""

    kubeconfig: pulumi.Output[str]
    """How tools reach the cluster; holds no secret, signs in with `mlplatform-eks-token`."""

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        wanted = spec(Cluster, args["cluster"])
        partition = args.get("partition", "aws")

        cluster = self._control_plane(name, wanted, args, partition)
        self._access(name, cluster, wanted, partition)
        before_nodes = [
            self._network_plugin(name, cluster, wanted, partition)
            if addon == NETWORK_PLUGIN
            else self._addon(name, cluster, addon, wanted)
            for addon in BEFORE_NODES
        ]
        nodes = managed_nodes(
            self,
            f"{name}-system",
            system_nodes(wanted.system),
            cluster_name=cluster.name,
            version=cluster.version,
            subnet_ids=args["subnet_ids"],
            disks_key_arn=args["disks_key_arn"],
            cached_repository_arns=args.get("cached_repository_arns", ()),
            partition=partition,
            depends_on=before_nodes,
        )
        for addon in AFTER_NODES:
            self._addon(name, cluster, addon, wanted, depends_on=[nodes])

        self.cluster_name = cluster.name
        self.cluster_endpoint = cluster.endpoint
        self.cluster_version = cluster.version
        self.security_group_id = cluster.vpc_config.apply(lambda vpc: vpc.cluster_security_group_id)
        self.kubeconfig = pulumi.Output.all(
            cluster.arn, cluster.endpoint, cluster.certificate_authority.apply(lambda authority: authority.data)
        ).apply(lambda known: kubeconfig(*known))
        self._done()

    def _control_plane(
        self, name: str, wanted: Cluster, args: EksClusterArgs, partition: pulumi.Input[str]
    ) -> "aws.eks.Cluster":
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=iam.trust("eks.amazonaws.com"),
            permissions_boundary=self.permissions_boundary,
            tags=self.tags_for(f"{name}-role"),
            opts=self.child(),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-role-policy",
            role=role.name,
            policy_arn=iam.managed_policy("AmazonEKSClusterPolicy", partition),
            opts=self.child(),
        )
        # EKS writes to the log group of this name, and makes one without key or end if there is none.
        cluster_name = physical_name(name)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{cluster_name}/cluster",
            retention_in_days=wanted.log_days,
            kms_key_id=args["logs_key_arn"],
            tags=self.tags_for(f"{name}-logs"),
            opts=self.child(),
        )
        return aws.eks.Cluster(
            f"{name}-control-plane",
            name=cluster_name,
            role_arn=role.arn,
            version=wanted.version,
            access_config={
                "authentication_mode": "API",
                "bootstrap_cluster_creator_admin_permissions": wanted.creator_is_admin,
            },
            # The add-ons below are the only ones: EKS's own copies could not be upgraded with them.
            bootstrap_self_managed_addons=False,
            deletion_protection=wanted.deletion_protection,
            enabled_cluster_log_types=[log.value for log in wanted.log_types],
            encryption_config={"provider": {"key_arn": args["secrets_key_arn"]}, "resources": ["secrets"]},
            upgrade_policy={"support_type": "STANDARD"},
            vpc_config={**endpoint_access(wanted), "subnet_ids": args["subnet_ids"]},
            tags=self.tags_for(f"{name}-control-plane"),
            # One that failed to come up is replaced, and there is one of its name.
            opts=self.child(depends_on=[attachment, logs], delete_before_replace=True),
        )

    def _access(self, name: str, cluster: "aws.eks.Cluster", wanted: Cluster, partition: pulumi.Input[str]) -> None:
        for persona, access in wanted.access.items():
            entry = aws.eks.AccessEntry(
                f"{name}-{persona}-access",
                cluster_name=cluster.name,
                principal_arn=access.principal_arn,
                tags=self.tags_for(f"{name}-{persona}-access"),
                opts=self.child(),
            )
            aws.eks.AccessPolicyAssociation(
                f"{name}-{persona}-policy",
                cluster_name=cluster.name,
                principal_arn=entry.principal_arn,
                policy_arn=pulumi.Output.concat(
                    "arn:", partition, ":eks::aws:cluster-access-policy/", ACCESS_POLICIES[access.level]
                ),
                access_scope=(
                    {"type": "namespace", "namespaces": access.namespaces} if access.namespaces else {"type": "cluster"}
                ),
                opts=self.child(),
            )

    def _network_plugin(
        self, name: str, cluster: "aws.eks.Cluster", wanted: Cluster, partition: pulumi.Input[str]
    ) -> "aws.eks.Addon":
        role = aws.iam.Role(
            f"{name}-network-plugin",
            assume_role_policy=iam.pod_identity_trust(),
            permissions_boundary=self.permissions_boundary,
            tags=self.tags_for(f"{name}-network-plugin"),
            opts=self.child(),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-network-plugin-policy",
            role=role.name,
            policy_arn=iam.managed_policy("AmazonEKS_CNI_Policy", partition),
            opts=self.child(),
        )
        return self._addon(
            name,
            cluster,
            NETWORK_PLUGIN,
            wanted,
            depends_on=[attachment],
            configuration_values=NETWORK_PLUGIN_SETTINGS,
            pod_identity_associations=[{"role_arn": role.arn, "service_account": "aws-node"}],
        )

    def _addon(
        self,
        name: str,
        cluster: "aws.eks.Cluster",
        addon: str,
        wanted: Cluster,
        depends_on: Sequence[pulumi.Resource] = (),
        **settings: Any,
    ) -> "aws.eks.Addon":
        return aws.eks.Addon(
            f"{name}-{addon}",
            cluster_name=cluster.name,
            addon_name=addon,
            addon_version=wanted.addon_versions.get(addon),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self.tags_for(f"{name}-{addon}"),
            # One that failed to come up is replaced, and a cluster has one of each.
            opts=self.child(depends_on=[*depends_on], delete_before_replace=True),
            **settings,
        )


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
