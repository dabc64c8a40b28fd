"""Who reaches the API server, and who may use it."""

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
"""Rules that the cluster's security group has room for: of 60 inbound ones, EKS's own admits the group's members.
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups"""


def physical_name(name: str) -> str:
    """The EKS cluster's name: project, stack and logical name.

    Raises:
        pulumi.RunError: EKS would refuse it.
    """
    made = f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}"
    try:
        return grammar.cluster(made)
    except ValueError as error:
        raise pulumi.RunError(f"the EKS cluster's name, of project, stack and component, is {made}; {error}") from None


CREATOR: Final = "(creator)"
"""How the outputs call whoever created the cluster; no entry can have this name."""


def access_levels(wanted: EksClusterSpec) -> dict[str, str]:
    """What whom may do, by the names of the entries."""
    creator = {CREATOR: AccessLevel.CLUSTER_ADMIN.value} if wanted.creator_is_admin else {}
    return {**creator, **{entry: access.level.value for entry, access in wanted.access.items()}}


def creator_has_no_entry(name: str, cluster: EksClusterSpec) -> None:
    """Refuse an access entry for whoever is about to create the cluster `name`.

    EKS makes one itself where the creator becomes an administrator, and knows one entry for each principal. It would
    refuse the second when the cluster is there: https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html

    Raises:
        pulumi.RunError: there is such an entry, or AWS refuses to say who runs the program.
    """
    if not (cluster.access and cluster.creator_is_admin):
        return
    creator = look_up(
        # Of an assumed role, the role, with its path.
        lambda: aws.iam.get_session_context(arn=aws.get_caller_identity().arn).issuer_arn,
        "the role that runs this program, which may not be in cluster.access,",
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
            "cluster's creator: EKS refuses a second access entry for it. Remove this entry, or set "
            "cluster.creatorIsAdmin to false to give the creator what the entry says."
        )


def a_new_cluster_has_standard_support(name: str, cluster: EksClusterSpec, today: datetime.date) -> None:
    """Refuse to create the cluster `name` with a version that is out of standard support.

    EKS does not accept the upgrade policy STANDARD, which clusters here have, with a version in extended support:
    https://docs.aws.amazon.com/eks/latest/userguide/create-cluster-auto.html

    A cluster that exists may have such a version for a while: EKS upgrades it, one version at a time.

    Raises:
        pulumi.RunError: the cluster does not exist and its version is too old, or AWS refuses to list the clusters.
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
    "or publicAccessCidrs are set: EKS admits only the cluster's own nodes to a private endpoint"
)
"""What is wrong with `privateAccessCidrs` where `reached_by_nobody`."""


def reached_by_nobody(wanted: EksClusterSpec) -> bool:
    """Whether only the cluster's own nodes reach the API server, through which its objects are created."""
    return not (wanted.public_access_cidrs or api_sources(wanted))


def too_many_sources(count: int) -> str | None:
    """What is wrong with the number of networks and security groups that reach the private endpoint, a rule each."""
    if count <= MAX_SOURCES:
        return None
    return (
        f"has {count} networks and security groups in all; allowed: {MAX_SOURCES}, a rule each in the cluster's "
        "security group, of which EC2 takes 60: wider networks, or one security group for many clients"
    )


def control_plane_subnets(ids: Sequence[str]) -> Sequence[str]:
    """`ids` if a control plane can be in these subnets. Some may be outputs.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html

    Raises:
        ValueError: a line for each thing that is wrong, to be read after `has`.
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
    """Who reaches the API server: always the network itself, and from the internet only the listed networks."""
    if not wanted.public_access_cidrs:
        return {"endpoint_private_access": True, "endpoint_public_access": False}
    return {
        "endpoint_private_access": True,
        "endpoint_public_access": True,
        "public_access_cidrs": wanted.public_access_cidrs,
    }


def api_sources(wanted: EksClusterSpec) -> dict[str, dict[str, str]]:
    """Sources that may open HTTPS to the private endpoint, as arguments of security-group rules by a name for each."""
    return {
        **{re.sub(r"[./]", "-", cidr): {"cidr_ipv4": cidr} for cidr in wanted.private_access_cidrs},
        **{group: {"referenced_security_group_id": group} for group in wanted.private_access_security_groups},
    }
