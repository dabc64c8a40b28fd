"""Rules for buckets."""

from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws

from mlpctl.policies import iam
from mlpctl.policies.estate import Resource
from mlpctl.policies.rule import ALWAYS, Severity, rule

GUARDS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@rule(
    "ML-S3-01",
    aws.s3.Bucket,
    reason="One wrong ACL or bucket policy would make every object public.",
    remedy="Add a BucketPublicAccessBlock with all four settings, or use DataBucket.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=[
        "fsbp:S3.1",
        "fsbp:S3.8",
        "checkov:CKV_AWS_53",
        "checkov:CKV_AWS_54",
        "checkov:CKV_AWS_55",
        "checkov:CKV_AWS_56",
        "checkov:CKV2_AWS_6",
    ],
)
def bucket_blocks_public_access(bucket: Resource) -> Iterator[str]:
    """A bucket blocks public access."""
    blocks = bucket.referring(aws.s3.BucketPublicAccessBlock, "bucket")
    if not blocks:
        yield "has no public access block"
    for block in blocks:
        off = [guard for guard in GUARDS if block.get(guard) is not True]
        if off:
            yield f"does not block public access: {', '.join(off)} of {block.name} is off"


@rule(
    "ML-S3-03",
    aws.s3.Bucket,
    reason="Requests without TLS can be read and changed on their way.",
    remedy="Deny all actions if aws:SecureTransport is false, in the bucket's policy, or use DataBucket.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=["fsbp:S3.5", "checkov:CKV_AWS_379"],
)
def bucket_requires_tls(bucket: Resource) -> Iterator[str]:
    """A bucket rejects requests without TLS."""
    policies = bucket.referring(aws.s3.BucketPolicy, "bucket")
    documents = [bucket.document("policy"), *(each.document("policy") for each in policies)]
    if not any(iam.denies_without_tls(each, "s3:*") for each in documents):
        yield "accepts requests without TLS"
