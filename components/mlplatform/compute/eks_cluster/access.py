"""Network access to the API server, and permissions in the cluster."""

import datetime
import re
from collections.abc import Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from awsfacts import eks_versions
from mlplatform import grammar
from mlplatform.compute.eks_cluster.spec import AccessLevel, EksClusterSpec
from mlplatform.foundation.network.spec import MAX_SUBNETS
from mlplatform.lookups import look_up

API_PORT: Final = 443
"""Port of the API server's endpoint."""


MIN_SUBNETS: Final = 2

MAX_SOURCES: Final = 59
"""Maximum number of rules for other sources. A security group has 60 inbound rules, and EKS uses one for its members:
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups"""


def physical_name(name: str) -> str:
    """The EKS cluster's name: project, stack and logical name.

    Raises:
        pulumi.RunError: the name is not valid in EKS.
    """
    made = f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}"
    try:
        return grammar.cluster(made)
    except ValueError as error:
        raise pulumi.RunError(f"the EKS cluster's name (project, stack, component) is {made}; {error}") from None


CREATOR: Final = "(creator)"
"""Name of the cluster's creator in the outputs. No entry can have this name."""


def access_levels(wanted: EksClusterSpec) -> dict[str, str]:
    """The access level of each entry that has one, by its name."""
    creator = {CREATOR: AccessLevel.CLUSTER_ADMIN.value} if wanted.creator_is_admin else {}
    return {**creator, **{entry: access.level.value for entry, access in wanted.access.items() if access.level}}


def creator_has_no_entry(name: str, cluster: EksClusterSpec) -> None:
    """Reject an access entry for the principal that is about to create the cluster `name`.

    If the creator becomes an administrator, EKS creates an entry for it. EKS allows one entry per principal and would
    reject the second one after the cluster is created:
    https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html

    Raises:
        pulumi.RunError: there is such an entry, or the lookup of the principal fails.
    """
    if not (cluster.access and cluster.creator_is_admin):
        return
    creator = look_up(
        # For an assumed role, this is the ARN of the role with its path.
        lambda: aws.iam.get_session_context(arn=aws.get_caller_identity().arn).issuer_arn,
        "the role that runs this program, which must not be in cluster.access,",
        "Allow iam:GetRole for it.",
    )
    role = creator.rsplit("/", 1)[-1] if ":role/" in creator else None
    mine = [
        entry
        for entry, access in cluster.access.items()
        if access.principal_arn == creator or (access.role is not None and access.role == role)
    ]
    if not mine:
        return
    made = look_up(
        lambda: aws.eks.get_clusters().names, "whether the cluster exists already", "Allow eks:ListClusters."
    )
    if physical_name(name) not in made:
        raise pulumi.RunError(
            f"cluster.access.{mine[0]} is for {creator}, which runs this program and becomes an administrator as the "
            "cluster's creator: EKS rejects a second access entry for it. Remove this entry, or set "
            "cluster.creatorIsAdmin to false so that the entry applies to the creator."
        )


def a_new_cluster_has_standard_support(name: str, cluster: EksClusterSpec, today: datetime.date) -> None:
    """Refuse to create the cluster `name` with a version that is out of standard support.

    Clusters have the upgrade policy STANDARD. EKS rejects it together with a version in extended support:
    https://docs.aws.amazon.com/eks/latest/userguide/create-cluster-auto.html

    An existing cluster may have such a version temporarily, until EKS upgrades it, one version at a time.

    Raises:
        pulumi.RunError: the cluster does not exist and its version is too old, or AWS rejects the request to list
        clusters.
    """
    ended = eks_versions.support(cluster.version).standard_ends
    if today <= ended:
        return
    made = look_up(
        lambda: aws.eks.get_clusters().names, "whether the cluster exists already", "Allow eks:ListClusters."
    )
    if physical_name(name) not in made:
        supported = [each for each in eks_versions.offered() if eks_versions.support(each).standard_ends >= today]
        raise pulumi.RunError(
            f"cluster.version is {cluster.version}; allowed for a new cluster: {', '.join(supported) or 'newer ones'}, "
            f"since its standard support ended on {ended} and EKS creates no cluster with the upgrade policy STANDARD "
            "and such a version."
        )


REACHED_BY_NOBODY: Final = (
    "is empty; allowed: networks with a route into the VPC (VPN, peering, runners), unless privateAccessSecurityGroups "
    "or publicAccessCidrs are set: by default, only the cluster's own nodes can reach a private endpoint"
)
"""The problem of `privateAccessCidrs` if `reached_by_nobody`."""


def reached_by_nobody(wanted: EksClusterSpec) -> bool:
    """Whether only the cluster's own nodes can reach the API server, so that Pulumi cannot create objects in it."""
    return not (wanted.public_access_cidrs or api_sources(wanted))


def too_many_sources(count: int) -> str | None:
    """The problem if too many networks and security groups may reach the private endpoint. Each needs one rule."""
    if count <= MAX_SOURCES:
        return None
    return (
        f"has {count} networks and security groups in all; allowed: {MAX_SOURCES}, since each is a rule of the "
        "cluster's security group, and EC2 allows 60. Use wider networks, or one security group for many clients"
    )


def control_plane_subnets(ids: Sequence[str]) -> Sequence[str]:
    """`ids` if a control plane can use these subnets. Some may be outputs.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html

    Raises:
        ValueError: one line per problem, a phrase that follows `has`.
    """
    problems = []
    if not MIN_SUBNETS <= len(ids) <= MAX_SUBNETS:
        problems.append(
            f"{len(ids)} {'entry' if len(ids) == 1 else 'entries'}; allowed: {MIN_SUBNETS} to {MAX_SUBNETS} subnets, "
            "in two zones or more, since EKS needs two"
        )
    if twice := sorted({id for id in ids if isinstance(id, str) and ids.count(id) > 1}):
        problems.append(f"{', '.join(twice)} twice; allowed: each subnet once")
    if problems:
        raise ValueError("\n".join(problems))
    return ids


def endpoint_access(wanted: EksClusterSpec) -> dict[str, Any]:
    """The endpoint settings: private access always, and public access only from the listed networks."""
    if not wanted.public_access_cidrs:
        return {"endpoint_private_access": True, "endpoint_public_access": False}
    return {
        "endpoint_private_access": True,
        "endpoint_public_access": True,
        "public_access_cidrs": wanted.public_access_cidrs,
    }


def api_sources(wanted: EksClusterSpec) -> dict[str, dict[str, str]]:
    """Sources that may reach the private endpoint over HTTPS: arguments of security group rules, by a name for each."""
    return {
        **{re.sub(r"[./]", "-", cidr): {"cidr_ipv4": cidr} for cidr in wanted.private_access_cidrs},
        **{group: {"referenced_security_group_id": group} for group in wanted.private_access_security_groups},
    }
