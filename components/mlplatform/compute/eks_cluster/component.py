"""The Kubernetes cluster for training and inference."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired

import pulumi
import pulumi_aws as aws

from awsfacts.allocatable import FILE_DRIVER, SECRETS_STORE
from awsfacts.partitions import AWS
from mlplatform import iam, roles
from mlplatform.args import BoundaryArgs, JoinArgs, PartitionArgs
from mlplatform.checks.arguments import ArgumentsError, checked, reporting, what_is
from mlplatform.component import Component
from mlplatform.compute.eks_cluster import checks as cluster_checks
from mlplatform.compute.eks_cluster import entries
from mlplatform.compute.eks_cluster.access import (
    API_PORT,
    access_levels,
    api_sources,
    control_plane_subnets,
    endpoint_access,
    physical_name,
)
from mlplatform.compute.eks_cluster.addons import (
    AFTER_NODES,
    BEFORE_NODES,
    FILE_DRIVER_ACCOUNT,
    NETWORK_PLUGIN,
    NETWORK_PLUGIN_ACCOUNT,
    NODE_MONITOR,
    NODE_MONITOR_SETTINGS,
    SECRETS_STORE_SETTINGS,
    network_plugin_settings,
)
from mlplatform.compute.eks_cluster.kubeconfig import kubeconfig
from mlplatform.compute.eks_cluster.spec import EksClusterSpec, addon_version
from mlplatform.compute.eks_cluster.system_pool import system_nodes
from mlplatform.compute.node_group.nodes import Joined, managed_nodes


class EksClusterArgs(BoundaryArgs, PartitionArgs):
    """Arguments of `EksCluster`."""

    cluster: EksClusterSpec
    """The cluster."""

    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Private subnets in two zones or more, for the control plane's network interfaces and the system nodes."""

    pod_subnet_ids: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Subnet of the pods in each zone, by the zone's name. Default: pods share the nodes' subnets."""

    secrets_key_arn: pulumi.Input[str]
    """ARN of the KMS key for Kubernetes secrets."""

    logs_key_arn: pulumi.Input[str]
    """ARN of the KMS key for the control plane's logs."""

    disks_key_arn: pulumi.Input[str]
    """ARN of the KMS key for the system nodes' volumes."""

    cached_repository_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs of the repositories that the nodes may create by pulling through caches. Default: none."""

    secrets_store: NotRequired[bool]
    """Install the add-on that provides secrets of AWS Secrets Manager to pods. Default: false."""

    shared_filesystems: NotRequired[bool]
    """Install the add-on that mounts EFS file systems. Default: false."""

    principal_arns: NotRequired[Mapping[str, pulumi.Input[str]]]
    """ARNs of IAM principals that the program creates or looks up, by their entries of `cluster.access`. Such an entry
    has neither `role` nor `principalArn`. Default: none."""

    private_access_security_groups: NotRequired[Mapping[str, pulumi.Input[str]]]
    """IDs of security groups that the program creates, by names of your choice. Their members may reach the private
    endpoint, in addition to those of `cluster.privateAccessSecurityGroups`. Default: none."""

    protect: NotRequired[bool]
    """Protect the control plane, its logs and the system nodes from deletion and replacement. Default: false."""

    tags: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Tags for every child resource that supports tags. Changed tags reach only instances that start later."""


def _groups(what: str, args: EksClusterArgs) -> dict[str, dict[str, pulumi.Input[str]]]:
    """The argument's security groups as sources, like those of `api_sources`, validated when all of them are known."""
    given = args.get("private_access_security_groups", {})

    def checked(known: Mapping[str, Any], name: str) -> str:
        if wrong := [*cluster_checks.same_group(known, args["cluster"].private_access_security_groups)]:
            raise ArgumentsError(what, wrong)
        return str(known[name])

    def group(name: str, id: pulumi.Input[str]) -> pulumi.Input[str]:
        if not isinstance(id, pulumi.Output):
            return id
        return pulumi.Output.all(**given).apply(functools.partial(checked, name=name))

    return {name: {"referenced_security_group_id": group(name, id)} for name, id in given.items()}


