"""Conditions of policies for all principals."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.iam.conditions import limits_callers
from mlpctl.review.plan.model import Op
from mlpctl.review.values.plain import UNKNOWN

BUCKET = "arn:aws:s3:::models"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:done"

ANYONE: dict[str, Any] = {
    "TLS": {"Bool": {"aws:SecureTransport": "true"}},
    "a header": {"StringLike": {"aws:Referer": ["https://www.example.org/*"]}},
    "a fixed header": {"StringEquals": {"aws:Referer": "secret"}},
    "a client": {"StringLike": {"aws:UserAgent": "trainer*"}},
    "all other addresses": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    "all other endpoints": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
    "an endpoint if there is one": {"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
    "an organization if there is one": {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}},
    "a range if there is one": {"IpAddressIfExists": {"aws:SourceIp": "192.0.2.0/24"}},
    "private ranges, which any network may have": {"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}},
    "an unknown private range": {"IpAddress": {"aws:VpcSourceIp": UNKNOWN}},
    "all of no values": {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}},
    "all addresses": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    "all addresses in halves": {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}},
    "all addresses of IPv6": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "::/0"]}},
    "any organization": {"StringLike": {"aws:PrincipalOrgID": "*"}},
    "any organization's ID": {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
    "any endpoint": {"StringLike": {"aws:SourceVpce": "vpce-*"}},
    "any topic": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}},
    "topics of any account": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:eu-west-1:*:done"}},
    "roles of any account": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/trainer"}},
    "any bucket": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}},
    "one fixed and any other": {"StringLike": {"aws:PrincipalOrgID": ["o-1", "*"]}},
    "the caller's own account": {"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}},
    "a date": {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}},
    "a tag of the object": {"StringEquals": {"s3:ExistingObjectTag/public": "yes"}},
    "a tag of the caller": {"StringEquals": {"aws:PrincipalTag/team": "ml"}},
    "a presence": {"Null": {"aws:SourceVpce": "false"}},
    "a service in the path": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
    "an external ID": {"StringEquals": {"sts:ExternalId": "42"}},
    "no service": {"Bool": {"aws:PrincipalIsAWSService": "false"}},
    "a service": {"Bool": {"aws:PrincipalIsAWSService": "true"}},
    "a named service": {"StringEquals": {"aws:PrincipalServiceName": "s3.amazonaws.com"}},
    "a name that every account may have": {"StringEquals": {"aws:username": "admin"}},
    "the start of an account": {"StringLike": {"aws:PrincipalAccount": "1*"}},
    "nothing": {},
}
SOME: dict[str, Any] = {
    "an organization": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
    "other capitals": {"stringequals": {"AWS:principalOrgId": "o-1"}},
    "parts of an organization": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["o-1/r-1/*"]}},
    "an account": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    "a caller's account": {
        "StringEquals": {"kms:CallerAccount": ["123456789012"], "kms:ViaService": "s3.amazonaws.com"}
    },
    "an owner": {"StringEquals": {"aws:SourceOwner": "123456789012"}},
    "a bucket": {"ArnLike": {"aws:SourceArn": BUCKET}},
    "a bucket with wildcards": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:models"}},
    "a topic": {"ArnEquals": {"aws:SourceArn": TOPIC}},
    "topics of an account": {"StringLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}},
    "an endpoint": {"StringEquals": {"aws:SourceVpce": ["vpce-1a2b3c4d", "vpce-2"]}},
    "a network": {"StringEquals": {"aws:SourceVpc": "vpc-1"}},
    "ranges": {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}},
    "private ranges of a network": {
        "IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"},
        "StringEquals": {"aws:SourceVpc": "vpc-1"},
    },
    "a user": {"StringLike": {"aws:userid": "AROAEXAMPLEID1234567:*"}},
    "TLS and an organization": {
        "Bool": {"aws:SecureTransport": "true"},
        "StringEquals": {"aws:PrincipalOrgID": "o-1"},
    },
    "mount targets": {"Bool": {"elasticfilesystem:AccessedViaMountTarget": True}},
    "an unknown organization": {"StringEquals": {"aws:PrincipalOrgID": UNKNOWN}},
}


def policy(condition: Any, principal: Any = "*") -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": principal}
    return json.dumps({"Statement": [{**statement, **({"Condition": condition} if condition else {})}]}, default=str)


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)))


@pytest.mark.parametrize("name", ANYONE)
def test_a_condition_that_anyone_can_satisfy(name: str) -> None:
    assert not limits_callers(ANYONE[name])
    public = {"bucket": "b", "policy": policy(ANYONE[name], {"AWS": "*"})}
    named = {"bucket": "b", "policy": policy({}, {"AWS": "arn:aws:iam::123456789012:root"})}
    type = "aws:s3/bucketPolicy:BucketPolicy"
    assert "anyone can use it" in text_of(change(type, Op.CREATE, inputs=public))
    assert "anyone can use it" in text_of(update(type, named, public))
    role = {"assumeRolePolicy": policy(ANYONE[name])}
    assert "anyone can assume it" in text_of(change("aws:iam/role:Role", Op.CREATE, inputs=role))


@pytest.mark.parametrize("name", SOME)
def test_a_condition_that_limits_the_callers(name: str) -> None:
    assert limits_callers(SOME[name])
    if "unknown" not in name:
        limited = {"policy": policy(SOME[name])}
        assert text_of(change("aws:s3/bucketPolicy:BucketPolicy", Op.CREATE, inputs=limited)) == ""
        assert text_of(change("aws:sqs/queuePolicy:QueuePolicy", Op.CREATE, inputs=limited)) == ""


def test_a_limit_that_is_removed_or_weakened_makes_a_policy_public() -> None:
    strict, weak = policy(SOME["an organization"]), policy(ANYONE["TLS"])
    assert "anyone can use it" in text_of(update("aws:kms/key:Key", {"policy": strict}, {"policy": weak}))
    assert "anyone can use it" not in text_of(update("aws:kms/key:Key", {"policy": policy({})}, {"policy": weak}))


@pytest.mark.parametrize("limit", ["principalOrgId", "sourceAccount", "sourceArn"])
def test_a_limited_permission_of_a_function(limit: str) -> None:
    inputs = {"function": "f", "action": "lambda:InvokeFunction", "principal": "*"}
    type = "aws:lambda/permission:Permission"
    assert "anyone can call it" in text_of(change(type, Op.CREATE, inputs=inputs))
    assert "anyone" not in text_of(change(type, Op.CREATE, inputs={**inputs, limit: "o-1"}))
