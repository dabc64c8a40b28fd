"""The access entries of a cluster and their access policies."""

import functools
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from awsfacts.eks_settings import access_policy_arn
from mlplatform import grammar
from mlplatform.checks.arguments import ArgumentsError, what_is
from mlplatform.component import Component
from mlplatform.compute.eks_cluster.checks import earlier, principal_problems
from mlplatform.compute.eks_cluster.spec import POLICIES, ClusterAccess, EksClusterSpec, principal_of
from mlplatform.lookups import look_up
from mlplatform.refusals import Problem


def principals(
    component: Component,
    name: str,
    wanted: EksClusterSpec,
    partition: pulumi.Input[str],
    given: Mapping[str, pulumi.Input[str]],
) -> dict[str, pulumi.Input[str]]:
    """The ARN of the principal of each entry of `access`.

    Args:
        component: the cluster.
        name: its logical name.
        wanted: its spec.
        partition: its partition.
        given: ARNs from the argument `principal_arns`, by entry. They are validated when all ARNs are known.

    Raises:
        ArgumentsError: two entries of the spec refer to the same principal, one of them by a role's name.
        pulumi.RunError: a role cannot be looked up.
    """
    named = {entry: _named(component, access) for entry, access in wanted.access.items() if entry not in given}
    first: dict[tuple[str, ...], str] = {}
    twice = [
        Problem(
            f"cluster.access.{entry}",
            f"is for {arn}, as {first[principal_of(arn)]} is; allowed: another principal, since EKS allows one entry "
            "per principal",
        )
        for entry, arn in named.items()
        if first.setdefault(principal_of(arn), entry) != entry
    ]
    if twice:
        raise ArgumentsError(what_is(component, name), twice)
    return {
        entry: _given(component, name, entry, named, given, partition) if entry in given else named[entry]
        for entry in wanted.access
    }


def create(
    component: Component,
    name: str,
    cluster_name: pulumi.Input[str],
    wanted: EksClusterSpec,
    partition: pulumi.Input[str],
    arns: Mapping[str, pulumi.Input[str]],
) -> None:
    """Create an access entry and its policy for each entry of `access`, as children of a component.

    Args:
        component: the cluster.
        name: its logical name.
        cluster_name: its name in EKS.
        wanted: its spec.
        partition: its partition.
        arns: ARNs of the principals, by entry.
    """
    for persona, access in wanted.access.items():
        entry = aws.eks.AccessEntry(
            f"{name}-{persona}-access",
            cluster_name=cluster_name,
            principal_arn=arns[persona],
            kubernetes_groups=access.groups or None,
            tags=component.tags_for(f"{name}-{persona}-access"),
            # A principal has one entry.
            opts=component.child(delete_before_replace=True),
        )
        if access.level is None:
            continue
        aws.eks.AccessPolicyAssociation(
            f"{name}-{persona}-policy",
            cluster_name=cluster_name,
            principal_arn=entry.principal_arn,
            policy_arn=pulumi.Output.from_input(partition).apply(
                functools.partial(access_policy_arn, name=POLICIES[access.level])
            ),
            access_scope=(
                {"type": "namespace", "namespaces": access.namespaces} if access.namespaces else {"type": "cluster"}
            ),
            # An association is an upsert by principal and policy: deleting the old one last would remove the new one.
            opts=component.child(delete_before_replace=True),
        )


def _given(
    component: Component,
    name: str,
    entry: str,
    named: Mapping[str, str],
    given: Mapping[str, pulumi.Input[str]],
    partition: pulumi.Input[str],
) -> pulumi.Input[str]:
    """A principal from `principal_arns`, validated when all values that it is compared with are known."""

    def checked(known: Mapping[str, Any]) -> str:
        arn = str(known["arn"])
        if wrong := [*principal_problems(entry, arn, known["partition"], known["others"])]:
            raise ArgumentsError(what_is(component, name), wrong)
        return arn

    others = {**named, **earlier(given, entry)}
    return pulumi.Output.all(arn=given[entry], partition=partition, others=others).apply(checked)


def _named(component: Component, access: ClusterAccess) -> str:
    """ARN of the principal that an entry names. A role is looked up, because its ARN may contain a path."""
    if access.principal_arn is not None:
        return access.principal_arn
    arn = look_up(
        lambda: str(aws.iam.get_role(name=str(access.role), opts=component.asking()).arn),
        f"the IAM role {access.role}, which cluster.access names,",
        "Use a role that `aws iam list-roles` lists, or create it first.",
    )
    try:
        return grammar.principal(arn)
    except ValueError as error:
        raise pulumi.RunError(f"the IAM role {access.role}, which cluster.access names, is {arn}; {error}") from None
