"""Validation of a cluster's spec together with the component's other arguments, before anything is created."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from awsfacts.partitions import AWS
from mlplatform import grammar
from mlplatform.compute.eks_cluster.access import (
    REACHED_BY_NOBODY,
    api_sources,
    control_plane_subnets,
    reached_by_nobody,
    too_many_sources,
)
from mlplatform.compute.eks_cluster.addons import pod_zones
from mlplatform.compute.eks_cluster.spec import EksClusterSpec, principal_of
from mlplatform.compute.eks_cluster.system_pool import too_small
from mlplatform.compute.node_group.nodes import MAX_NODE_GROUP_NAME
from mlplatform.names import RANDOM
from mlplatform.refusals import Problem, shown

MAX_PINNED_NAME: Final = MAX_NODE_GROUP_NAME - len("-system-pinned-nodes") - RANDOM
"""Maximum length of the name of a cluster whose system nodes have a pinned image: the name of their node group contains
it."""


def problems(name: str, wanted: EksClusterSpec, args: Mapping[str, Any]) -> Iterator[Problem]:
    """All problems of a cluster's spec and arguments.

    Args:
        name: the logical name.
        wanted: the spec.
        args: the arguments of the component. Outputs are skipped here and validated when they are known.
    """
    if wanted.system.ami_release and len(name) > MAX_PINNED_NAME:
        reason = f"since cluster.system has amiRelease and EKS takes {MAX_NODE_GROUP_NAME} for a node group's name"
        yield Problem("name", f"is {name}; allowed: at most {MAX_PINNED_NAME} characters, {reason}")
    yield from _principals(wanted, args.get("principal_arns", {}), args.get("partition", AWS))
    groups = args.get("private_access_security_groups", {})
    if reached_by_nobody(wanted) and not groups:
        yield Problem("cluster.privateAccessCidrs", REACHED_BY_NOBODY)
    if wrong := too_many_sources(len(api_sources(wanted)) + len(groups)):
        yield Problem("cluster.privateAccessCidrs", wrong)
    if wrong := too_small(wanted.system, secrets_store=args.get("secrets_store", False)):
        yield Problem("cluster.system.instanceTypes", wrong.removeprefix("instanceTypes "))
    yield from same_group(groups, wanted.private_access_security_groups)
    if isinstance(args["subnet_ids"], list):
        yield from _refused("subnet_ids", control_plane_subnets, args["subnet_ids"])
    if isinstance(pods := args.get("pod_subnet_ids"), Mapping):
        yield from _refused("pod_subnet_ids", pod_zones, pods)


def same_group(given: Mapping[str, Any], listed: Sequence[str]) -> Iterator[Problem]:
    """Security groups that are listed twice. EC2 rejects the second rule with InvalidPermission.Duplicate.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html

    Args:
        given: the argument `private_access_security_groups`. Unknown IDs are not checked.
        listed: `cluster.privateAccessSecurityGroups`.
    """
    first = dict.fromkeys(listed, "cluster.privateAccessSecurityGroups")
    for name, id in given.items():
        place = f"private_access_security_groups.{name}"
        if isinstance(id, str) and (other := first.setdefault(id, place)) != place:
            yield Problem(place, f"is {shown(id)}, which {other} names; allowed: each security group once")


def _principals(wanted: EksClusterSpec, principals: Mapping[str, Any], partition: Any) -> Iterator[Problem]:
    """Problems of access entries and of the ARNs in `principal_arns`."""
    for entry, access in wanted.access.items():
        named = [field for field in (access.role, access.principal_arn, principals.get(entry)) if field is not None]
        if len(named) != 1:
            how = "names no principal" if not named else "names more than one principal"
            only = "allowed: exactly one of role, principalArn and the argument `principal_arns`"
            yield Problem(f"cluster.access.{entry}", f"{how}; {only}")
        own = access.principal_arn.split(":")[1] if access.principal_arn else partition
        if isinstance(partition, str) and own != partition:
            reason = f"is an ARN of the partition {own}; allowed: ARNs of {partition}, the component's"
            yield Problem(f"cluster.access.{entry}.principalArn", reason)
    for entry, arn in principals.items():
        if entry not in wanted.access:
            place = f"principal_arns.{entry}"
            yield Problem(place, f"has no entry; allowed: {', '.join(wanted.access) or 'none is defined'}")
        elif isinstance(arn, str):
            plain = partition if isinstance(partition, str) else None
            others = {each: access.principal_arn for each, access in wanted.access.items() if each != entry}
            yield from principal_problems(entry, arn, plain, {**others, **earlier(principals, entry)})


def earlier(principals: Mapping[str, Any], entry: str) -> dict[str, Any]:
    """The principals of the entries before `entry`, none of which it may repeat."""
    order = [*principals]
    return {each: principals[each] for each in order[: order.index(entry)]}


def principal_problems(entry: str, arn: str, partition: str | None, others: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of a principal's ARN that is known.

    The principal may belong to another account: https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html

    Args:
        entry: its entry of `cluster.access`.
        arn: the ARN.
        partition: the component's partition, if it is known.
        others: ARNs of other entries. Those that are not known are skipped.
    """
    place = f"principal_arns.{entry}"
    if wrong := [*_refused(place, grammar.principal, arn)]:
        yield from wrong
        return
    if partition is not None and (own := arn.split(":")[1]) != partition:
        yield Problem(place, f"is an ARN of the partition {own}; allowed: ARNs of {partition}, the component's")
    for other, principal in others.items():
        if isinstance(principal, str) and principal_of(principal) == principal_of(arn):
            yield Problem(
                place, f"is that of {other}; allowed: another principal, since EKS allows one entry per principal"
            )


def _refused(place: str, check: Callable[[Any], object], value: Any) -> Iterator[Problem]:
    """Problems that `check` finds in a value, one per line of its message."""
    try:
        check(value)
    except ValueError as error:
        for line in str(error).splitlines():
            reason = f"is {shown(value)}; {line}" if line.startswith("allowed: ") else f"has {line}"
            yield Problem(place, reason)
