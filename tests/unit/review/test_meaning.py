"""IAM policies that mean the same in another notation."""

import json
from typing import Any

import pytest

from changes import plan, update
from mlpctl.review.diff import differences
from mlpctl.review.meaning import same_policy
from mlpctl.review.risk import dangers
from mlpctl.review.values import UNKNOWN

ROLE = "arn:aws:iam::123456789012:role/trainer"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", "Principal": {"AWS": ROLE}}
WRITE = {**READ, "Action": "s3:PutObject"}
IF: dict[str, Any] = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}, "Bool": {"aws:SecureTransport": "true"}}

CAPITALS = {"bool": {"aws:securetransport": True}, "stringequals": {"AWS:principalorgid": ["o-1"]}}


def of(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements], **more}


def accounts(principal: Any) -> dict[str, Any]:
    return of({**READ, "Principal": principal})


SAME: dict[str, tuple[Any, Any]] = {
    "a name": (of(READ), of({**READ, "Sid": "read"})),
    "another name": (of({**READ, "Sid": "a"}), of({**READ, "Sid": "b"})),
    "an id": (of(READ), of(READ, Id="policy")),
    "capitals of an action": (of(READ), of({**READ, "Action": "S3:getobject"})),
    "a duplicate": (of(READ), of(READ, READ)),
    "a duplicate with a name": (of({**READ, "Sid": "a"}), of({**READ, "Sid": "a"}, {**READ, "Sid": "b"})),
    "a duplicate in a list": (of(READ), of({**READ, "Action": ["s3:GetObject", "s3:getObject"]})),
    "the order of statements": (of(READ, WRITE), of(WRITE, READ)),
    "joined statements": (of(READ, WRITE), of({**READ, "Action": ["s3:PutObject", "s3:GetObject"]})),
    "a single statement": (of(READ), {**of(), "Statement": READ}),
    "an account": (accounts({"AWS": "123456789012"}), accounts({"AWS": "arn:aws:iam::123456789012:root"})),
    "accounts": (
        accounts({"AWS": ["123456789012", "210987654321"]}),
        of(*(accounts({"AWS": f"arn:aws:iam::{each}:root"})["Statement"][0] for each in (210987654321, 123456789012))),
    ),
    "everybody": (accounts("*"), accounts({"AWS": "*"})),
    "capitals of conditions": (
        of({**READ, "Condition": IF}),
        of(
            {
                **READ,
                "Condition": {"bool": {"aws:securetransport": True}, "stringequals": {"AWS:principalorgid": ["o-1"]}},
            }
        ),
    ),
    "capitals of what is not allowed": (
        of({"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}),
        of({"Effect": "Allow", "NotAction": ["STS:*", "IAM:*"], "Resource": "*"}),
    ),
}

OTHER: dict[str, tuple[Any, Any]] = {
    "an action": (of(READ), of(WRITE)),
    "a further statement": (of(READ), of(READ, WRITE)),
    "an effect": (of(READ), of({**READ, "Effect": "Deny"})),
    "a principal": (of(READ), accounts({"AWS": f"{ROLE}-2"})),
    "the kind of a principal": (accounts({"AWS": "*"}), accounts({"Federated": "*"})),
    "another account": (accounts({"AWS": "123456789012"}), accounts({"AWS": "arn:aws:iam::210987654321:root"})),
    "a version": (of(READ), {**of(READ), "Version": "2008-10-17"}),
    "capitals of a resource": (of(READ), of({**READ, "Resource": "arn:aws:s3:::B/*"})),
    "a condition": (of(READ), of({**READ, "Condition": IF})),
    "a value of a condition": (
        of({**READ, "Condition": IF}),
        of({**READ, "Condition": {**IF, "StringEquals": {"aws:PrincipalOrgID": "O-1"}}}),
    ),
    "crossed pairs": (
        of(READ, {**WRITE, "Resource": "arn:aws:s3:::c/*"}),
        of({**READ, "Resource": "arn:aws:s3:::c/*"}, WRITE),
    ),
    "not an action": (
        of({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        of({"Effect": "Allow", "Action": "iam:*", "Resource": "*"}),
    ),
    "not some actions": (
        of({"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}),
        of(*({"Effect": "Allow", "NotAction": each, "Resource": "*"} for each in ("iam:*", "sts:*"))),
    ),
    "no resource": (of(READ), of({key: each for key, each in READ.items() if key != "Resource"})),
    "an unknown resource": (of(READ), of({**READ, "Resource": UNKNOWN})),
    "nothing": (of(READ), of()),
}

HOLDERS = [
    ("aws:s3/bucketPolicy:BucketPolicy", "policy", {"bucket": "b"}),
    ("aws:iam/role:Role", "assumeRolePolicy", {}),
    ("aws-native:s3:BucketPolicy", "policyDocument", {"bucket": "b"}),
]


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize(("type", "way", "more"), HOLDERS)
def test_a_policy_in_another_notation_is_no_change(name: str, type: str, way: str, more: Any) -> None:
    for one, other in (SAME[name], SAME[name][::-1]):
        assert same_policy(one, other)
        for form in (json.dumps, dict):
            changed = update(type, {way: form(one), **more}, {way: form(other), **more})
            assert dangers(plan(changed)) == ()
            assert differences(changed).shown == ()


@pytest.mark.parametrize("name", OTHER)
def test_a_policy_with_another_meaning_is_a_change(name: str) -> None:
    for one, other in (OTHER[name], OTHER[name][::-1]):
        assert not same_policy(one, other)
    old, new = ({"policy": each, "bucket": "b"} for each in OTHER[name])
    assert differences(update("aws:s3/bucketPolicy:BucketPolicy", old, new)).shown


def test_a_policy_with_too_many_combinations_is_compared_as_it_is_written() -> None:
    many = {"Action": [f"s3:A{n}" for n in range(200)], "Resource": [f"arn:aws:s3:::b{n}" for n in range(200)]}
    long = of({**READ, **many})
    assert not same_policy(long, of({**long["Statement"][0], "Sid": "x"}))
