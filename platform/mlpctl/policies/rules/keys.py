"""Rules for KMS keys, and for who may use them."""

from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws

from mlpctl.policies import iam
from mlpctl.policies.estate import Resource
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, Severity, rule
from mlpctl.review.iam.broad import lets_in_everybody
from mlpctl.review.iam.evaluation import statements

DECRYPTION: Final = ("kms:Decrypt", "kms:ReEncryptFrom")


@rule(
    "ML-KMS-01",
    aws.kms.Key,
    reason="The longer key material is in use, the more data its disclosure exposes.",
    remedy="Set enableKeyRotation.",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    serves=["cis-aws:3.6", "nist:SC-12", "nist:SC-12(2)", "soc2:PI1.5", "iso:A.8.24", "checkov:CKV_AWS_7"],
)
def key_rotates(key: Resource) -> Iterator[str]:
    """A KMS key is rotated automatically.

    Asymmetric keys, HMAC keys and keys in custom key stores are exempt, since KMS can't rotate them:
    https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
    """
    if key.get("enableKeyRotation") is True or key.has("customKeyStoreId"):
        return
    if key.get("customerMasterKeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT":
        yield "is never rotated: enableKeyRotation is off"


@rule(
    "ML-KMS-02",
    aws.kms.Key,
    aws.kms.KeyPolicy,
    aws.kms.ExternalKey,
    aws.kms.ReplicaKey,
    aws.kms.ReplicaExternalKey,
    reason="Principals of any account could use the key, and decrypt whatever they get hold of.",
    remedy="Name the principals in the key policy, or add a condition on kms:CallerAccount.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=["fsbp:KMS.5", "checkov:CKV_AWS_33"],
)
def key_is_not_public(key: Resource) -> Iterator[str]:
    """A key policy allows no principals outside of named accounts.

    Without a policy, only the key's own account can use it:
    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    if lets_in_everybody(key.document("policy")):
        yield "can be used by everybody: a statement of the key policy allows all principals"


@rule(
    "ML-KMS-03",
    *iam.IDENTITY,
    reason="Whoever has these permissions can decrypt the data of all teams, if a key policy lets IAM decide.",
    remedy="Name the keys' ARNs as the resources.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    # NIST: https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html#kms-1
    serves=["fsbp:KMS.1", "fsbp:KMS.2", "nist:AC-6", "nist:AC-6(3)"],
)
def identity_decrypts_with_named_keys(identity: Resource) -> Iterator[str]:
    """A policy of an identity does not allow decryption with all KMS keys, even under a condition."""
    yield from iam.granted(identity, _decryptions(identity))


def _decryptions(identity: Resource) -> Iterator[str]:
    for document in iam.documents(identity):
        for statement in statements(document):
            actions = iam.written(statement, DECRYPTION)
            if actions and iam.covers_all(statement, "kms"):
                yield f"allows decryption with all keys: {', '.join(actions)} on all resources"
