import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from mlplatform import StateBackend
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.testing import Plan, declare


def backend(name: str = "state", **wanted: Any) -> Plan:
    args: Any = {"state": wanted, "account_id": "123456789012", "region": "eu-central-1", "protect": True}

    def program() -> None:
        made = StateBackend(name, args)
        pulumi.export("urls", [made.backend_url, made.secrets_provider])

    return declare(program)


def test_versions_of_a_state_are_kept_and_locked_in_governance_mode() -> None:
    plan = backend()
    assert plan.one(aws.s3.Bucket).inputs["objectLockEnabled"] is True
    assert plan.one(aws.s3.BucketVersioning).inputs["versioningConfiguration"]["status"] == "Enabled"
    lock = plan.one(aws.s3.BucketObjectLockConfiguration)
    assert lock.inputs["rule"] == {"defaultRetention": {"mode": "GOVERNANCE", "days": 30}}
    rules = {each["id"]: each for each in plan.one(aws.s3.BucketLifecycleConfiguration).inputs["rules"]}
    assert rules["expire-noncurrent"]["noncurrentVersionExpiration"] == {"noncurrentDays": 365}
    assert "expiration" not in rules["expire-noncurrent"], "a current state never expires"


def test_without_a_lock_the_bucket_stays_the_same() -> None:
    plan = backend(lockDays=0)
    assert plan.of(aws.s3.BucketObjectLockConfiguration) == []
    assert plan.one(aws.s3.Bucket) == backend().one(aws.s3.Bucket)


def test_everything_is_encrypted_with_its_key_and_denied_without_tls() -> None:
    plan = backend()
    (key,) = plan.of(aws.kms.Key)
    assert (key.inputs["enableKeyRotation"], key.inputs["rotationPeriodInDays"]) == (True, 365)
    (rule,) = plan.one(aws.s3.BucketServerSideEncryptionConfiguration).inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"].endswith("key/state-key")
    sids = {each["Sid"] for each in json.loads(plan.one(aws.s3.BucketPolicy).inputs["policy"])["Statement"]}
    assert {"OnlyTls", "OnlyKms", "OnlyThisKey"} <= sids


def test_no_request_goes_around_the_identities_through_an_access_point() -> None:
    """Policies of identities name the bucket; a request through an access point has the ARN of that."""
    statements = json.loads(backend().one(aws.s3.BucketPolicy).inputs["policy"])["Statement"]
    (denied,) = [each for each in statements if each["Sid"] == "NoAccessPoint"]
    bucket = denied["Resource"][0]
    assert denied == {
        "Effect": "Deny",
        "Action": ["s3:*"],
        "Principal": "*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"Null": {"s3:DataAccessPointArn": "false"}},
        "Sid": "NoAccessPoint",
    }


def test_bucket_and_key_outlive_the_stack() -> None:
    assert all(each.retained and each.protected for each in backend() if each.custom)
    assert not any(each.retained for each in backend(retain=False))


def test_the_urls_have_a_region_and_no_alias_which_could_be_moved_to_another_key() -> None:
    url, provider = backend().exports["urls"]
    assert url == "s3://state-bucket-id?region=eu-central-1"
    assert provider.startswith("awskms://") and provider.endswith("?region=eu-central-1") and "alias" not in provider


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"noncurrentDays": 29}, "state.noncurrentDays is 29; allowed: at least lockDays (30)"),
        ({"lockDays": -1}, "state.lockDays"),
        ({"rotationDays": 89}, "state.rotationDays"),
    ],
)
def test_an_invalid_spec_is_rejected(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentsError) as error:
        backend(**wanted)
    assert sentence in str(error.value)


def test_a_name_that_s3_reserves_is_rejected() -> None:
    with pytest.raises(ArgumentsError, match="names that S3 does not reserve"):
        backend("amzn-s3-demo-x")
