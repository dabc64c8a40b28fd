"""Rules for what buckets do with their objects."""

import re
from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws

from mlpctl.policies import iam
from mlpctl.policies.checks import parts
from mlpctl.policies.deliveries import ACCESS_LOGS, AUDIT, LOAD_BALANCERS, receives
from mlpctl.policies.estate import Resource
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, Severity, rule
from mlpctl.review.iam.evaluation import statements
from mlpctl.review.values.plain import items

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
        "cis-aws:2.1.4",
        "nist:AC-3",
        "nist:AC-6",
        "nist:SC-7(3)",
        "soc2:CC6.1",
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
    serves=["fsbp:S3.5", "cis-aws:2.1.1", "nist:SC-8", "nist:SC-8(1)", "checkov:CKV_AWS_379"],
)
def bucket_requires_tls(bucket: Resource) -> Iterator[str]:
    """A bucket rejects requests without TLS."""
    if not any(map(_denies_plain_requests, _policies(bucket))):
        yield "accepts requests without TLS"


@rule(
    "ML-S3-04",
    aws.s3.Bucket,
    reason="A key of the account limits and records who can read objects, in addition to the bucket's own permissions.",
    remedy="Add a BucketServerSideEncryptionConfiguration with aws:kms and kmsMasterKeyId, or use DataBucket.",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    serves=["nist:SC-28(1)", "soc2:PI1.4", "iso:A.8.24", "checkov:CKV_AWS_19", "checkov:CKV_AWS_145"],
)
def bucket_encrypts_with_a_key(bucket: Resource) -> Iterator[str]:
    """A bucket encrypts its objects by default with a KMS key of the account.

    Buckets for logs whose delivery supports only SSE-S3 are exempt.
    """
    found = [*_encryptions(bucket)]
    # S3's default: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html
    wrong = [] if found else ["encrypts objects with SSE-S3, since it has no encryption configuration"]
    for default in found:
        algorithm = default.get("sseAlgorithm")
        if algorithm not in ("aws:kms", "aws:kms:dsse"):
            wrong.append(f"encrypts objects with {algorithm}: sseAlgorithm is not aws:kms")
        elif not default.has("kmsMasterKeyId"):
            wrong.append("encrypts objects with the AWS managed key of S3: kmsMasterKeyId is not set")
        elif str(default.inputs["kmsMasterKeyId"]).endswith("alias/aws/s3"):
            wrong.append("encrypts objects with the AWS managed key of S3: kmsMasterKeyId is alias/aws/s3")
    if wrong and not receives(bucket, ACCESS_LOGS, LOAD_BALANCERS):
        yield from wrong


@rule(
    "ML-S3-05",
    aws.s3.Bucket,
    reason="Without versions, a model or a dataset that is overwritten or deleted is lost.",
    remedy="Add a BucketVersioning with the status Enabled, or use DataBucket.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=["nist:AU-9(2)", "nist:CP-9", "nist:CP-10", "soc2:PI1.5", "checkov:CKV_AWS_21"],
)
def bucket_keeps_versions(bucket: Resource) -> Iterator[str]:
    """A bucket keeps the versions of its objects.

    Buckets for logs are exempt, since logs are never overwritten.
    """
    if any(each.get("enabled") is True for each in parts(bucket, "versioning", "versionings")):
        return
    found = bucket.referring(aws.s3.BucketVersioning, "bucket")
    states = [each.get("versioningConfiguration.status") for each in found]
    if "Enabled" not in states and not receives(bucket, ACCESS_LOGS, LOAD_BALANCERS, AUDIT):
        yield f"keeps no versions: versioning is {states[0]}" if states and states[0] else "keeps no versions"


