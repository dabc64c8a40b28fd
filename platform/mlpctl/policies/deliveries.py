"""The logs that other resources of a stack deliver to a bucket."""

from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import parts
from mlpctl.policies.estate import Class, NotEvaluated, Resource
from mlpctl.review.values.plain import Secret, Unknown

Sources = tuple[tuple[Class, str], ...]
"""Kinds of resources, with the path of the input that contains the bucket."""

ACCESS_LOGS: Final[Sources] = (
    (aws.s3.BucketLogging, "targetBucket"),
    (aws.s3.Bucket, "logging.targetBucket"),
    (aws.s3.Bucket, "loggings.targetBucket"),
)
"""Access logs of other buckets. Their bucket must not use SSE-KMS by default nor have a default retention:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html"""

LOAD_BALANCERS: Final[Sources] = (
    (aws.lb.LoadBalancer, "accessLogs.bucket"),
    (aws.lb.LoadBalancer, "connectionLogs.bucket"),
    (aws.elb.LoadBalancer, "accessLogs.bucket"),
)
"""Logs of load balancers. The bucket of an application load balancer must use SSE-S3:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html"""

CONFIG: Final[Sources] = ((aws.cfg.DeliveryChannel, "s3BucketName"),)
"""Configurations that AWS Config records."""

AUDIT: Final[Sources] = (
    *CONFIG,
    (aws.cloudtrail.Trail, "s3BucketName"),
    (aws.ec2.FlowLog, "logDestination"),
)
"""Records of what happened in the account and in its networks."""


def receives(bucket: Resource, *sources: Sources) -> bool:
    """Whether a resource of the stack delivers its logs to a bucket.

    Raises:
        NotEvaluated: none is known to do so, but the bucket of one is not known yet.
    """
    blind: Resource | None = None
    for kind, path in (each for group in sources for each in group):
        above, _, key = path.rpartition(".")
        for source in bucket.estate.of(kind):
            if bucket.urn in source.depends.get(above or key, ()):
                return True
            for holder in parts(source, above) if above else [source]:
                found = holder.inputs.get(key)
                if isinstance(found, str) and _bucket(found) in bucket.names:
                    return True
                if isinstance(found, Unknown | Secret) and not source.depends.get(above or key):
                    blind = source
    if blind:
        raise NotEvaluated(f"the bucket of {blind.name} is not known yet")
    return False


def _bucket(name: str) -> str:
    """The name of a bucket in an ARN, which may go on with a prefix: `arn:aws:s3:::logs/network`."""
    return name.split(":::")[-1].split("/")[0]
