"""IAM roles with everything that belongs to one: trust, policies, boundary, tags."""

from collections.abc import Mapping
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from mlplatform import iam
from mlplatform.component import Component


class Role(NamedTuple):
    """A role and its policies."""

    role: "aws.iam.Role"

    policies: list[pulumi.Resource]
    """What has to exist before somebody who assumes the role may do what it is for."""


def role(
    component: Component,
    name: str,
    trust: pulumi.Input[str],
    *,
    managed: Mapping[str, str] | None = None,
    inline: Mapping[str, pulumi.Input[str]] | None = None,
    partition: pulumi.Input[str] = "aws",
    boundary: pulumi.Input[str] | None = None,
    description: str | None = None,
) -> Role:
    """Create a role below a component, bounded and tagged as the component's caller asks.

    Args:
        component: What the role belongs to.
        name: Logical name of the role.
        trust: Policy document that says who may assume it.
        managed: AWS managed policies to attach, e.g. `AmazonEKSClusterPolicy`, by the attachment's logical name.
        inline: Policy documents of the role's own, by logical name.
        partition: Partition of the managed policies.
        boundary: ARN of its permissions boundary. Default: that of the component's caller.
        description: Its description.
    """
    made = aws.iam.Role(
        name,
        description=description,
        assume_role_policy=trust,
        permissions_boundary=boundary or component.permissions_boundary,
        tags=component.tags_for(name),
        opts=component.child(),
    )
    attachments = [
        aws.iam.RolePolicyAttachment(
            logical_name,
            role=made.name,
            policy_arn=iam.managed_policy(policy, partition),
            opts=component.child(),
        )
        for logical_name, policy in (managed or {}).items()
    ]
    own = [
        aws.iam.RolePolicy(logical_name, role=made.id, policy=document, opts=component.child())
        for logical_name, document in (inline or {}).items()
    ]
    return Role(made, [*attachments, *own])
