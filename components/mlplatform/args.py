"""Arguments that several components take, written once; a component's own args inherit them."""

from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict

import pulumi


class TagArgs(TypedDict):
    """Tags of what a component creates."""

    tags: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Tags for every taggable child."""


class PartitionArgs(TypedDict):
    """Where a component's ARNs lie."""

    partition: NotRequired[pulumi.Input[str]]
    """AWS partition. Default: `aws`."""


class BoundaryArgs(TypedDict):
    """What bounds a component's IAM roles."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str] | None]
    """Policy that bounds the IAM roles. Default: none."""


class JoinArgs(TypedDict):
    """How nodes join a cluster; `EksCluster.joining()` returns them."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster that the nodes join."""

    cluster_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the nodes, with which they follow the cluster. Needed for a pinned image. Default: the
    cluster's at their creation."""

    cluster_endpoint: NotRequired[pulumi.Input[str]]
    """URL of the Kubernetes API. Needed for a pinned image."""

    cluster_certificate_authority: NotRequired[pulumi.Input[str]]
    """Certificate authority of the Kubernetes API: PEM, in base64. Needed for a pinned image."""

    cluster_service_cidr: NotRequired[pulumi.Input[str]]
    """Addresses of the cluster's services, e.g. `172.20.0.0/16`. Needed for a pinned image."""

    cluster_security_group_id: NotRequired[pulumi.Input[str]]
    """Security group that the cluster and its nodes share. Needed for EFA."""

    node_sessions: NotRequired[bool]
    """Allow shell sessions on the nodes through AWS Systems Manager Session Manager. Default: no."""


SHARED: Final = (TagArgs, PartitionArgs, BoundaryArgs, JoinArgs)
"""A `TypedDict` does not know its bases, so whoever documents inherited fields looks here."""
