"""Prices of monitoring and security: keys, secrets, logs, alarms."""

from typing import Final

from mlpctl.review.cost.parts import Free, Missing, NoPrice, Parts, Range, Subject

FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"

PAID_ROTATIONS: Final = 2
"""Each of a key's first two rotations adds the price of a key; later rotations are free:
https://aws.amazon.com/blogs/security/the-curious-case-of-faster-aws-kms-symmetric-key-rotation/"""

HIGH_RESOLUTION_S: Final = 60
"""An alarm with a period below this number of seconds is a high-resolution alarm:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"""


def key(of: Subject) -> Parts:
    """A customer managed key; the most includes its billed rotations."""
    rotations = PAID_ROTATIONS if of.get("enableKeyRotation") in (True, "true") else 0
    yield from of.monthly("kms", "key", Range(1, 1, 1 + rotations))
    yield from of.used("kmsRequests", "kms", "requests")


def secret(of: Subject) -> Parts:
    """A secret and its replicas in other regions."""
    yield from of.monthly("secrets-manager", "secret", 1 + len(of.each("replicas")))
    yield from of.used("secretRequests", "secrets-manager", "requests")


def log_group(of: Subject) -> Parts:
    """A log group: ingestion and storage."""
    if of.text("logGroupClass", "STANDARD") != "STANDARD":
        raise NoPrice("the price book covers only log groups of class STANDARD")
    vended = of.world.users(of.change.urn, FLOW_LOG, "logDestination")
    yield from of.used("logsIngestGb", "cloudwatch", "logs-vended" if vended else "logs-ingest")
    yield from of.used("logsStorageGb", "cloudwatch", "logs-storage")


def flow_log(of: Subject) -> Parts:
    """Flow logs: ingestion is charged with the log group."""
    if of.text("logDestinationType", "cloud-watch-logs") != "cloud-watch-logs":
        raise NoPrice("the amount of data that it writes is not known")
    yield Free("included in the cost of its log group")


def alarm(of: Subject) -> Parts:
    """An alarm, billed per metric."""
    queries = of.each("metricQueries")
    metrics = [each for each in queries if each.get("metric") is not None]
    periods = [each.number("metric.period", HIGH_RESOLUTION_S) for each in metrics] or [
        of.number("period", HIGH_RESOLUTION_S)
    ]
    item = "alarm-high-resolution" if min(periods) < HIGH_RESOLUTION_S else "alarm"
    yield from of.monthly("cloudwatch", item, max(1, len(metrics)))


def certificate(of: Subject) -> Parts:
    """A certificate: free if it is public and cannot be exported."""
    if of.get("certificateAuthorityArn") is not None:
        raise NoPrice("certificates of a private CA are charged")
    if of.text("options.export", "DISABLED") != "DISABLED":
        raise NoPrice("exportable certificates are billed per domain name")
    yield Free("public certificates are free")


def composite_alarm(of: Subject) -> Parts:
    """A composite alarm."""
    yield from of.monthly("cloudwatch", "alarm-composite")


def dashboard(of: Subject) -> Parts:
    """A dashboard. An account's first three are free; a plan does not show whether this is one of them."""
    yield from of.monthly("cloudwatch", "dashboard", Range(0, 1, 1))


def metric_filter(of: Subject) -> Parts:
    """A metric that is extracted from logs, billed once it has a value."""
    yield from of.monthly("cloudwatch", "metric", Range(0, 1, 1))
    if of.get("metricTransformation.dimensions"):
        yield Missing("an additional metric for each value of its dimensions")


def queue(of: Subject) -> Parts:
    """A queue, billed per request."""
    yield from of.used("sqsRequests", "sqs", "fifo-requests" if of.true("fifoQueue") else "requests")
