"""The logs that other resources of a stack deliver to a bucket."""

from functools import partial
from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import parts
from mlpctl.policies.estate import Class, Estate, NotEvaluated, Resource
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
    estate = bucket.estate
    late: NotEvaluated | None = None
    for source in (each for group in sources for each in group):
        found, unclear = estate.once(("deliveries", source), partial(_delivered, estate, *source))
        if not found.isdisjoint({bucket.urn, *bucket.names}):
            return True
        late = unclear or late
    if late:
        raise NotEvaluated(late.why)
    return False


def _delivered(estate: Estate, kind: Class, path: str) -> tuple[frozenset[str], NotEvaluated | None]:
    """The URNs and names of the buckets in an input of all resources of a kind, and why some are not known."""
    above, _, key = path.rpartition(".")
    found: set[str] = set()
    late: NotEvaluated | None = None
    for source in estate.of(kind):
        causes = source.depends.get(above or key, ())
        found.update(causes)
        try:
            for holder in parts(source, above) if above else [source]:
                value = holder.inputs.get(key)
                if isinstance(value, str):
                    found.add(_bucket(value))
                elif isinstance(value, Unknown | Secret) and not causes:
                    late = NotEvaluated(f"the bucket of {source.name} is not known yet")
        except NotEvaluated as error:
            late = error
    return frozenset(found), late


def delivers_to(logging: Resource, bucket: Resource) -> bool:
    """Whether the settings of access logs deliver them to a bucket.

    Raises:
        NotEvaluated: their bucket is not known yet.
    """
    found = logging.inputs.get("targetBucket")
    if isinstance(found, str):
        return _bucket(found) in bucket.names
    # A property of the bucket itself cannot depend on the bucket.
    causes = logging.depends.get("targetBucket", ())
    if not causes and logging.urn != bucket.urn:
        raise NotEvaluated(f"the bucket of {logging.name} is not known yet")
    return bucket.urn in causes


def _bucket(name: str) -> str:
    """The name of a bucket in an ARN, which may go on with a prefix: `arn:aws:s3:::logs/network`."""
    return name.split(":::")[-1].split("/")[0]
