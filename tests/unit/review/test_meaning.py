"""IAM policies that mean the same in another notation."""

import json
from typing import Any

import pytest

from changes import plan, update
from mlpctl.review.compare.diff import differences
from mlpctl.review.compare.meaning import same_policy
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.values.plain import UNKNOWN

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
    **{
        f"a boolean as {value!r}": (
            of({**READ, "Condition": {operator: {"aws:SecureTransport": "false"}}}),
            of({**READ, "Condition": {operator: {"aws:SecureTransport": value}}}),
        )
        for operator in ("Bool", "BoolIfExists", "ForAnyValue:Bool")
        for value in (False, "False", "FALSE", ["fAlse"])
    },
    "capitals of a repeated operator": (
        of({**READ, "Condition": {"StringEquals": {"a:b": "c"}, "stringequals": {"d:e": "f"}}}),
        of({**READ, "Condition": {"stringEquals": {"D:E": "f"}, "StringEquals": {"A:B": ["c"]}}}),
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
    "an operator in other capitals": (
        of({**READ, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}, "stringequals": {"a:vpc": "v-1"}}}),
        of({**READ, "Condition": {"stringequals": {"a:vpc": "v-1"}}}),
    ),
    "an operator in other capitals with the same key": (
        of({**READ, "Condition": {"StringLike": {"a:b": "c-*"}, "stringLike": {"a:b": "*-d"}}}),
        of({**READ, "Condition": {"stringLike": {"a:b": "*-d"}}}),
    ),
    "a key in other capitals": (
        of({**READ, "Condition": {"StringLike": {"a:b": "c-*", "A:B": "*-d"}}}),
        of({**READ, "Condition": {"StringLike": {"a:b": "c-*"}}}),
    ),
    "values that move between keys in other capitals": (
        of({**READ, "Condition": {"StringLike": {"a:b": ["c", "d"], "A:B": ["e"]}}}),
        of({**READ, "Condition": {"StringLike": {"a:b": ["c"], "A:B": ["d", "e"]}}}),
    ),
    "capitals of a text that is compared as a text": (
        of({**READ, "Condition": {"StringEquals": {"aws:PrincipalTag/admin": "true"}}}),
        of({**READ, "Condition": {"StringEquals": {"aws:PrincipalTag/admin": "True"}}}),
    ),
    "the opposite boolean": (
        of({**READ, "Condition": IF}),
        of({**READ, "Condition": {**IF, "Bool": {"aws:SecureTransport": "False"}}}),
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


STEPS = {"Sid": "a", "Effect": "step1", "Action": "ORDER"}
TEXTS = [
    ({"Id": "a", "Statement": [STEPS]}, {"Id": "b", "Statement": [STEPS]}),
    ({"Statement": [STEPS]}, {"Statement": [{**STEPS, "Action": "order"}]}),
    ({"Statement": [STEPS]}, {"Statement": [{**STEPS, "Sid": "b"}]}),
    ({"Statement": [{"x": ["a", "b"]}]}, {"Statement": [{"x": ["b", "a"]}]}),
    ({"Statement": [STEPS]}, {"Statement": STEPS}),
    ({"policy": {"Statement": [STEPS]}}, {"policy": {"Statement": [{**STEPS, "Sid": "b"}]}}),
]
OTHERS = [
    ("aws:s3/bucketObjectv2:BucketObjectv2", "content"),
    ("aws:ssm/parameter:Parameter", "insecureValue"),
    ("aws:sfn/stateMachine:StateMachine", "definition"),
    ("kubernetes:core/v1:ConfigMap", "data"),
]


@pytest.mark.parametrize("texts", TEXTS)
@pytest.mark.parametrize(("type", "way"), OTHERS)
def test_other_documents_are_not_compared_as_policies(type: str, way: str, texts: tuple[Any, Any]) -> None:
    old, new = map(json.dumps, texts)
    if way == "data":
        assert differences(update(type, {way: {"policy": old}}, {way: {"policy": new}})).shown
    else:
        assert differences(update(type, {way: old}, {way: new})).shown


@pytest.mark.parametrize(
    ("type", "old", "new"),
    [
        *(
            (type, {name: json.dumps(SAME["a name"][0])}, {name: json.dumps(SAME["a name"][1])})
            for type, name in [
                ("aws:organizations/policy:Policy", "content"),
                ("aws:opensearch/domain:Domain", "accessPolicies"),
                ("aws:ecr/repositoryPolicy:RepositoryPolicy", "policy"),
                ("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "policyDocument"),
                ("aws-native:ecr:Repository", "repositoryPolicyText"),
                ("ci:tf:aws_iam_role", "assume_role_policy"),
                ("ci:tf:aws_iam_role", "assumeRolePolicy"),
                ("aws-native:kms:Key", "keyPolicy"),
            ]
        ),
        (
            "aws:iam/role:Role",
            {"inlinePolicies": [{"name": "a", "policy": json.dumps(of(READ))}]},
            {"inlinePolicies": [{"name": "a", "policy": json.dumps(of(READ, Id="x"))}]},
        ),
        (
            "aws-native:iam:Role",
            {"policies": [{"policyName": "a", "policyDocument": of(READ)}]},
            {"policies": [{"policyName": "a", "policyDocument": of(READ, READ)}]},
        ),
    ],
)
def test_policies_of_every_type_are_compared_by_meaning(type: str, old: Any, new: Any) -> None:
    assert differences(update(type, old, new)).shown == ()


def test_a_boolean_of_a_condition_is_not_listed_beside_another_difference() -> None:
    old = of({**READ, "Condition": {"Bool": {"aws:SecureTransport": "True"}}})
    new = of({**WRITE, "Condition": {"Bool": {"aws:SecureTransport": "true"}}})
    found = differences(update("aws:s3/bucketPolicy:BucketPolicy", {"policy": old}, {"policy": new})).shown
    assert [each.path for each in found] == ["policy.Statement[0].Action[0]"]
