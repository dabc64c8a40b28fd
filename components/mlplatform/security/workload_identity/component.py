"""Permissions of programs in the cluster: an IAM role with least privilege for a service account."""

from collections.abc import Iterable, Mapping
from typing import Any, NotRequired

import pulumi
import pulumi_aws as aws

from mlplatform import namespaces, roles
from mlplatform.args import AccountArgs, PartitionArgs, RegionArgs, RolePathArgs, TagArgs
from mlplatform.checks.arguments import ArgumentsError, Problem, checked, reporting, what_is
from mlplatform.component import Component
from mlplatform.compute.eks_cluster.addons import OWN_ACCOUNTS
from mlplatform.security.workload_identity.spec import (
    WorkloadIdentitySpec,
    access_policy,
    boundary,
    service_account_of,
    too_large,
    trust_policy,
)


class WorkloadIdentityArgs(AccountArgs, RegionArgs, PartitionArgs, RolePathArgs, TagArgs):
    """Arguments of `WorkloadIdentity`."""

    workload: WorkloadIdentitySpec
    """The workload."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster that it runs in."""

    bucket_arns: NotRequired[Mapping[str, pulumi.Input[str]]]
    """ARNs of the workload's buckets, by name."""

    data_key_arn: NotRequired[pulumi.Input[str]]
    """ARN of the KMS key of these buckets. Default: none, they are encrypted with keys that S3 manages."""

    secrets_key_arn: NotRequired[pulumi.Input[str]]
    """ARN of the KMS key of the workload's secrets. Default: none, they are encrypted with the key of Secrets
    Manager."""

    repository_arns: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """ARNs of the workload's image repositories, by name."""

    queue_arns: NotRequired[Mapping[str, pulumi.Input[str]]]
    """ARNs of queues that the program creates, by the names that the workload uses for them. Default: the queues with
    these names in SQS."""

    secret_arns: NotRequired[Mapping[str, pulumi.Input[str]]]
    """ARNs of secrets that the program creates, by the names that the workload uses for them. Default: the secrets with
    these names in Secrets Manager."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str] | None]
    """ARN of the role's permissions boundary. Default: a boundary that the component creates, which allows only data of
    this account."""


def check_names(what: str, wanted: WorkloadIdentitySpec, args: Mapping[str, Any]) -> None:
    """Check that the workload uses the resource of each ARN, and that each of its buckets and repositories has an ARN.

    ARNs that are an output as a whole are validated when they are known.

    Raises:
        ArgumentsError: lists the ARNs that are missing or not used.
    """
    named: dict[str, Iterable[str]] = {"bucket_arns": wanted.buckets, "repository_arns": wanted.images}
    more: dict[str, Iterable[str]] = {"queue_arns": wanted.queues, "secret_arns": wanted.secrets}
    given: Mapping[str, Any] = {**args}
    problems = [
        Problem(argument, f"has no {each}; required, since the workload uses it")
        for argument, names in named.items()
        for arns in (given.get(argument, {}),)
        for each in (names if isinstance(arns, Mapping) else ())
        if each not in arns
    ]
    problems += [
        Problem(argument, f"has {each}; allowed: names that the workload uses ({', '.join(names) or 'none'})")
        for argument, names in more.items()
        for each in given.get(argument, {})
        if each not in names
    ]
    if problems:
        raise ArgumentsError(what, problems)


def _checked_size(what: str, wanted: WorkloadIdentitySpec, policy: str) -> str:
    if wrong := too_large(wanted, policy):
        raise ArgumentsError(what, [Problem("workload", wrong)])
    return policy


class WorkloadIdentity(Component):
    """An IAM role with a permissions boundary, which the pods of one service account get from EKS Pod Identity."""

    role_arn: pulumi.Output[str]
    """ARN of the role."""

    role_name: pulumi.Output[str]
    """Name of the role, to attach more policies. The boundary limits these too."""

    def __init__(self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(WorkloadIdentityArgs, self, name, args)
        wanted = args["workload"]
        if allowed := namespaces.workload_problem(name, wanted.namespace, wanted.service_account):
            raise ArgumentsError(what_is(self, name), [Problem("name", f"is {name}; allowed: {allowed}")])
        if owner := OWN_ACCOUNTS.get(account := service_account_of(name, wanted)):
            reason = (
                f"is {account[1]} in {account[0]}; allowed: another service account, since {owner} has its own role"
            )
            raise ArgumentsError(what_is(self, name), [Problem("workload.serviceAccount", reason)])
        check_names(what_is(self, name), wanted, args)
        super().__init__(name, args, opts)
        role = create_identity(self, name, wanted, args)

        self.role_arn = role.arn
        self.role_name = role.name
        self._done()


def create_identity(
    component: Component,
    name: str,
    wanted: WorkloadIdentitySpec,
    args: WorkloadIdentityArgs,
) -> "aws.iam.Role":
    """Create the role of a workload, and its association with a service account, as children of a component.

    Args:
        component: their parent.
        name: the workload's name, a prefix of their logical names.
        wanted: the workload.
        args: its account, region and cluster, and the ARNs of what it uses.
    """
    what = what_is(component, name)
    namespace, service_account = service_account_of(name, wanted)
    where = pulumi.Output.all(
        account_id=args["account_id"], region=args["region"], partition=args.get("partition", "aws")
    )

    access = pulumi.Output.all(
        where=where,
        bucket_arns=args.get("bucket_arns", {}),
        data_key_arn=args.get("data_key_arn"),
        secrets_key_arn=args.get("secrets_key_arn"),
        repository_arns=args.get("repository_arns", {}),
        queue_arns=args.get("queue_arns", {}),
        secret_arns=args.get("secret_arns", {}),
    ).apply(reporting(component, name, "workload", lambda known: access_policy(wanted, **known.pop("where"), **known)))
    access = access.apply(lambda policy: _checked_size(what, wanted, policy))
    role, policies = roles.role(
        component,
        f"{name}-role",
        pulumi.Output.all(args["cluster_name"], where).apply(
            lambda known: trust_policy(known[0], namespace, service_account, **known[1])
        ),
        inline={f"{name}-access": access},
        boundary=component.permissions_boundary or _boundary(component, name, where),
        description=f"Pods of {namespace}/{service_account}",
    )
    aws.eks.PodIdentityAssociation(
        f"{name}-association",
        cluster_name=args["cluster_name"],
        namespace=namespace,
        service_account=service_account,
        role_arn=role.arn,
        tags=component.tags_for(f"{name}-association"),
        # A pod that starts with the role can use its permissions at once.
        opts=component.child(depends_on=policies),
    )
    return role


def _boundary(component: Component, name: str, where: pulumi.Output[dict[str, str]]) -> pulumi.Output[str]:
    arn: pulumi.Output[str] = aws.iam.Policy(
        f"{name}-boundary",
        description="The most that a workload may do",
        policy=where.apply(lambda known: boundary(known["account_id"])),
        tags=component.tags_for(f"{name}-boundary"),
        opts=component.child(),
    ).arn
    return arn
