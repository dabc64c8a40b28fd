"""Settings that move between a resource's own inputs and separate resources."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.values.plain import UNKNOWN

BUCKET, ROLE = "aws:s3/bucket:Bucket", "aws:iam/role:Role"
READER = "arn:aws:iam::aws:policy/ReadOnlyAccess"
OTHER = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def policy(action: Any = "s3:GetObject", effect: str = "Deny") -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Principal": "*", "Action": action, "Resource": "*"}]}


def texts(*changes: Change) -> list[str]:
    return [each.text for each in dangers(plan(*changes))]


SSE = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "k"}}
PUBLIC = json.dumps(policy(effect="Allow"))
LOCK = {"rule": {"defaultRetention": {"mode": "COMPLIANCE", "years": 7}}}
RULE = {"id": "a", "expiration": {"days": 30}, "noncurrentVersionExpiration": {"noncurrentDays": 10}}

MOVES: dict[str, tuple[str, dict[str, Any], str, dict[str, Any], dict[str, Any]]] = {
    "versioning": (
        BUCKET,
        {"versioning": {"enabled": True}},
        "aws:s3/bucketVersioning:BucketVersioning",
        {"bucket": "x", "versioningConfiguration": {"status": "Enabled"}},
        {"bucket": "x", "versioningConfiguration": {"status": "Suspended"}},
    ),
    "a bucket's policy": (
        BUCKET,
        {"policy": json.dumps(policy())},
        "aws:s3/bucketPolicy:BucketPolicy",
        {"bucket": "x", "policy": json.dumps(policy(["s3:GetObject"]), indent=1)},
        {"bucket": "x", "policy": json.dumps(policy("s3:*"))},
    ),
    "a public policy": (
        BUCKET,
        {"policy": PUBLIC},
        "aws:s3/bucketPolicy:BucketPolicy",
        {"bucket": "x", "policy": PUBLIC},
        {"bucket": "x", "policy": json.dumps(policy("s3:*", effect="Allow"))},
    ),
    "the policy of an older type": (
        "aws:s3/bucketV2:BucketV2",
        {"policy": json.dumps(policy())},
        "aws:s3/bucketPolicy:BucketPolicy",
        {"bucket": "x", "policy": json.dumps(policy())},
        {"bucket": "x", "policy": json.dumps(policy("s3:*"))},
    ),
    "encryption": (
        BUCKET,
        {"serverSideEncryptionConfiguration": {"rule": SSE}},
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        {"bucket": "x", "rules": [SSE]},
        {"bucket": "x", "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
    ),
    "a retention": (
        BUCKET,
        {"objectLockConfiguration": LOCK},
        "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
        {"bucket": "x", **LOCK},
        {"bucket": "x", "rule": {"defaultRetention": {"mode": "GOVERNANCE", "years": 7}}},
    ),
    "an ACL": (
        BUCKET,
        {"acl": "public-read"},
        "aws:s3/bucketAcl:BucketAcl",
        {"bucket": "x", "acl": "public-read"},
        {"bucket": "x", "acl": "public-read-write"},
    ),
    "managed policies": (
        ROLE,
        {"managedPolicyArns": [READER]},
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"role": "x", "policyArn": READER},
        {"role": "x", "policyArn": OTHER},
    ),
    "exclusive managed policies": (
        ROLE,
        {"managedPolicyArns": [READER, OTHER]},
        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
        {"roleName": "x", "policyArns": [OTHER, READER]},
        {"roleName": "x", "policyArns": [READER]},
    ),
    "inline policies": (
        ROLE,
        {"inlinePolicies": [{"name": "p", "policy": json.dumps(policy())}]},
        "aws:iam/rolePolicy:RolePolicy",
        {"role": "x", "policy": json.dumps(policy())},
        {"role": "x", "policy": json.dumps(policy("s3:*"))},
    ),
    "a key's policy": (
        "aws:kms/key:Key",
        {"policy": json.dumps(policy())},
        "aws:kms/keyPolicy:KeyPolicy",
        {"keyId": "x", "policy": json.dumps(policy())},
        {"keyId": "x", "policy": json.dumps(policy("kms:*"))},
    ),
    "a queue's policy": (
        "aws:sqs/queue:Queue",
        {"policy": json.dumps(policy())},
        "aws:sqs/queuePolicy:QueuePolicy",
        {"queueUrl": "x", "policy": json.dumps(policy())},
        {"queueUrl": "x", "policy": json.dumps(policy("sqs:*"))},
    ),
}
HARMLESS = ("encryption", "an ACL")
"""Settings without which, as inline settings, the resource has no danger."""


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("by", ["id", "name", "dependency"])
def test_a_setting_that_moves_to_its_own_resource_changes_nothing(name: str, by: str) -> None:
    type, inline, part, same, other = MOVES[name]
    ways = {"bucket": "x", "name": "x", "tags": {"a": "b"}}
    whole = update(type, {**ways, **inline}, ways, id="x" if by == "id" else "y", name="whole")
    way = next(key for key in ("bucket", "role", "roleName", "keyId", "queueUrl") if key in same)
    depends = {way: (whole.urn,)} if by == "dependency" else {}
    same, other = ({**each, way: UNKNOWN} if by == "dependency" else each for each in (same, other))
    if by != "name" or way in ("bucket", "role", "roleName"):
        assert texts(whole, change(part, Op.CREATE, name="p", inputs=same, depends=depends)) == []
    if name not in HARMLESS:
        assert texts(whole, change(part, Op.CREATE, name="p", inputs=other, depends=depends)) != []
        assert texts(whole) != []


@pytest.mark.parametrize("name", MOVES)
def test_a_setting_that_moves_into_the_resource_changes_nothing(name: str) -> None:
    type, inline, part, same, other = MOVES[name]
    whole = update(type, {"bucket": "x"}, {"bucket": "x", **inline}, id="x", name="whole")
    assert texts(whole, change(part, Op.DELETE, name="p", inputs=same)) == []
    assert texts(whole, change(part, Op.DELETE, name="p", inputs=other)) != []


def test_several_policies_of_a_role() -> None:
    type, part = ROLE, "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    role = update(type, {"managedPolicyArns": [READER, OTHER]}, {}, id="x", name="role")
    first, second = (
        change(part, Op.CREATE, name=arn[-9:], inputs={"role": "x", "policyArn": arn}) for arn in (READER, OTHER)
    )
    assert texts(role, first, second) == []
    assert texts(role, first) != []
    elsewhere = change(part, Op.CREATE, name="e", inputs={"role": "z", "policyArn": OTHER})
    assert texts(role, first, elsewhere) != []


@pytest.mark.parametrize("days", [30, 365])
def test_lifecycle_rules_that_move_let_nothing_expire_sooner(days: int) -> None:
    inline = {"bucket": "x", "lifecycleRules": [{**RULE, "enabled": True, "noncurrentVersionExpiration": {"days": 10}}]}
    bucket = update(BUCKET, inline, {"bucket": "x"}, id="x", name="bucket")
    rule = {**RULE, "status": "Enabled", "expiration": {"days": days}}
    type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    assert texts(bucket, change(type, Op.CREATE, name="l", inputs={"bucket": "x", "rules": [rule]})) == []
    hasty = {**rule, "expiration": {"days": 1}}
    (text,) = texts(bucket, change(type, Op.CREATE, name="l", inputs={"bucket": "x", "rules": [hasty]}))
    assert "objects expire sooner" in text
    more = {"id": "b", "status": "Enabled", "filter": {"prefix": "tmp/"}, "expiration": {"days": 7}}
    (text,) = texts(bucket, change(type, Op.CREATE, name="l", inputs={"bucket": "x", "rules": [rule, more]}))
    assert "expire" in text


def test_a_setting_that_is_disabled_inline_is_reported_although_a_separate_resource_enables_it() -> None:
    type, inline, part, same, _ = MOVES["versioning"]
    bucket = update(
        type, {"bucket": "x", **inline}, {"bucket": "x", "versioning": {"enabled": False}}, id="x", name="b"
    )
    assert "no longer be recovered" in texts(bucket, change(part, Op.SAME, name="p", inputs=same))[0]
