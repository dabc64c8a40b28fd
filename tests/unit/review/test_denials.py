"""Policies with deny statements, which override what others allow."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.iam import everybody as everybody_admitted
from mlpctl.review.iam.evaluation import Extent, Permissions
from mlpctl.review.iam.everybody import Answer, admits_everybody
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Certainty, Harm
from mlpctl.review.values.plain import UNKNOWN

ORGANIZATION = {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}
POLICY = "aws:iam/policy:Policy"


def statement(effect: str = "Allow", action: Any = "*", **more: Any) -> dict[str, Any]:
    named = {} if {"NotAction"} & {*more} else {"Action": action}
    return {"Effect": effect, "Resource": "*", **named, **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements]}


def everybody(*denials: dict[str, Any], action: Any = "sqs:*", **more: Any) -> dict[str, Any]:
    return document(
        statement(action=action, Principal="*", **more),
        *({**statement("Deny", "sqs:*", Principal="*"), **each} for each in denials),
    )


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


CLOSED: dict[str, Any] = {
    "an endpoint": {"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}},
    "an organization": {"Condition": ORGANIZATION},
    "an organization, if there is one": {"Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}},
    "parts of an organization": {"Condition": {"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": ["o-1/r-1/*"]}}},
    "addresses": {"Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    "accounts by their roles": {"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}},
    "an organization and services": {
        "Condition": {
            "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        }
    },
    "some principals": {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}},
    "nobody": {},
    "all by a principal in a list": {"Principal": {"AWS": ["*"]}, "Condition": ORGANIZATION},
    "all actions": {"Action": "*", "Condition": ORGANIZATION},
    "all but actions of another service": {"Action": None, "NotAction": "s3:*", "Condition": ORGANIZATION},
    "everything but another resource": {"Resource": None, "NotResource": [], "Condition": ORGANIZATION},
}
OPEN: dict[str, Any] = {
    "plain HTTP": {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    "some actions": {"Action": "sqs:SendMessage", "Condition": ORGANIZATION},
    "all but some actions": {"Action": None, "NotAction": "sqs:SendMessage", "Condition": ORGANIZATION},
    "all but one resource": {
        "Resource": None,
        "NotResource": "arn:aws:sqs:eu-west-1:1:jobs",
        "Condition": ORGANIZATION,
    },
    "one principal": {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
    "an organization": {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-2"}}},
    "other private addresses": {"Condition": {"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}}},
    "plain HTTP outside of an organization": {
        "Condition": {"Bool": {"aws:SecureTransport": "false"}, **ORGANIZATION},
    },
    "all organizations but any": {"Condition": {"StringNotLike": {"aws:PrincipalOrgID": "o-*"}}},
    "any value outside of an organization": {
        "Condition": {"ForAnyValue:StringNotEquals": {"aws:PrincipalOrgPaths": "o-1/r-1"}}
    },
    "no endpoint": {"Condition": {"Null": {"aws:SourceVpce": "true"}}},
    "callers that are no services": {"Condition": {"Bool": {"aws:PrincipalIsAWSService": "false"}}},
}


def cleaned(denial: dict[str, Any]) -> dict[str, Any]:
    policy = everybody(denial)
    return document(*({key: each for key, each in one.items() if each is not None} for one in policy["Statement"]))


@pytest.mark.parametrize("name", CLOSED)
def test_a_deny_statement_limits_the_callers(name: str) -> None:
    policy = cleaned(CLOSED[name])
    assert admits_everybody(policy) is Answer.NO
    assert "anyone can use it" in text_of(
        update("aws:sqs/queuePolicy:QueuePolicy", {"policy": json.dumps(policy)}, {"policy": json.dumps(everybody())})
    )


@pytest.mark.parametrize("name", OPEN)
def test_a_deny_statement_that_leaves_something_to_everybody(name: str) -> None:
    policy = cleaned(OPEN[name])
    assert admits_everybody(policy) is Answer.YES
    assert text_of(change("aws:sqs/queuePolicy:QueuePolicy", Op.CREATE, inputs={"policy": policy}))


def test_a_deny_statement_for_a_resource_may_be_for_the_one_with_the_policy() -> None:
    queue = "arn:aws:sqs:eu-west-1:123456789012:jobs"
    assert admits_everybody(everybody({"Resource": queue, "Condition": ORGANIZATION})) is Answer.MAY
    assert admits_everybody(everybody({"Resource": queue, "Condition": ORGANIZATION}, Resource=queue)) is Answer.NO


@pytest.mark.parametrize(
    ("allowed", "denied", "answer"),
    [
        ("arn:aws:s3:::b/*", ["arn:aws:s3:::b", "arn:aws:s3:::b/*"], Answer.NO),
        ("*", ["arn:aws:s3:::b", "arn:aws:s3:::b/*"], Answer.MAY),
        ("*", "arn:aws:s3:::b/private/*", Answer.YES),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/private/*", Answer.YES),
        ("arn:aws:s3:::b/private/x", "arn:aws:s3:::b/private/*", Answer.NO),
    ],
)
def test_the_objects_that_a_deny_statement_is_about(allowed: str, denied: Any, answer: Answer) -> None:
    denial = {"Action": "s3:*", "Resource": denied, "Condition": ORGANIZATION}
    assert admits_everybody(everybody(denial, action="s3:GetObject", Resource=allowed)) is answer


def test_several_deny_statements_together_limit_the_callers() -> None:
    send, receive = ({"Action": f"sqs:{each}", "Condition": ORGANIZATION} for each in ("SendMessage", "Receive*"))
    allowed = ["sqs:SendMessage", "sqs:ReceiveMessage"]
    assert admits_everybody(everybody(send, receive, action=allowed)) is Answer.NO
    assert admits_everybody(everybody(send, action=allowed)) is Answer.YES
    assert admits_everybody(everybody(send, receive)) is Answer.YES


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("aws:s3/bucketPolicy:BucketPolicy", "policy"),
        ("aws:kms/key:Key", "policy"),
        ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy"),
        ("aws:sns/topicPolicy:TopicPolicy", "policy"),
        ("aws:opensearch/domainPolicy:DomainPolicy", "accessPolicies"),
        ("aws:iam/role:Role", "assumeRolePolicy"),
        ("aws-native:iam:Role", "assumeRolePolicyDocument"),
        ("aws-native:sqs:QueuePolicy", "policyDocument"),
    ],
)
def test_a_removed_deny_statement_makes_a_resource_public(type: str, name: str) -> None:
    old, new = everybody({"Condition": ORGANIZATION}), everybody()
    assert "anyone can" in text_of(update(type, {name: json.dumps(old)}, {name: json.dumps(new)}))
    assert "anyone can" not in text_of(update(type, {name: json.dumps(new)}, {name: json.dumps(old)}))
    assert text_of(change(type, Op.CREATE, inputs={name: json.dumps(old)})) == ""


def test_an_unknown_condition_of_a_deny_statement_leaves_a_doubt() -> None:
    policy = everybody({"Condition": {"StringNotEquals": {"aws:SourceVpce": UNKNOWN}}})
    assert admits_everybody(policy) is Answer.MAY
    (danger,) = dangers(plan(change("aws:sqs/queuePolicy:QueuePolicy", Op.CREATE, inputs={"policy": policy})))
    assert (danger.certainty, "anyone can use it" in danger.text) == (Certainty.MAY, True)


def test_a_policy_with_very_many_statements_leaves_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everybody_admitted, "MOST", 1)
    assert admits_everybody(everybody({"Condition": ORGANIZATION}, action=["sqs:A", "sqs:B"])) is Answer.MAY


ALL = statement()
LIMITED: dict[str, Any] = {
    "all but a service": [ALL, statement("Deny", NotAction="s3:*")],
    "all but IAM": [ALL, statement("Deny", "iam:*")],
    "all but one kind of grant": [ALL, statement("Deny", ["iam:Attach*", "iam:PutRolePolicy"])],
    "all outside of a bucket": [ALL, {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::models/*"}],
    "with MFA": [statement(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})],
    "for a tag": [statement(Condition={"StringEquals": {"aws:ResourceTag/team": "ml"}})],
    "unless without MFA": [
        ALL,
        statement("Deny", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}),
    ],
    "in a region": [ALL, statement("Deny", Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}})],
    "all but some": [statement(NotAction=["iam:*", "organizations:*"])],
}


@pytest.mark.parametrize("name", LIMITED)
def test_a_removed_limit_makes_an_administrator(name: str) -> None:
    old, new = document(*LIMITED[name]), document(ALL)
    for type, one, other in (
        (POLICY, {"policy": json.dumps(old)}, {"policy": json.dumps(new)}),
        (
            "aws:iam/role:Role",
            {"inlinePolicies": [{"name": "a", "policy": json.dumps(old)}]},
            {"inlinePolicies": [{"name": "a", "policy": json.dumps(new)}]},
        ),
    ):
        (danger,) = dangers(plan(update(type, one, other)))
        assert "administrative permissions" in danger.text
        assert danger.certainty is Certainty.WILL
        assert "administrative permissions" not in text_of(update(type, other, one))


def test_a_deny_statement_for_some_resources_leaves_a_doubt() -> None:
    tagged = statement("Deny", Condition={"StringEquals": {"aws:ResourceTag/keep": "true"}})
    old, new = ({"policy": json.dumps(document(*each))} for each in ([ALL, tagged], [ALL]))
    (danger,) = dangers(plan(update(POLICY, old, new)))
    assert "administrative permissions" in danger.text


@pytest.mark.parametrize(
    "denial",
    [
        statement("Deny", "s3:*"),
        {**statement("Deny"), "Resource": "arn:aws:s3:::models"},
        statement("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}),
    ],
)
def test_a_deny_statement_that_leaves_administrative_permissions(denial: dict[str, Any]) -> None:
    assert "administrative" in text_of(change(POLICY, Op.CREATE, inputs={"policy": json.dumps(document(ALL, denial))}))


def test_a_new_policy_of_which_a_deny_statement_leaves_a_service() -> None:
    for denial in (statement("Deny", NotAction="s3:*"), statement("Deny")):
        assert text_of(change(POLICY, Op.CREATE, inputs={"policy": json.dumps(document(ALL, denial))})) == ""


def test_policies_of_a_role_are_evaluated_together() -> None:
    allow, deny = (json.dumps(document(each)) for each in (ALL, statement("Deny", NotAction="s3:*")))
    both = {"inlinePolicies": [{"name": "a", "policy": allow}, {"name": "b", "policy": deny}]}
    one = {"inlinePolicies": [{"name": "a", "policy": allow}]}
    assert text_of(change("aws:iam/role:Role", Op.CREATE, inputs=both)) == ""
    assert "administrative" in text_of(update("aws:iam/role:Role", both, one))


def test_a_condition_that_is_removed_from_all_actions_of_a_service() -> None:
    limited = document(statement(action="s3:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    always = document(statement(action="s3:*"))
    assert "broad" in text_of(update(POLICY, {"policy": json.dumps(limited)}, {"policy": json.dumps(always)}))
    assert "broad" not in text_of(update(POLICY, {"policy": json.dumps(always)}, {"policy": json.dumps(limited)}))


def test_a_trust_policy_with_a_wildcard_action_admits_only_its_principal() -> None:
    old, new = (
        {
            "assumeRolePolicy": json.dumps(
                document({**statement(action=each), "Principal": {"Service": "ec2.amazonaws.com"}})
            )
        }
        for each in ("sts:AssumeRole", "sts:*")
    )
    assert "anyone can assume it" not in text_of(update("aws:iam/role:Role", old, new))


def test_wildcards_match_as_iam_matches_them() -> None:
    policy = document(statement(action="S3:Get?bject*"))
    assert Permissions([policy]).extent("s3:getobjecttagging", "zz") is Extent.FULL
    assert Permissions([policy]).extent("s3:getbject", "zz") is Extent.NONE
    brackets = document({**statement(), "Resource": "arn:aws:s3:::[models]"})
    assert Permissions([brackets]).extent("s3:getobject", "arn:aws:s3:::m") is Extent.NONE
