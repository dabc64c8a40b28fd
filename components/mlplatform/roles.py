"""IAM roles with their trust policy, permissions, permissions boundary and tags."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from mlplatform import iam
from mlplatform.component import Component


class Role(NamedTuple):
    """A role and its policies."""

    role: "aws.iam.Role"

    policies: list[pulumi.Resource]
    """Resources that must exist before a principal that assumes the role has its permissions."""


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
    session_hours: int | None = None,
    after: Sequence[pulumi.Resource] = (),
) -> Role:
    """Create a role as a child of a component, with the boundary, path and tags that the component's caller sets.

    Args:
        component: The component that the role belongs to.
        name: Logical name of the role.
        trust: Trust policy: who may assume the role.
        managed: AWS managed policies to attach, e.g. `AmazonEKSClusterPolicy`, by the attachment's logical name.
        inline: Inline policy documents, by logical name.
        partition: Partition of the managed policies.
        boundary: ARN of its permissions boundary. Default: the one that the component's caller sets.
        description: Its description.
        session_hours: Maximum duration of its sessions in hours. Default: IAM's, one hour.
        after: Resources that its trust policy names, and that must exist before it.
    """
    made = aws.iam.Role(
        name,
        description=description,
        path=component.role_path,
        max_session_duration=session_hours and session_hours * 3600,
        assume_role_policy=trust,
        permissions_boundary=boundary or component.permissions_boundary,
        tags=component.tags_for(name),
        opts=component.child(depends_on=[*after]) if after else component.child(),
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


def short_name(policy: str) -> str:
    """A managed policy in a logical name: `iam-read-only-access` for `IAMReadOnlyAccess`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", policy.rsplit("/", 1)[-1])
    return words.lower()
