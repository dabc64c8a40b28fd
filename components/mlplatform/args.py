"""Arguments that several components share. A component's own arguments inherit them."""

from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict

import pulumi


class TagArgs(TypedDict):
    """Tags of a component's resources."""

    tags: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Tags for every child resource that supports tags."""


class ProtectArgs(TypedDict):
    """Protection of a component's data."""

    protect: NotRequired[bool]
    """Protect data, and the keys and settings that keep it safe, from deletion and replacement. Default: false."""


class AccountArgs(TypedDict):
    """The AWS account of a component."""

    account_id: pulumi.Input[str]
    """ID of the AWS account of the component's resources and of those that they use, 12 digits."""


class RegionArgs(TypedDict):
    """The AWS region of a component."""

    region: pulumi.Input[str]
    """AWS region of the component's resources and of those that they use, e.g. `us-east-1`."""


class PartitionArgs(TypedDict):
    """The AWS partition of a component's ARNs."""

    partition: NotRequired[pulumi.Input[str]]
    """AWS partition. Default: `aws`."""


class RolePathArgs(TypedDict):
    """The path of a component's IAM roles."""

    role_path: NotRequired[pulumi.Input[str] | None]
    """Path of the IAM roles, e.g. `/mlplatform/`, for accounts in which the deployer may only create roles below it. A
    change replaces the roles, and the clusters and node groups that have them. Default: `/`."""


class BoundaryArgs(RolePathArgs):
    """The permissions boundary of a component's IAM roles."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str] | None]
    """ARN of the permissions boundary of the IAM roles. Default: none."""


class JoinArgs(TypedDict):
    """Arguments that nodes need to join a cluster. `EksCluster.joining()` returns them."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster that the nodes join."""

    cluster_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the nodes. Pass the cluster's, so that the nodes are upgraded with the cluster. Required
    for a pinned image. Default: the cluster's version when the nodes are created."""

    cluster_endpoint: NotRequired[pulumi.Input[str]]
    """URL of the Kubernetes API. Required for a pinned image."""

    cluster_certificate_authority: NotRequired[pulumi.Input[str]]
    """Certificate authority of the Kubernetes API: PEM, in base64. Required for a pinned image."""

    cluster_service_cidr: NotRequired[pulumi.Input[str]]
    """CIDR block of the cluster's services, e.g. `172.20.0.0/16`. Required for a pinned image."""

    cluster_security_group_id: NotRequired[pulumi.Input[str]]
    """Security group that the cluster and its nodes share. Required for EFA."""

    node_sessions: NotRequired[bool]
    """Allow shell sessions on the nodes through AWS Systems Manager Session Manager. Default: no."""


SHARED: Final = (
    TagArgs,
    ProtectArgs,
    AccountArgs,
    RegionArgs,
    PartitionArgs,
    RolePathArgs,
    BoundaryArgs,
    JoinArgs,
)
"""The base classes. A `TypedDict` does not record its bases, so code that documents inherited fields reads this."""
