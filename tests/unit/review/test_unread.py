"""Policies and other grants that the plan hides."""

import json
from typing import Any

from changes import change, plan, update
from mlpctl.review.dangers.unchecked import unchecked
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.values.plain import Masked, Secret

BUCKET = "aws:s3/bucketPolicy:BucketPolicy"
ROLE = "aws:iam/role:Role"
SECRET = Secret("secret", b"1")


def hidden(made: Change) -> bool:
    found = {each.what: each for each in unchecked(plan(made), None, sandbox=False)}
    named = found.get("Secret policies and other secret grants")
    assert not named or named.urns == [made.urn]
    return bool(named)


def created(type: str, **inputs: Any) -> Change:
    return change(type, Op.CREATE, inputs=inputs)


def statement(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*", **more}


def document(**more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement(**more)]}


def masked(**more: Any) -> Masked:
    return Masked(json.dumps(document(**more)), b"1")


def test_a_secret_policy_is_not_checked() -> None:
    for policy in (
        *(SECRET, Masked("(secret)", b"1"), {"Statement": SECRET}, {"Statement": [SECRET]}),
        *(document(Principal=SECRET), document(Principal={"AWS": [SECRET]}), document(Effect=SECRET)),
        *(document(Action=["s3:GetObject", SECRET]), masked(Principal="(secret)"), masked(Action="s3:(secret)")),
    ):
        assert hidden(created(BUCKET, policy=policy)), policy


def test_a_policy_with_secrets_that_do_not_decide_is_checked() -> None:
    for policy in (
        *(json.dumps(document()), document(Sid=SECRET), masked(Sid="(secret)")),
        *(masked(Resource="arn:aws:s3:::(secret)/*"), masked(Principal={"AWS": "arn:aws:iam::(secret):root"})),
        masked(Condition={"StringEquals": {"aws:PrincipalOrgID": "(secret)"}}),
    ):
        assert not hidden(created(BUCKET, policy=policy)), policy


def test_secret_policies_of_roles_and_members_are_not_checked() -> None:
    inline = {"name": "a", "policy": SECRET}
    assert hidden(created(ROLE, assumeRolePolicy="{}", inlinePolicies=[inline]))
    assert hidden(created(ROLE, assumeRolePolicy="{}", inlinePolicies=SECRET))
    assert hidden(created(ROLE, assumeRolePolicy=SECRET))
    assert hidden(created("gcp:storage/bucketIAMMember:BucketIAMMember", bucket="b", role="r", member=SECRET))
    assert hidden(created("gcp:projects/iAMPolicy:IAMPolicy", project="p", policyData=SECRET))
    for type, name in (
        ("aws:sqs/queuePolicy:QueuePolicy", "policy"),
        ("aws:kms/key:Key", "policy"),
        ("aws:opensearch/domainPolicy:DomainPolicy", "accessPolicies"),
        ("aws-native:sqs:QueuePolicy", "policyDocument"),
        ("aws:iam/policy:Policy", "policy"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "policyArn"),
    ):
        assert hidden(created(type, **{name: SECRET})), type
    assert not hidden(created("aws:rds/instance:Instance", engine="postgres", password=SECRET))


def test_a_secret_policy_that_stays_the_same_is_no_gap() -> None:
    assert not hidden(update(BUCKET, {"policy": SECRET, "bucket": "a"}, {"policy": SECRET, "bucket": "b"}))
    assert hidden(update(BUCKET, {"policy": SECRET}, {"policy": Secret("secret", b"2")}))
    assert hidden(update(BUCKET, {"policy": json.dumps(document())}, {"policy": SECRET}))
    assert not hidden(update(BUCKET, {"policy": SECRET}, {"policy": json.dumps(document())}))


def test_a_deleted_secret_policy_is_no_gap() -> None:
    assert not hidden(change(BUCKET, Op.DELETE, inputs={"policy": SECRET}))
