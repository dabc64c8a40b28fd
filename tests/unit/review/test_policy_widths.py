"""Which changes of IAM policies grant broad permissions, or everything."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Certainty, Harm
from mlpctl.review.values.plain import UNKNOWN

POLICY = "aws:iam/policy:Policy"
BUCKET = "aws:s3/bucketPolicy:BucketPolicy"
ACCOUNT = {"AWS": "arn:aws:iam::111122223333:root"}


def document(*found: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **each} for each in found]}


def said(type: str, old: dict[str, Any] | None, new: dict[str, Any]) -> str:
    inputs = [each and {"bucket": "b", "policy": json.dumps(each)} for each in (old, new)]
    made = update(type, *inputs) if old else change(type, Op.CREATE, inputs=inputs[1])
    return " ".join(each.text for each in dangers(plan(made)) if each.harm is Harm.IDENTITY)


def opened(**limits: Any) -> dict[str, Any]:
    """A bucket policy for everybody; with limits, a deny statement that has them."""
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", **limits}
    return document({"Principal": "*", "Action": "s3:GetObject"}, *([denial] if limits else []))


CLOSED = {
    "an organization": opened(Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}),
    "an account": opened(Condition={"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}),
    "paths": opened(Condition={"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": ["o-1/*"]}}),
    "a principal": document(
        {"Principal": "*", "Action": "s3:GetObject"}, {"Effect": "Deny", "NotPrincipal": ACCOUNT, "Action": "s3:*"}
    ),
    "all but some": document(
        {"NotPrincipal": ACCOUNT, "Action": "s3:GetObject"}, {"Effect": "Deny", "Principal": "*", "Action": "*"}
    ),
}
"""Policies for everybody that deny statements close to all but some."""

LIMITED = document({"Principal": "*", "Action": "s3:*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}})
NAMED = document({"Principal": ACCOUNT, "Action": "s3:GetObject"})


@pytest.mark.parametrize("name", CLOSED)
def test_a_policy_that_is_closed_by_deny_statements_is_not_broad(name: str) -> None:
    for old in (None, NAMED, LIMITED):
        assert "broad" not in said(BUCKET, old, CLOSED[name])
        assert "anyone" not in said(BUCKET, old, CLOSED[name])
    assert "broad" in said(BUCKET, CLOSED[name], opened())


def test_a_policy_that_may_be_closed_may_be_broad() -> None:
    doubtful = opened(Condition={"StringNotEquals": {"aws:PrincipalOrgID": UNKNOWN}})
    (danger,) = dangers(plan(change(BUCKET, Op.CREATE, inputs={"bucket": "b", "policy": doubtful})))
    assert ("broad" in danger.text, danger.certainty) == (True, Certainty.MAY)


def other_than(*names: str, **more: Any) -> dict[str, Any]:
    return {"NotAction": [*names], **more}


def action(*names: str, **more: Any) -> dict[str, Any]:
    return {"Action": [*names], **more}


MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
WIDER = {
    "fewer services are left out": (other_than("iam:*", "organizations:*"), other_than("iam:*")),
    "less of a service is left out": (other_than("s3:*", "iam:*"), other_than("s3:Get*", "iam:*")),
    "another service is left out": (other_than("iam:*", "sts:*"), other_than("iam:*", "kms:*")),
    "all but a service instead of one": (action("s3:*"), other_than("iam:*")),
    "everything instead of all but a service": (other_than("s3:*"), action("*")),
    "always instead of under a condition": (other_than("iam:*", **MFA), other_than("iam:*")),
    "all of a service": (action("s3:Get*"), action("s3:**")),
    "all services with a prefix": (action("s3:Get*"), action("s*")),
}
NARROWER = {
    "more services are left out": (other_than("iam:*"), other_than("iam:*", "sts:*")),
    "more of a service is left out": (other_than("s3:Get*", "iam:*"), other_than("s3:*", "iam:*")),
    "another order and case": (other_than("iam:*", "sts:*"), other_than("STS:*", "iam:*")),
    "one service instead of all but another": (other_than("iam:*"), action("s3:*")),
    "a service instead of everything": (action("*"), action("s3:*")),
    "all but a service instead of everything": (action("*"), other_than("iam:*")),
    "fewer resources": (other_than("iam:*"), other_than("iam:*", Resource="arn:aws:s3:::models/*")),
    "under a condition": (other_than("iam:*"), other_than("iam:*", **MFA)),
    "some actions are left out": (other_than("iam:*"), other_than("iam:*", "s3:DeleteBucket")),
}


@pytest.mark.parametrize("name", WIDER)
def test_a_policy_that_allows_more_services_is_broader(name: str) -> None:
    old, new = WIDER[name]
    assert "broad" in said(POLICY, document(old), document(new))


@pytest.mark.parametrize("name", NARROWER)
def test_a_policy_that_allows_fewer_services_is_not_broader(name: str) -> None:
    old, new = NARROWER[name]
    text = said(POLICY, document(old), document(new))
    assert "broad" not in text
    assert "administrative" not in text


def test_a_removed_deny_statement_for_a_service_makes_a_policy_broader() -> None:
    deny = {"Effect": "Deny", "Action": "s3:*"}
    assert "broad" in said(POLICY, document(action("*"), deny), document(action("*")))
    assert "broad" not in said(POLICY, document(action("*")), document(action("*"), deny))


ADMINISTRATORS = {
    "in GovCloud": action("*", Resource="arn:aws-us-gov:*:*:*:*"),
    "in China": action("*", Resource=["arn:aws-cn:*"]),
    "in all partitions of some": action("*", Resource="arn:aws-*:*:*:*:*"),
    "in an account": action("*", Resource="arn:aws:*:*:123456789012:*"),
    "in its own account": action("*", Resource="arn:aws:*:*:${aws:PrincipalAccount}:*"),
    "of all global services of an account": action("*", Resource="arn:aws:*::123456789012:*"),
    "of IAM in an account": action("iam:*", Resource="arn:aws:iam::123456789012:*"),
    "of IAM in China": action("iam:*", Resource="arn:aws-cn:iam::*:*"),
    "of users": action("iam:CreateAccessKey", Resource="arn:aws-us-gov:iam::123456789012:user/*"),
    "of an account by question marks": action("*", Resource="arn:aws:*:*:????????????:*"),
}
LESS = {
    "of itself": action("iam:CreateAccessKey", Resource="arn:aws:iam::*:user/${aws:username}"),
    "of some roles": action("iam:UpdateAssumeRolePolicy", Resource="arn:aws:iam::123456789012:role/team-*"),
    "with MFA": action("iam:UpdateLoginProfile", **MFA),
    "of roles and not users": action("iam:CreateAccessKey", Resource="arn:aws:iam::123456789012:role/*"),
    "in a region": action("*", Resource="arn:aws:*:eu-west-1:123456789012:*"),
    "of a service": action("*", Resource="arn:aws-cn:s3:::*"),
}
ACTIONS = (
    *("AddUserToGroup", "AttachGroupPolicy", "AttachRolePolicy", "AttachUserPolicy", "CreateAccessKey"),
    *("CreateLoginProfile", "CreatePolicyVersion", "PutGroupPolicy", "PutRolePolicy", "PutUserPolicy"),
    *("SetDefaultPolicyVersion", "UpdateAssumeRolePolicy", "UpdateLoginProfile"),
)


@pytest.mark.parametrize("name", ADMINISTRATORS)
def test_a_policy_for_all_of_an_account_makes_an_administrator(name: str) -> None:
    assert "administrative" in said(POLICY, None, document(ADMINISTRATORS[name]))


@pytest.mark.parametrize("name", LESS)
def test_a_policy_for_less_makes_no_administrator(name: str) -> None:
    assert "administrative" not in said(POLICY, None, document(LESS[name]))


def test_each_known_escalation_makes_an_administrator() -> None:
    for each in ACTIONS:
        assert "administrative" in said(POLICY, None, document(action(f"iam:{each}"))), each
    assert "administrative" not in said(POLICY, None, document(action("iam:ListUsers", "iam:CreateUser")))


def test_a_deny_statement_of_another_partition_applies_to_its_policy() -> None:
    deny = {"Effect": "Deny", "Action": "*", "Resource": "arn:aws-cn:iam::123456789012:*"}
    limited = action("iam:*", Resource="arn:aws-cn:iam::123456789012:*")
    assert "administrative" not in said(POLICY, None, document(limited, deny))