class EksCluster(Component):
    """An EKS cluster with a private endpoint, encrypted secrets, audit logs, add-ons and nodes for its own services."""

    cluster_name: pulumi.Output[str]
    """The cluster's name."""

    cluster_endpoint: pulumi.Output[str]
    """URL of the Kubernetes API."""

    cluster_version: pulumi.Output[str]
    """Kubernetes version of the control plane, e.g. `1.36`."""

    cluster_certificate_authority: pulumi.Output[str]
    """Certificate authority of the Kubernetes API: PEM, in base64."""

    cluster_service_cidr: pulumi.Output[str]
    """CIDR block of the cluster's services, e.g. `172.20.0.0/16`."""

    security_group_id: pulumi.Output[str]
    """Security group that the control plane and the nodes share."""

    access: pulumi.Output[Mapping[str, str]]
    """The level of each entry of `cluster.access`. `(creator)` is the principal that created the cluster, if the spec
    makes it an administrator."""

    file_driver_role_name: pulumi.Output[str]
    """Name of the role of the add-on for shared file systems. Each `SharedFilesystem` allows this role to create its
    access points. Empty without the add-on."""

    kubeconfig: pulumi.Output[str]
    """Kubeconfig of the cluster. It contains no secret and signs in with `mlplatform-eks-token`."""

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(EksClusterArgs, self, name, args)
        wanted = args["cluster"]
        if problems := [*cluster_checks.problems(name, wanted, args)]:
            raise ArgumentsError(what_is(self, name), problems)
        super().__init__(name, args, opts)
        partition = args.get("partition", AWS)
        principals = entries.principals(self, name, wanted, partition, args.get("principal_arns", {}))

        cluster = self._control_plane(name, wanted, args, partition)
        security_group_id = cluster.vpc_config.apply(lambda vpc: vpc.cluster_security_group_id)
        self._endpoint(name, security_group_id, {**api_sources(wanted), **_groups(what_is(self, name), args)})
        entries.create(self, name, cluster.name, wanted, partition, principals)
        before_nodes = [
            self._network_plugin(name, cluster, wanted, partition, args.get("pod_subnet_ids", {}))
            if addon == NETWORK_PLUGIN
            else self._addon(name, cluster, addon, wanted)
            for addon in BEFORE_NODES
        ]
        authority = cluster.certificate_authority.apply(lambda authority: authority.data)
        cidr = cluster.kubernetes_network_config.apply(lambda network: network.service_ipv4_cidr)
        nodes = managed_nodes(
            self,
            f"{name}-system",
            system_nodes(wanted.system),
            cluster=Joined(cluster.name, cluster.version, cluster.endpoint, authority, cidr),
            subnet_ids=args["subnet_ids"],
            disks_key_arn=args["disks_key_arn"],
            cached_repository_arns=args.get("cached_repository_arns", ()),
            partition=partition,
            sessions=wanted.node_sessions,
            depends_on=before_nodes,
        )
        for addon in AFTER_NODES:
            settings = {"configuration_values": NODE_MONITOR_SETTINGS} if addon == NODE_MONITOR else {}
            self._addon(name, cluster, addon, wanted, depends_on=[nodes], **settings)
        if args.get("secrets_store"):
            self._addon(
                name,
                cluster,
                SECRETS_STORE,
                wanted,
                depends_on=[nodes],
                configuration_values=SECRETS_STORE_SETTINGS,
            )
        file_driver_role = self._file_driver(name, cluster, wanted, nodes) if args.get("shared_filesystems") else ""

        self.cluster_name = cluster.name
        self.cluster_endpoint = cluster.endpoint
        self.cluster_version = cluster.version
        self.security_group_id = security_group_id
        self.access = pulumi.Output.from_input(access_levels(wanted))
        self._node_sessions = wanted.node_sessions
        self.file_driver_role_name = pulumi.Output.from_input(file_driver_role)
        self.cluster_certificate_authority = authority
        self.cluster_service_cidr = cidr
        self.kubeconfig = pulumi.Output.all(cluster.arn, cluster.endpoint, authority).apply(
            lambda known: kubeconfig(*known)
        )
        self._done()

    def joining(self) -> JoinArgs:
        """The arguments that a `GpuNodePool` needs to join this cluster."""
        return {
            "node_sessions": self._node_sessions,
            "cluster_name": self.cluster_name,
            "cluster_version": self.cluster_version,
            "cluster_endpoint": self.cluster_endpoint,
            "cluster_certificate_authority": self.cluster_certificate_authority,
            "cluster_service_cidr": self.cluster_service_cidr,
            "cluster_security_group_id": self.security_group_id,
        }

    def _control_plane(
        self, name: str, wanted: EksClusterSpec, args: EksClusterArgs, partition: pulumi.Input[str]
    ) -> "aws.eks.Cluster":
        role, policies = roles.role(
            self,
            f"{name}-role",
            iam.trust("eks.amazonaws.com"),
            managed={f"{name}-role-policy": "AmazonEKSClusterPolicy"},
            partition=partition,
        )
        # EKS writes to the log group with this name. If there is none, it creates one without a key and retention.
        cluster_name = physical_name(name)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{cluster_name}/cluster",
            retention_in_days=wanted.log_days,
            kms_key_id=args["logs_key_arn"],
            tags=self.tags_for(f"{name}-logs"),
            opts=self.guarded(),
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
            # The managed add-ons below replace the self-managed ones, which EKS does not upgrade.
            bootstrap_self_managed_addons=False,
            deletion_protection=wanted.deletion_protection,
            enabled_cluster_log_types=[log.value for log in wanted.log_types],
            encryption_config={"provider": {"key_arn": args["secrets_key_arn"]}, "resources": ["secrets"]},
            upgrade_policy={"support_type": "STANDARD"},
            vpc_config={
                **endpoint_access(wanted),
                "subnet_ids": pulumi.Output.from_input(args["subnet_ids"]).apply(
                    reporting(self, name, "subnet_ids", control_plane_subnets)
                ),
            },
            tags=self.tags_for(f"{name}-control-plane"),
            # A cluster whose creation failed is replaced, and its name is unique.
            opts=self.guarded(depends_on=[*policies, logs], delete_before_replace=True),
        )

    def _endpoint(
        self,
        name: str,
        security_group_id: pulumi.Input[str],
        sources: Mapping[str, Mapping[str, pulumi.Input[str]]],
    ) -> None:
        """Allow clients to reach the private endpoint. Its security group allows only its own members by default.

        Source: https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
        """
        for source, arguments in sources.items():
            aws.vpc.SecurityGroupIngressRule(
                f"{name}-api-from-{source}",
                security_group_id=security_group_id,
                description="HTTPS to the Kubernetes API",
                ip_protocol="tcp",
                from_port=API_PORT,
                to_port=API_PORT,
                tags=self.tags_for(f"{name}-api-from-{source}"),
                opts=self.child(),
                **arguments,
            )

    def _network_plugin(
        self,
        name: str,
        cluster: "aws.eks.Cluster",
        wanted: EksClusterSpec,
        partition: pulumi.Input[str],
        pod_subnet_ids: pulumi.Input[Mapping[str, pulumi.Input[str]]],
    ) -> "aws.eks.Addon":
        role, policies = roles.role(
            self,
            f"{name}-network-plugin",
            cluster.arn.apply(lambda arn: iam.pod_identity_trust(arn, *NETWORK_PLUGIN_ACCOUNT)),
            managed={f"{name}-network-plugin-policy": "AmazonEKS_CNI_Policy"},
            partition=partition,
        )
        settings = pulumi.Output.all(pod_subnet_ids).apply(
            reporting(self, name, "pod_subnet_ids", lambda known: network_plugin_settings(known[0]))
        )
        return self._addon(
            name,
            cluster,
            NETWORK_PLUGIN,
            wanted,
            depends_on=policies,
            configuration_values=settings,
            pod_identity_associations=[{"role_arn": role.arn, "service_account": NETWORK_PLUGIN_ACCOUNT[1]}],
        )

    def _file_driver(
        self, name: str, cluster: "aws.eks.Cluster", wanted: EksClusterSpec, nodes: pulumi.Resource
    ) -> pulumi.Output[str]:
        """Install the EFS CSI driver. Its role has no permissions until a file system adds some."""
        role, _ = roles.role(
            self,
            f"{name}-file-driver",
            cluster.arn.apply(lambda arn: iam.pod_identity_trust(arn, *FILE_DRIVER_ACCOUNT)),
        )
        self._addon(
            name,
            cluster,
            FILE_DRIVER,
            wanted,
            depends_on=[nodes],
            pod_identity_associations=[{"role_arn": role.arn, "service_account": FILE_DRIVER_ACCOUNT[1]}],
        )
        role_name: pulumi.Output[str] = role.name
        return role_name

    def _addon(
        self,
        name: str,
        cluster: "aws.eks.Cluster",
        addon: str,
        wanted: EksClusterSpec,
        depends_on: Sequence[pulumi.Resource] = (),
        **settings: Any,
    ) -> "aws.eks.Addon":
        return aws.eks.Addon(
            f"{name}-{addon}",
            cluster_name=cluster.name,
            addon_name=addon,
            addon_version=addon_version(wanted, addon),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self.tags_for(f"{name}-{addon}"),
            # An add-on whose creation failed is replaced, and a cluster can have each add-on only once.
            opts=self.child(depends_on=[*depends_on], delete_before_replace=True),
            **settings,
        )
