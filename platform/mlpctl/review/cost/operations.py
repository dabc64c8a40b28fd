"""What watches and guards: keys, secrets, logs, alarms."""

from typing import Final

from mlpctl.review.cost.parts import Free, Missing, NoPrice, Parts, Range, Subject

FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"

PAID_ROTATIONS: Final = 2
"""Each of a key's first two rotations adds the price of a key, later ones nothing:
https://aws.amazon.com/blogs/security/the-curious-case-of-faster-aws-kms-symmetric-key-rotation/"""

HIGH_RESOLUTION_S: Final = 60
"""An alarm that looks more often than once in so many seconds is a high-resolution one:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"""


def key(of: Subject) -> Parts:
    """A customer managed key, with the rotations that it will have had at the most."""
    rotations = PAID_ROTATIONS if of.get("enableKeyRotation") in (True, "true") else 0
    yield from of.monthly("kms", "key", Range(1, 1, 1 + rotations))
    yield from of.used("kmsRequests", "kms", "requests")


def secret(of: Subject) -> Parts:
    """A secret and its replicas in other regions."""
    yield from of.monthly("secrets-manager", "secret", 1 + len(of.each("replicas")))
    yield from of.used("secretRequests", "secrets-manager", "requests")


def log_group(of: Subject) -> Parts:
    """A group of logs: what is taken in, and what is kept."""
    if of.text("logGroupClass", "STANDARD") != "STANDARD":
        raise NoPrice("the price book has groups of logs of the class STANDARD only")
    vended = of.world.users(of.change.urn, FLOW_LOG, "logDestination")
    yield from of.used("logsIngestGb", "cloudwatch", "logs-vended" if vended else "logs-ingest")
    yield from of.used("logsStorageGb", "cloudwatch", "logs-storage")


def flow_log(of: Subject) -> Parts:
    """Flow logs: a group of logs pays for what it takes in."""
    if of.text("logDestinationType", "cloud-watch-logs") != "cloud-watch-logs":
        raise NoPrice("nothing says how much it writes")
    yield Free("the group of logs that it writes to is paid")


def alarm(of: Subject) -> Parts:
    """An alarm, paid for each metric that it looks at."""
    queries = of.each("metricQueries")
    metrics = [each for each in queries if each.get("metric") is not None]
    periods = [each.number("metric.period", HIGH_RESOLUTION_S) for each in metrics] or [
        of.number("period", HIGH_RESOLUTION_S)
    ]
    item = "alarm-high-resolution" if min(periods) < HIGH_RESOLUTION_S else "alarm"
    yield from of.monthly("cloudwatch", item, max(1, len(metrics)))


def certificate(of: Subject) -> Parts:
    """A certificate: free from the public authority, unless it may be taken elsewhere."""
    if of.get("certificateAuthorityArn") is not None:
        raise NoPrice("a private authority's certificates are paid")
    if of.text("options.export", "DISABLED") != "DISABLED":
        raise NoPrice("a certificate that can be exported is paid by its names")
    yield Free("a certificate of a public authority is free")


def composite_alarm(of: Subject) -> Parts:
    """An alarm made of alarms."""
    yield from of.monthly("cloudwatch", "alarm-composite")


def dashboard(of: Subject) -> Parts:
    """A dashboard; an account's first three are free, which a plan cannot tell."""
    yield from of.monthly("cloudwatch", "dashboard", Range(0, 1, 1))


def metric_filter(of: Subject) -> Parts:
    """A metric made of logs, paid once it has had a value."""
    yield from of.monthly("cloudwatch", "metric", Range(0, 1, 1))
    if of.get("metricTransformation.dimensions"):
        yield Missing("a metric for each further value of its dimensions")


def queue(of: Subject) -> Parts:
    """A queue, paid by its requests."""
    yield from of.used("sqsRequests", "sqs", "fifo-requests" if of.true("fifoQueue") else "requests")
