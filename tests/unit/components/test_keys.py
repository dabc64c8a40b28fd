import json

import pulumi_aws as aws
import pytest

from mlplatform import KeyRing, KeyRingSpec
from mlplatform.foundation.key_ring import KeyDomain, key_domains, key_policy
from mlplatform.testing import Plan, declare


def ring(**keys: object) -> Plan:
    return declare(
        lambda: KeyRing("keys", {"keys": KeyRingSpec(**keys), "account_id": "123456789012", "region": "eu-west-1"})  # type: ignore[arg-type]  # the test's own words
    )


def statements(*domains: KeyDomain, partition: str = "aws") -> dict[str, dict[str, object]]:
    policy = json.loads(key_policy(frozenset(domains), "123456789012", "eu-west-1", partition))
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_each_domain_has_its_own_key_by_default() -> None:
    assert [each.name for each in ring().of(aws.kms.Key)] == [
        "keys-data",
        "keys-disks",
        "keys-images",
        "keys-logs",
        "keys-secrets",
    ]


def test_one_shared_key_serves_every_domain() -> None:
    plan = ring(per_domain=False)
    assert [each.name for each in plan.of(aws.kms.Key)] == ["keys-shared"]
    assert len({*plan.outputs["keys"].values()}) == 1
    assert {*key_domains(False)["shared"]} == {*KeyDomain}


def test_keys_rotate() -> None:
    assert {each.inputs["enableKeyRotation"] for each in ring(rotation_days=90).of(aws.kms.Key)} == {True}
    assert {each.inputs["rotationPeriodInDays"] for each in ring(rotation_days=90).of(aws.kms.Key)} == {90}


@pytest.mark.parametrize("retain", [True, False])
def test_keys_are_retained_with_their_aliases(retain: bool) -> None:
    for kind in (aws.kms.Key, aws.kms.Alias):
        assert {each.retained for each in ring(retain=retain).of(kind)} == {retain}


def test_every_key_has_an_alias() -> None:
    plan = ring()
    assert {each.inputs["targetKeyId"] for each in plan.of(aws.kms.Alias)} == {
        f"{each.name}-id" for each in plan.of(aws.kms.Key)
    }


def test_cloudwatch_can_use_only_the_logs_key_and_only_for_this_account() -> None:
    statement = statements(KeyDomain.LOGS)["LogGroupsOfThisAccount"]
    assert statement["Principal"] == {"Service": "logs.eu-west-1.amazonaws.com"}
    assert statement["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:log-group:*"}
    }
    assert "LogGroupsOfThisAccount" not in statements(KeyDomain.DATA)


def test_auto_scaling_can_use_only_the_disks_key_and_can_grant_only_to_aws() -> None:
    roles = [
        "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
        "role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
    ]
    only_it = {
        "ArnEquals": {"aws:PrincipalArn": [f"arn:aws:iam::123456789012:{role}" for role in roles]},
        "StringEquals": {"kms:CallerAccount": "123456789012"},
    }
    use, attach = (statements(KeyDomain.DISKS)[sid] for sid in ("NodesUseTheirDisks", "NodesAttachTheirDisks"))
    assert use["Condition"] == only_it
    assert attach["Condition"] == {**only_it, "Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert {*statements(KeyDomain.SECRETS)} == {"AccountPoliciesDecide"}


@pytest.mark.parametrize("domain", KeyDomain)
def test_no_key_can_be_used_by_everyone(domain: KeyDomain) -> None:
    for statement in statements(domain).values():
        if statement["Principal"] == {"AWS": "*"}:
            # In a condition, because a principal would have to exist already.
            assert statement["Condition"]["StringEquals"] == {"kms:CallerAccount": "123456789012"}
            principals = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
            assert all(":role/aws-service-role/" in principal for principal in principals)
        else:
            assert "*" not in str(statement["Principal"])


def test_the_partition_is_the_account_s() -> None:
    root = statements(KeyDomain.DATA, partition="aws-us-gov")["AccountPoliciesDecide"]["Principal"]
    assert root == {"AWS": "arn:aws-us-gov:iam::123456789012:root"}
