"""IAM policy documents as plain data: trust policies and permissions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

Statement = dict[str, Any]

VERSION: Final = "2012-10-17"
"""The current version of the policy language:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html"""


ROLE_SIZE: Final = 10_240
"""Maximum size of all inline policies of a role, in characters without white space:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


def size(policy: str) -> int:
    """Characters of a policy document as IAM counts them."""
    return len("".join(policy.split()))


def document(*statements: Statement) -> str:
    """A policy document as JSON with sorted keys, so that previews show no false changes."""
    return json.dumps({"Version": VERSION, "Statement": list(statements)}, sort_keys=True)


def allow(
    actions: Sequence[str],
    *,
    on: Sequence[str],
    to: Mapping[str, Any] | None = None,
    when: Mapping[str, Mapping[str, Any]] | None = None,
    sid: str | None = None,
) -> Statement:
    """A statement that allows `actions` on the resources `on`, to the principal `to`, under the conditions `when`.

    If `on` is empty, the statement has no `Resource`. This is for resource-based policies that apply to their own
    resource.
    """
    return _statement("Allow", actions, on, to, when, sid)


def deny(
    actions: Sequence[str],
    *,
    on: Sequence[str],
    to: Mapping[str, Any] | str | None = None,
    when: Mapping[str, Mapping[str, Any]] | None = None,
    sid: str | None = None,
) -> Statement:
    """A statement that denies `actions` on the resources `on`, to the principal `to`, under the conditions `when`."""
    return _statement("Deny", actions, on, to, when, sid)


def trust(
    service: str,
    *,
    actions: Sequence[str] = ("sts:AssumeRole",),
    when: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The trust policy that lets the AWS service `service` (e.g. `ec2.amazonaws.com`) assume a role, under `when`."""
    return document(allow(actions, on=[], to={"Service": service}, when=when))


def pod_identity_trust(cluster_arn: str, namespace: str, service_account: str) -> str:
    """The trust policy of a role for pods of one service account in one cluster, identified by their session tags.

    Sources: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html,
    https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html
    """
    tags = {
        "eks-cluster-arn": cluster_arn,
        "kubernetes-namespace": namespace,
        "kubernetes-service-account": service_account,
    }
    when = {"StringEquals": {f"aws:RequestTag/{tag}": value for tag, value in tags.items()}}
    return trust("pods.eks.amazonaws.com", actions=("sts:AssumeRole", "sts:TagSession"), when=when)


def managed_policy(name: str, partition: pulumi.Input[str]) -> pulumi.Output[str]:
    """The ARN of an AWS managed policy, e.g. `AmazonEKSClusterPolicy` or `service-role/…`."""
    return pulumi.Output.concat("arn:", partition, ":iam::aws:policy/", name)


def own_policy(name: str, account_id: pulumi.Input[str], partition: pulumi.Input[str]) -> pulumi.Output[str]:
    """The ARN of the account's customer managed policy with this name."""
    return pulumi.Output.concat("arn:", partition, ":iam::", account_id, ":policy/", name)


def _statement(
    effect: str,
    actions: Sequence[str],
    on: Sequence[str],
    to: Mapping[str, Any] | str | None,
    when: Mapping[str, Mapping[str, Any]] | None,
    sid: str | None,
) -> Statement:
    statement: Statement = {"Effect": effect, "Action": sorted(actions)}
    if on:
        statement["Resource"] = list(on)
    if sid is not None:
        statement["Sid"] = sid
    if to is not None:
        statement["Principal"] = to
    if when is not None:
        statement["Condition"] = when
    return statement
