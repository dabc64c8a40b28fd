"""Rules for the cluster that several sections, or the date, decide together."""

import datetime
from collections.abc import Callable, Iterator
from typing import Final

from awsfacts import eks_versions
from mlpctl.config.sections import Sections
from mlplatform.compute.eks_cluster.access import (
    REACHED_BY_NOBODY,
    api_sources,
    reached_by_nobody,
    too_many_sources,
)
from mlplatform.compute.eks_cluster.spec import principal_of
from mlplatform.compute.eks_cluster.system_pool import too_small


def system_nodes_hold_the_addons(platform: Sections) -> Iterator[str]:
    """The system nodes must have enough capacity for the pods of all installed add-ons."""
    if wrong := too_small(platform.cluster.system, secrets_store=platform.uses_secrets):
        yield f"cluster.system.{wrong}"


def the_cluster_version_is_supported(platform: Sections) -> Iterator[str]:
    """EKS must still offer the cluster's Kubernetes version.

    After the end of its extended support, EKS creates no cluster with it and upgrades existing clusters:
    https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html
    """
    version, today = platform.cluster.version, datetime.date.today()
    if (ended := eks_versions.support(version).extended_ends) < today:
        yield (
            f"cluster.version is {version}; allowed: a later one, since its extended support ended on {ended}: EKS "
            "creates no cluster with it and upgrades existing ones"
        )


def access_entries_have_a_principal(platform: Sections) -> Iterator[str]:
    """An access entry must have a principal."""
    for entry, access in platform.cluster.access.items():
        if access.role is None and access.principal_arn is None:
            yield f"cluster.access.{entry}.role is missing; allowed: either role or principalArn"


def a_role_s_name_and_its_arn_are_one_principal(platform: Sections) -> Iterator[str]:
    """If a stack has a single account, a role's name and an ARN may refer to the same principal."""
    if len(platform.allowed_accounts) != 1:
        return
    roles = {access.role: entry for entry, access in platform.cluster.access.items() if access.role}
    for entry, access in platform.cluster.access.items():
        _, account, kind, name = principal_of(access.principal_arn) if access.principal_arn else ("",) * 4
        if kind == "role" and account == platform.allowed_accounts[0] and name in roles:
            yield (
                f"cluster.access.{entry}.principalArn is {access.principal_arn}; allowed: a principal other than "
                f"that of access.{roles[name]}, since EKS allows one entry per principal"
            )


def the_api_server_is_reachable(platform: Sections) -> Iterator[str]:
    """Clients outside the cluster, e.g. Pulumi, which creates its objects, must be able to reach the API server."""
    cluster = platform.cluster
    if wrong := too_many_sources(len(api_sources(cluster))):
        yield f"cluster.privateAccessCidrs {wrong}"
    if reached_by_nobody(cluster):
        yield f"cluster.privateAccessCidrs {REACHED_BY_NOBODY}"
    elif (
        cluster.private_access_security_groups
        and not (cluster.public_access_cidrs or cluster.private_access_cidrs)
        and not platform.network.existing
    ):
        yield (
            "cluster.privateAccessCidrs is empty; allowed: networks with a route to the VPC, since the groups in "
            "privateAccessSecurityGroups cannot be in, or peered with, a VPC that is created with the cluster"
        )


CLUSTER_RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    system_nodes_hold_the_addons,
    the_cluster_version_is_supported,
    access_entries_have_a_principal,
    a_role_s_name_and_its_arn_are_one_principal,
    the_api_server_is_reachable,
)
