"""Keys, secrets, APIs and federated identities of Google Cloud."""

import json
from typing import Any

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

VERSION = "gcp:kms/cryptoKeyVersion:CryptoKeyVersion"
SECRET, VALUE = "gcp:secretmanager/secret:Secret", "gcp:secretmanager/secretVersion:SecretVersion"
REGIONAL = "gcp:secretmanager/regionalSecretVersion:RegionalSecretVersion"
PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
SERVICE = "gcp:projects/service:Service"
GITHUB = {"oidc": {"issuerUri": "https://token.actions.githubusercontent.com"}}
OURS = {"oidc": {"issuerUri": "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c"}}
POOL = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p"


def found(*changes: Any) -> dict[Harm, str]:
    return {each.harm: each.text for each in dangers(plan(*changes))}


def test_a_disabled_or_expiring_key_or_secret_is_a_loss() -> None:
    for type, old, new, harm, says in [
        (VERSION, {"state": "ENABLED"}, {"state": "DISABLED"}, Harm.DATA, "nothing encrypted with it can be read"),
        (VERSION, {}, {"state": "DESTROYED"}, Harm.DATA, "permanently unreadable"),
        (SECRET, {}, {"ttl": "3600s"}, Harm.DATA, "it expires"),
        (SECRET, {"ttl": "7200s"}, {"ttl": "3600s"}, Harm.DATA, "it expires sooner"),
        (SECRET, {}, {"expireTime": "2026-12-01T00:00:00Z"}, Harm.DATA, "it expires"),
        (
            SECRET,
            {"expireTime": "2027-12-01T00:00:00Z"},
            {"expireTime": "2026-12-01T00:00:00Z"},
            Harm.DATA,
            "it expires sooner",
        ),
        (SECRET, {"versionDestroyTtl": "86400s"}, {}, Harm.PROTECTION, "cannot be reverted"),
        (VALUE, {}, {"enabled": False}, Harm.SERVING, "can no longer read it"),
        (REGIONAL, {"enabled": True}, {"enabled": False}, Harm.SERVING, "can no longer read it"),
    ]:
        assert says in found(update(type, old, new)).get(harm, ""), (type, new)
        assert harm not in found(update(type, new, old)), (type, old)


def test_a_value_that_its_deletion_only_disables_is_retained() -> None:
    value = {"secret": "k", "enabled": True}
    assert Harm.DATA in found(change(VALUE, Op.DELETE, inputs=value))
    for type in (VALUE, REGIONAL):
        gone = found(change(type, Op.DELETE, inputs={**value, "deletionPolicy": "DISABLE"}))
        assert list(gone) == [Harm.PROTECTION]


def test_a_provider_without_a_condition_accepts_strangers() -> None:
    condition = {"attributeCondition": "assertion.repository_owner == 'us'"}
    for without in ({}, {"attributeCondition": ""}, {"attributeCondition": "true"}):
        new = found(change(PROVIDER, Op.CREATE, inputs={**GITHUB, **without}))
        assert "every customer of an issuer" in new[Harm.IDENTITY]
    for inputs in ({**GITHUB, **condition}, OURS):
        assert found(change(PROVIDER, Op.CREATE, inputs=inputs)) == {}
    for issuer in (GITHUB, OURS):
        removed = found(update(PROVIDER, {**issuer, **condition}, issuer))
        assert "it accepts every identity of its issuer" in removed[Harm.IDENTITY]
    assert "every customer" in found(update(PROVIDER, OURS, GITHUB))[Harm.IDENTITY]
    assert "every" not in found(update(PROVIDER, GITHUB, {**GITHUB, **condition}))[Harm.IDENTITY]


def test_a_grant_to_all_identities_of_a_pool_is_reported() -> None:
    says = "every identity of a pool can use it"
    everyone, one = {"member": f"{POOL}/*"}, {"member": f"{POOL}/attribute.repository/us/app"}
    bound = {"bindings": [{"role": "r", "members": [f"{POOL}/*"]}]}
    for type, inputs in [
        (MEMBER, everyone),
        ("gcp:serviceaccount/iAMBinding:IAMBinding", {"members": [f"{POOL}/*"]}),
        ("gcp:projects/iAMPolicy:IAMPolicy", {"policyData": json.dumps(bound)}),
        (MEMBER, {"member": "principalSet://iam.googleapis.com/locations/global/workforcePools/staff/*"}),
    ]:
        assert says in found(change(type, Op.CREATE, inputs=inputs)).get(Harm.IDENTITY, ""), inputs
    assert found(change(MEMBER, Op.CREATE, inputs=one)) == {}
    assert says in found(update(MEMBER, one, everyone))[Harm.IDENTITY]


def test_an_api_is_switched_off_only_with_disable_on_destroy() -> None:
    api = {"service": "compute.googleapis.com"}
    off = found(change(SERVICE, Op.DELETE, inputs={**api, "disableOnDestroy": True}))
    assert list(off) == [Harm.SERVING]