@rule(
    "ML-S3-06",
    aws.s3.Bucket,
    reason="Old versions, expired logs and the parts of interrupted uploads are paid for until a rule deletes them.",
    remedy="Add a BucketLifecycleConfiguration with a rule that aborts incomplete uploads, or use DataBucket.",
    severity=Severity.LOW,
    levels=FROM_STAGING,
    serves=["fsbp:S3.10", "fsbp:S3.13", "iso:A.8.10", "checkov:CKV2_AWS_61", "checkov:CKV_AWS_300"],
)
def bucket_has_lifecycle_rules(bucket: Resource) -> Iterator[str]:
    """A bucket has lifecycle rules, of which one aborts incomplete multipart uploads of all objects."""
    enabled = aborts = False
    for each in parts(bucket, "lifecycleRules"):
        if each.get("enabled") is True:
            enabled = True
            aborts = aborts or bool(each.get("abortIncompleteMultipartUploadDays") and not each.get("prefix"))
    for configuration in bucket.referring(aws.s3.BucketLifecycleConfiguration, "bucket") if not aborts else ():
        for each in parts(configuration, "rules"):
            if each.get("status") == "Enabled":
                enabled = True
                aborts = aborts or (each.has("abortIncompleteMultipartUpload") and _is_for_all(each))
    if not enabled:
        yield "has no lifecycle rules"
    elif not aborts:
        yield "keeps the parts of incomplete uploads: no lifecycle rule for all objects aborts them"


@rule(
    "ML-S3-08",
    aws.s3.Bucket,
    reason="ACLs grant access outside of policies, and objects of other accounts' writers do not belong to the bucket.",
    remedy="Add BucketOwnershipControls with BucketOwnerEnforced, or use DataBucket.",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    serves=["fsbp:S3.12", "checkov:CKV2_AWS_65"],
)
def bucket_disables_acls(bucket: Resource) -> Iterator[str]:
    """A bucket disables ACLs by its ownership controls.

    Without them, ACLs depend on when the bucket was created:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    """
    controls = bucket.referring(aws.s3.BucketOwnershipControls, "bucket")
    if not controls:
        yield "has no ownership controls that disable ACLs"
    for each in controls:
        ownership = each.get("rule.objectOwnership")
        if ownership != "BucketOwnerEnforced":
            yield f"allows ACLs: objectOwnership of {each.name} is {ownership}"


_ALL_OBJECTS: Final = re.compile(r"\*|arn:[^:]+:s3:::[^/]*\*|arn:[^:]+:s3:::[^/]+/\*")
"""Resources of a policy that are all objects of a bucket, or of all buckets."""


def _policies(bucket: Resource) -> Iterator[Resource]:
    """The resources whose input `policy` is a policy of a bucket."""
    yield bucket
    yield from bucket.referring(aws.s3.BucketPolicy, "bucket")


def _denies_plain_requests(holder: Resource) -> bool:
    """Whether a bucket policy denies requests for objects without TLS."""
    denials = statements(holder.document("policy"), "Deny")
    for_objects = [each for each in denials if any(map(_ALL_OBJECTS.fullmatch, map(str, items(each.get("Resource")))))]
    return iam.denies_without_tls({"Statement": for_objects}, "s3:*")


def _encryptions(bucket: Resource) -> Iterator[Resource]:
    """The default encryption of a bucket."""
    for each in parts(bucket, "serverSideEncryptionConfiguration", "serverSideEncryptionConfigurations"):
        for one in parts(each, "rule", "rules"):
            yield from parts(one, "applyServerSideEncryptionByDefault", "applyServerSideEncryptionByDefaults")
    for each in bucket.referring(aws.s3.BucketServerSideEncryptionConfiguration, "bucket"):
        for one in parts(each, "rules"):
            yield from parts(one, "applyServerSideEncryptionByDefault")


def _is_for_all(lifecycle: Resource) -> bool:
    """Whether a lifecycle rule is for all objects."""
    limits = [each.get(key) for each in parts(lifecycle, "filter") for key in each.inputs]
    return not lifecycle.get("prefix") and not any(limits)
