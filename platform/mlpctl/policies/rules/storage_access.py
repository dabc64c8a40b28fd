"""Rules for who can access buckets and objects."""

from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws

from mlpctl.policies import iam
from mlpctl.policies.checks import parts
from mlpctl.policies.estate import NotEvaluated, Resource
from mlpctl.policies.rule import ALWAYS, Severity, rule
from mlpctl.review.iam.broad import lets_in_everybody
from mlpctl.review.iam.evaluation import statements

PUBLIC_ACLS: Final = ("public-read", "public-read-write", "authenticated-read")
PUBLIC_GROUPS: Final = ("AllUsers", "AuthenticatedUsers")
"""The ACLs and groups that mean everybody: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html"""

ADMINISTRATION: Final = (
    "s3:DeleteBucketPolicy",
    "s3:PutBucketAcl",
    "s3:PutBucketPolicy",
    "s3:PutEncryptionConfiguration",
    "s3:PutObjectAcl",
)
"""Actions for the owner alone: https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html#s3-6"""

_OWNERS_PERMISSIONS: Final = ("FULL_CONTROL", "WRITE", "WRITE_ACP")


@rule(
    "ML-S3-02",
    aws.s3.Bucket,
    aws.s3.BucketAcl,
    aws.s3.BucketPolicy,
    aws.s3.BucketObject,
    aws.s3.BucketObjectv2,
    aws.s3.ObjectCopy,
    aws.s3.AccessPoint,
    aws.s3control.AccessPointPolicy,
    reason="Everybody in the internet could read or change the data.",
    remedy="Name the principals in the policy, or add a condition on the account; remove public ACLs.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=[
        "fsbp:S3.2",
        "fsbp:S3.3",
        "nist:AC-3",
        "nist:AC-6",
        "nist:SC-7(3)",
        "soc2:CC6.1",
        "checkov:CKV_AWS_20",
        "checkov:CKV_AWS_57",
        "checkov:CKV_AWS_70",
    ],
)
def bucket_is_not_public(resource: Resource) -> Iterator[str]:
    """No ACL and no policy of a bucket gives access to everybody, whatever blocks it at present."""
    acl = resource.get("acl")
    if acl in PUBLIC_ACLS:
        yield f"gives access to everybody: acl is {acl}"
    for permission, grantee in _grants(resource):
        group = str(grantee.get("uri", "")).rpartition("/")[2]
        if group in PUBLIC_GROUPS:
            yield f"gives access to everybody: the ACL grants {permission} to {group}"
    if lets_in_everybody(resource.document("policy")):
        yield "gives access to everybody: a statement of the policy allows all principals"


@rule(
    "ML-S3-09",
    aws.s3.Bucket,
    aws.s3.BucketAcl,
    aws.s3.BucketPolicy,
    reason="Another account could open the bucket further, or lock its owner out.",
    remedy="Allow principals of other accounts only the actions on objects that they need.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=["fsbp:S3.6", "checkov:CKV_AWS_283"],
)
def bucket_is_administered_by_its_account(resource: Resource) -> Iterator[str]:
    """No policy and no ACL of a bucket lets another account change its permissions or its encryption."""
    owner = resource.get("accessControlPolicy.owner.id")
    for permission, grantee in _grants(resource):
        other = grantee.get("id")
        if owner and other and other != owner and permission in _OWNERS_PERMISSIONS:
            yield f"lets another account administer it: the ACL grants {permission} to {other}"
    for statement in statements(resource.document("policy")):
        actions = iam.written(statement, ADMINISTRATION)
        others = sorted(_others(resource, iam.accounts(statement))) if actions else []
        if others:
            whom = "other accounts" if "*" in others else f"account {', '.join(others)}"
            yield f"lets {whom} administer it: the policy allows {', '.join(actions)}"


def _others(resource: Resource, accounts: set[str]) -> set[str]:
    """The accounts that are not the bucket's own."""
    if not accounts or "*" in accounts:
        return accounts
    own = resource.estate.settings.get("allowedAccounts")
    if not own:
        raise NotEvaluated("it is not known which account is its own: allowedAccounts is not set")
    return accounts - {str(each) for each in own}


def _grants(resource: Resource) -> Iterator[tuple[str, Resource]]:
    """The permissions that an ACL grants, each with its grantee."""
    for grant in parts(resource, "grants"):
        for permission in grant.each("permissions"):
            yield str(permission), grant
    for grant in parts(resource, "accessControlPolicy.grants"):
        for grantee in parts(grant, "grantee"):
            yield str(grant.get("permission")), grantee
