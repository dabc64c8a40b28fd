"""Rules for the access logs of buckets, and for buckets with logs."""

from collections.abc import Iterator

import pulumi_aws as aws

from mlpctl.policies.checks import any_of, parts
from mlpctl.policies.deliveries import ACCESS_LOGS, AUDIT, CONFIG, LOAD_BALANCERS, delivers_to, receives
from mlpctl.policies.estate import Resource
from mlpctl.policies.rule import ONLY_ADVICE, Level, Levels, Severity, rule
from mlpctl.settings.policies import NAMES_LOGS


@rule(
    "ML-S3-07",
    aws.s3.Bucket,
    reason="Without access logs, nobody can tell who read or copied a dataset or a model.",
    remedy="Add a BucketLogging that delivers to a bucket for logs.",
    severity=Severity.MEDIUM,
    # The catalogue has no buckets for access logs yet.
    levels=ONLY_ADVICE,
    serves=["fsbp:S3.9", "nist:AU-2", "nist:AU-3", "nist:AU-12", "soc2:CC7.2", "iso:A.8.15", "checkov:CKV_AWS_18"],
)
def bucket_logs_access(bucket: Resource) -> Iterator[str]:
    """A bucket logs who accesses its objects, in another bucket.

    Buckets for access logs are exempt, since they would log their own logs without end:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html
    """
    inline = [each for each in parts(bucket, "logging", "loggings") if each.has("targetBucket")]
    found = inline or bucket.referring(aws.s3.BucketLogging, "bucket")
    if any_of(found, lambda each: delivers_to(each, bucket)):
        yield "logs accesses in itself, which adds a log of every log"
    elif not found and not receives(bucket, ACCESS_LOGS):
        yield "has no access logging"


@rule(
    "ML-S3-10",
    aws.s3.Bucket,
    reason="Whoever can delete logs can hide what happened.",
    remedy="Set objectLockEnabled, and add a BucketObjectLockConfiguration with a default retention.",
    severity=Severity.MEDIUM,
    levels=Levels(Level.OFF, Level.ADVISORY, Level.MANDATORY),
    serves=["soc2:PI1.5", "checkov:CKV_AWS_143"],
)
def log_bucket_locks_objects(bucket: Resource) -> Iterator[str]:
    """A bucket for audit records or logs locks its objects for a time.

    Buckets for access logs of other buckets are exempt, since S3 does not deliver to a bucket with a default retention:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html. So are buckets of AWS Config, which does not
    deliver to a bucket with Object Lock:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-config-deliverychannel.html
    """
    if not _has_logs(bucket) or receives(bucket, ACCESS_LOGS, CONFIG):
        return
    inline = [*parts(bucket, "objectLockConfiguration")]
    locks = [*inline, *bucket.referring(aws.s3.BucketObjectLockConfiguration, "bucket")]
    if not locks and bucket.get("objectLockEnabled") is not True:
        yield "has logs that can be deleted: Object Lock is off"
    elif not any(each.has("rule.defaultRetention") for each in locks):
        yield "has logs that can be deleted: Object Lock has no default retention"


def _has_logs(bucket: Resource) -> bool:
    """Whether a bucket is for logs, by its name or by what is delivered to it."""
    names = [bucket.name, str(bucket.inputs.get("bucket", ""))]
    return any(map(NAMES_LOGS.search, names)) or receives(bucket, AUDIT, LOAD_BALANCERS)
