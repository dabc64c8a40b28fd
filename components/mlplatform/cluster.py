"""The Kubernetes cluster that training and serving run on."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from mlplatform import iam
from mlplatform.clusters import (
    ACCESS_POLICIES,
    AFTER_NODES,
    BEFORE_NODES,
    NETWORK_PLUGIN,
    NETWORK_PLUGIN_SETTINGS,
    SECRETS_STORE,
    SECRETS_STORE_SETTINGS,
    Cluster,
    endpoint_access,
    physical_name,
    system_nodes,
)
from mlplatform.component import Component
from mlplatform.kubeconfig import kubeconfig
from mlplatform.nodes import managed_nodes
from mlplatform.spec import spec


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

    secrets_store: NotRequired[bool]
    """Install the add-on that gives pods secrets of AWS Secrets Manager. Default: no."""

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
        if args.get("secrets_store"):
            self._addon(
                name,
                cluster,
                SECRETS_STORE,
                wanted,
                depends_on=[nodes],
                configuration_values=SECRETS_STORE_SETTINGS,
            )

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
