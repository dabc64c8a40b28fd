"""Private S3 buckets with versions and encryption, and their settings."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from mlplatform import grammar, iam
from mlplatform.checks.arguments import ArgumentsError, Problem, what_is
from mlplatform.component import Component

_KEPT_BY_OTHER_RESOURCES: Final = (
    "lifecycleRules",
    "logging",
    "policy",
    "serverSideEncryptionConfiguration",
    "versioning",
)

_KEPT_IN_A_LOCKED_BUCKET: Final = (*_KEPT_BY_OTHER_RESOURCES, "objectLockConfiguration")

ALGORITHM: Final = "s3:x-amz-server-side-encryption"
KEY: Final = "s3:x-amz-server-side-encryption-aws-kms-key-id"
CALLERS_KEY: Final = "s3:x-amz-server-side-encryption-customer-algorithm"
"""Condition keys for the encryption that an upload requests:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys"""

ACCESS_POINT: Final = "s3:DataAccessPointArn"
"""Condition key that is present if a request comes through an access point:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys"""

MAX_DAYS: Final = 36_500
"""A hundred years, the most of Object Lock. Lifecycle rules allow any 32-bit integer:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleExpiration.html"""


def check_name(component: Component, name: str) -> None:
    """Check that the name of a bucket may begin with the name of its component.

    Raises:
        ArgumentsError: S3 reserves such names.
    """
    if grammar.begins_reserved_bucket(name):
        reserved = ", ".join(grammar.BUCKET_BEGINS)
        problem = Problem("name", f"is {name}; allowed: names that S3 does not reserve ({reserved}…)")
        raise ArgumentsError(what_is(component, name), [problem])


def private_bucket(
    component: Component,
    name: str,
    key_arn: pulumi.Input[str],
    rules: Sequence[Mapping[str, Any]],
    *,
    retain: bool,
    tags: Mapping[str, str],
    lockable: bool = False,
    lock_days: int | None = None,
    access_points: bool = True,
) -> "aws.s3.Bucket":
    """Create a private, versioned bucket below a component: encrypted with one key, and accessible only over TLS.

    Args:
        component: Parent of the bucket and its settings.
        name: Beginning of their logical names.
        key_arn: ARN of the KMS key.
        rules: Lifecycle rules.
        retain: Retain bucket and settings when the stack is destroyed. False: the bucket is emptied and deleted.
        tags: Tags of the bucket, in addition to the component's.
        lockable: Enable Object Lock. A change replaces the bucket.
        lock_days: Days during which Object Lock keeps each new version, unless the caller may bypass the governance
            mode. Default: versions are not locked.
        access_points: Admit requests through S3 access points.
    """
    # If the bucket is retained, so are the settings that protect its data.
    kept = component.guarded(retain_on_delete=retain)
    bucket = aws.s3.Bucket(
        f"{name}-bucket",
        force_destroy=not retain,
        object_lock_enabled=lockable or None,
        tags=component.tags_for(f"{name}-bucket", tags),
        # A refresh reads these into the bucket too, and the next update would remove them:
        # https://github.com/pulumi/pulumi-aws/issues/6244
        opts=component.guarded(
            retain_on_delete=retain,
            ignore_changes=[*(_KEPT_IN_A_LOCKED_BUCKET if lockable else _KEPT_BY_OTHER_RESOURCES)],
        ),
    )
    closed = aws.s3.BucketPublicAccessBlock(
        f"{name}-private",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=kept,
    )
    aws.s3.BucketOwnershipControls(
        f"{name}-ownership",
        bucket=bucket.id,
        rule={"object_ownership": "BucketOwnerEnforced"},
        opts=kept,
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption",
        bucket=bucket.id,
        rules=[
            {
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms",
                    "kms_master_key_id": key_arn,
                },
                "bucket_key_enabled": True,
            }
        ],
        opts=kept,
    )
    versioning = aws.s3.BucketVersioning(
        f"{name}-versioning",
        bucket=bucket.id,
        versioning_configuration={"status": "Enabled"},
        opts=kept,
    )
    # S3 rejects rules for noncurrent versions, and Object Lock, before versioning is enabled.
    versioned = component.guarded(retain_on_delete=retain, depends_on=[versioning])
    aws.s3.BucketLifecycleConfiguration(f"{name}-lifecycle", bucket=bucket.id, rules=rules, opts=versioned)
    if lock_days is not None:
        aws.s3.BucketObjectLockConfiguration(
            f"{name}-lock",
            bucket=bucket.id,
            rule={"default_retention": {"mode": "GOVERNANCE", "days": lock_days}},
            opts=versioned,
        )
    aws.s3.BucketPolicy(
        f"{name}-policy",
        bucket=bucket.id,
        policy=pulumi.Output.all(arn=bucket.arn, key_arn=key_arn).apply(
            lambda known: bucket_policy(**known, access_points=access_points)
        ),
        # S3 returns a conflict if both are written at the same time.
        opts=component.guarded(retain_on_delete=retain, depends_on=[closed]),
    )
    return bucket


def bucket_policy(arn: str, key_arn: str, access_points: bool = True) -> str:
    """A policy that denies requests without TLS 1.2, and uploads that would use a key other than the bucket's.

    Without `access_points`, it also denies requests through an access point. In the policies of identities, the
    resource of such a request is the access point: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html

    An upload that requests no encryption gets the bucket's default. One with `aws:kms` and no key would get the AWS
    managed key of S3: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html. Copies and multipart uploads
    are `s3:PutObject` with the same headers.
    """
    objects = f"{arn}/*"
    around = iam.deny(["s3:*"], on=[arn, objects], to="*", when={"Null": {ACCESS_POINT: "false"}}, sid="NoAccessPoint")
    return iam.document(
        iam.deny(
            ["s3:*"],
            on=[arn, objects],
            to="*",
            when={"Bool": {"aws:SecureTransport": "false"}},
            sid="OnlyTls",
        ),
        iam.deny(
            ["s3:*"],
            on=[arn, objects],
            to="*",
            when={"NumericLessThan": {"s3:TlsVersion": "1.2"}},
            sid="OnlyModernTls",
        ),
        *(
            iam.deny(["s3:PutObject"], on=[objects], to="*", when=when, sid=sid)
            for sid, when in (
                # Uploads without the headers get the bucket's default, so only headers that are present can be wrong.
                ("OnlyKms", {"StringNotEquals": {ALGORITHM: "aws:kms"}, "Null": {ALGORITHM: "false"}}),
                ("OnlyThisKey", {"StringNotEquals": {KEY: key_arn}, "Null": {KEY: "false"}}),
                ("KmsOnlyWithAKey", {"StringEquals": {ALGORITHM: "aws:kms"}, "Null": {KEY: "true"}}),
                ("NoKeyOfTheCaller", {"Null": {CALLERS_KEY: "false"}}),
            )
        ),
        *([] if access_points else [around]),
    )


def basic_rules(abort_upload_days: int, noncurrent_days: int) -> list[dict[str, Any]]:
    """Lifecycle rules of every bucket with versions: for incomplete uploads, for old versions, for delete markers."""
    return [
        {
            "id": "abort-uploads",
            "abort_incomplete_multipart_upload": {"days_after_initiation": abort_upload_days},
        },
        {
            "id": "expire-noncurrent",
            "noncurrent_version_expiration": {"noncurrent_days": noncurrent_days},
        },
        # A deleted object leaves a delete marker, which slows listings. S3 does not allow this action together with
        # days or with a filter by tags: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleExpiration.html
        {"id": "expire-delete-markers", "expiration": {"expired_object_delete_marker": True}},
    ]


def rules_for_all(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules, enabled; those without a filter are for all objects."""
    return [{"status": "Enabled", "filter": {"prefix": ""}, **rule} for rule in rules]
