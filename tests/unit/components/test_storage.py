import json
from typing import Any

import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import Bucket, DataBucket
from mlplatform.storage import ROLE_DEFAULTS, BucketRole, bucket_policy, lifecycle_rules
from mlplatform.testing import Plan, declare


def bucket(**wanted: Any) -> Plan:
    return declare(lambda: DataBucket("data", {"bucket": Bucket(**wanted), "data_key_arn": "arn:key"}))


def statements() -> dict[str, dict[str, Any]]:
    policy = json.loads(bucket_policy("arn:aws:s3:::data", "arn:key"))
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_nothing_in_it_is_public() -> None:
    block = bucket().one(aws.s3.BucketPublicAccessBlock).inputs
    guards = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [block[guard] for guard in guards] == [True] * 4
    ownership = bucket().one(aws.s3.BucketOwnershipControls).inputs
    assert ownership["rule"]["objectOwnership"] == "BucketOwnerEnforced"


def test_objects_are_encrypted_with_the_platform_s_key() -> None:
    (rule,) = bucket().one(aws.s3.BucketServerSideEncryptionConfiguration).inputs["rules"]
    default = rule["applyServerSideEncryptionByDefault"]
    assert (default["sseAlgorithm"], default["kmsMasterKeyId"]) == ("aws:kms", "arn:key")


def test_versions_are_kept() -> None:
    assert bucket().one(aws.s3.BucketVersioning).inputs["versioningConfiguration"]["status"] == "Enabled"


def test_requests_without_tls_are_refused_for_bucket_and_objects() -> None:
    tls = statements()["OnlyTls"]
    assert tls["Effect"] == "Deny"
    assert tls["Principal"] == "*"
    assert tls["Action"] == ["s3:*"]
    assert tls["Resource"] == ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_an_upload_that_names_no_encryption_is_left_to_the_bucket() -> None:
    for sid in ("OnlyKms", "OnlyThisKey"):
        (header,) = statements()[sid]["Condition"]["StringNotEquals"]
        assert statements()[sid]["Condition"]["Null"] == {header: "false"}


@pytest.mark.parametrize("retain", [True, False])
def test_a_bucket_that_is_kept_keeps_what_protects_it(retain: bool) -> None:
    plan = bucket(retain=retain)
    assert {each.retained for each in plan if each.custom} == {retain}
    assert plan.one(aws.s3.Bucket).inputs["forceDestroy"] is not retain


def test_what_other_resources_set_is_not_taken_from_the_bucket() -> None:
    assert {*bucket().one(aws.s3.Bucket).ignored} >= {"lifecycleRules", "serverSideEncryptionConfiguration"}


def test_the_lifecycle_always_cleans_up() -> None:
    assert [rule["id"] for rule in lifecycle_rules(Bucket())] == ["abort-uploads", "expire-noncurrent"]
    assert {rule["status"] for rule in lifecycle_rules(Bucket())} == {"Enabled"}


def test_objects_move_and_expire_when_asked() -> None:
    rules = {rule["id"]: rule for rule in lifecycle_rules(Bucket(infrequent_access_days=30, expire_days=90))}
    assert rules["infrequent-access"]["transitions"] == [{"days": 30, "storage_class": "STANDARD_IA"}]
    assert rules["expire"]["expiration"] == {"days": 90}


def test_objects_cannot_expire_before_they_move() -> None:
    with pytest.raises(ValidationError, match=r"expireDays is 30; allowed: more than infrequentAccessDays \(30\)"):
        Bucket(infrequent_access_days=30, expire_days=30)


@pytest.mark.parametrize("role", [*BucketRole])
def test_a_role_sets_what_the_author_does_not(role: BucketRole) -> None:
    sets = ROLE_DEFAULTS[role]
    plain = Bucket.model_validate({"role": role.value}).model_dump(by_alias=True)
    assert {name: plain[name] for name in sets} == sets
    assert plain == Bucket(role=role).model_dump(by_alias=True)


def test_what_an_author_says_goes_before_the_role() -> None:
    said = Bucket.model_validate({"role": "checkpoints", "expireDays": None, "noncurrentDays": 3})
    assert said == Bucket(role=BucketRole.CHECKPOINTS, expire_days=None, noncurrent_days=3)
    assert (said.expire_days, said.noncurrent_days) == (None, 3)


def test_the_role_is_a_tag() -> None:
    assert bucket(role="raw").one(aws.s3.Bucket).inputs["tags"]["mlplatform:role"] == "raw"


def test_the_field_tells_every_default_of_a_role() -> None:
    told = Bucket.model_fields["role"].description or ""
    for role, defaults in ROLE_DEFAULTS.items():
        assert not defaults or (f"`{role.value}`" in told and all(str(days) in told for days in defaults.values()))
