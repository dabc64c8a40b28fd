"""Rules for logs and for the services that watch an account."""

from collections.abc import Iterator, Mapping
from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import any_of, every, independently, is_on, key_fault, number, parts, stated
from mlpctl.policies.estate import Resource
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, ONLY_PROD, Field, Severity, rule
from mlpctl.review.values.plain import items

MIN_PROD_DAYS: Final = 365

DELIVERY: Final = "DELIVERY"
"""Class of log groups whose retention CloudWatch fixes:
https://www.pulumi.com/registry/packages/aws/api-docs/cloudwatch/loggroup/"""

SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "S3_DATA_EVENTS": ("data events of S3", "datasources.s3Logs.enable"),
    "EKS_AUDIT_LOGS": ("audit logs of EKS", "datasources.kubernetes.auditLogs.enable"),
}
"""What each of GuardDuty's features analyses, and the older input of a detector for it. They are on by default:
https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateDetector.html"""

RUNTIME: Final = ("RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING")
"""Features that watch the nodes of EKS clusters. Only one of them can be on, and they are off by default."""

AGENT_MANAGEMENT: Final = "EKS_ADDON_MANAGEMENT"
AGENT_ADDON: Final = "aws-guardduty-agent"
"""https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-eks.html"""

ENABLED: Final = "ENABLED"

DEFAULT_RECORDER: Final = "default"
EXCLUSION: Final = "EXCLUSION_BY_RESOURCE_TYPES"


@rule(
    "ML-LOG-01",
    aws.cloudwatch.LogGroup,
    reason="Logs contain prompts, names and addresses; they must be there for an investigation, and not forever.",
    remedy="Set kmsKeyId to the stack's key for logs and retentionInDays, in profile prod to 365 or more.",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    serves=[
        "checkov:CKV_AWS_66",
        "checkov:CKV_AWS_158",
        "checkov:CKV_AWS_338",
        "nist:AU-9(3)",
        "nist:AU-11",
        "nist:SC-28(1)",
        "soc2:CC7.2",
        "soc2:C1.2",
        "soc2:PI1.4",
        "iso:A.8.15",
        "iso:A.8.24",
    ],
    fields=[Field("EksCluster", "logDays", says="keeps events"), Field("Network", "flowLogDays", says="keeps events")],
)
def log_group_is_encrypted_and_expires(group: Resource) -> Iterator[str]:
    """A log group has a KMS key and a retention, which is at least 365 days in prod."""
    yield from independently([_log_key(group), _retention(group)])


def _log_key(group: Resource) -> Iterator[str]:
    if fault := key_fault(group, "kmsKeyId"):
        yield f"is not encrypted with a key of your own: {fault}"


def _retention(group: Resource) -> Iterator[str]:
    # 0 stands for no expiry, as in the API.
    days = number(group.get("retentionInDays")) or 0
    prod = group.estate.settings.get("profile") == "prod"
    if days >= (MIN_PROD_DAYS if prod else 1) or group.get("logGroupClass") == DELIVERY:
        return
    if days >= 1:
        yield f"keeps events for less than {MIN_PROD_DAYS} days in prod: {stated(group, 'retentionInDays')}"
    else:
        yield f"keeps events forever: {stated(group, 'retentionInDays')}"


@rule(
    "ML-LOG-02",
    aws.cloudtrail.Trail,
    reason="What an attacker did in another region, or removed from the log, could not be found out.",
    remedy=(
        "Set isMultiRegionTrail, kmsKeyId, enableLogFileValidation, cloudWatchLogsGroupArn and cloudWatchLogsRoleArn, "
        "and leave enableLogging on."
    ),
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=[
        "fsbp:CloudTrail.1",
        "fsbp:CloudTrail.2",
        "fsbp:CloudTrail.4",
        "fsbp:CloudTrail.5",
        "checkov:CKV_AWS_35",
        "checkov:CKV_AWS_36",
        "checkov:CKV_AWS_67",
        "checkov:CKV2_AWS_10",
        "cis-aws:3.1",
        "cis-aws:3.2",
        "cis-aws:3.5",
        "nist:AU-2",
        "nist:AU-9(3)",
        "nist:AU-12",
        "nist:SI-7(7)",
        "soc2:CC7.2",
        "soc2:CC7.3",
        "iso:A.8.15",
        "iso:A.8.16",
    ],
)
def trail_is_complete(trail: Resource) -> Iterator[str]:
    """A trail logs all regions to CloudWatch Logs, encrypted with a KMS key and with validation of its files."""
    checks = (_logging, _events, _regions, _trail_key, _validation, _to_logs)
    yield from every(checks, lambda check: check(trail))


def _logging(trail: Resource) -> Iterator[str]:
    if not is_on(trail.get("enableLogging", True)):
        yield f"logs nothing: {stated(trail, 'enableLogging')}"


def _events(trail: Resource) -> Iterator[str]:
    """By default, a trail logs all management events; selectors replace this.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html
    """
    selected = any_of(parts(trail, "eventSelectors"), _selects_management)
    selected = selected or any_of(parts(trail, "advancedEventSelectors"), _selects_management_by_fields)
    if not selected and (trail.has("eventSelectors") or trail.has("advancedEventSelectors")):
        yield "does not log all management events: no event selector selects both reads and writes of all services"


def _selects_management(selector: Resource) -> bool:
    return (
        is_on(selector.get("includeManagementEvents", True))
        and selector.get("readWriteType", "All") == "All"
        and not selector.has("excludeManagementEventSources")
    )


def _selects_management_by_fields(selector: Resource) -> bool:
    fields = {str(each.get("field")): items(each.get("equals")) for each in parts(selector, "fieldSelectors")}
    return fields == {"eventCategory": ["Management"]}


def _regions(trail: Resource) -> Iterator[str]:
    if not is_on(trail.get("isMultiRegionTrail")):
        yield f"logs one region: {stated(trail, 'isMultiRegionTrail')}"


def _trail_key(trail: Resource) -> Iterator[str]:
    if fault := key_fault(trail, "kmsKeyId"):
        yield f"is not encrypted with a key of your own: {fault}"


def _validation(trail: Resource) -> Iterator[str]:
    if not is_on(trail.get("enableLogFileValidation")):
        yield f"does not detect changes of its files: {stated(trail, 'enableLogFileValidation')}"


def _to_logs(trail: Resource) -> Iterator[str]:
    for field in ("cloudWatchLogsGroupArn", "cloudWatchLogsRoleArn"):
        if not trail.has(field):
            yield f"does not log to CloudWatch Logs: {field} is not set"
            return


@rule(
    "ML-LOG-03",
    aws.guardduty.Detector,
    reason="Mined coins, stolen credentials and odd requests to the Kubernetes API are found only if someone looks.",
    remedy=(
        "Leave enable on, and add DetectorFeatures with status ENABLED for S3_DATA_EVENTS, EKS_AUDIT_LOGS, and "
        "RUNTIME_MONITORING with EKS_ADDON_MANAGEMENT."
    ),
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=[
        "fsbp:GuardDuty.1",
        "fsbp:GuardDuty.5",
        "fsbp:GuardDuty.7",
        "fsbp:GuardDuty.10",
        "checkov:CKV_AWS_238",
        "nist:CA-7",
        "nist:SI-4",
        "soc2:CC6.8",
        "soc2:CC7.1",
        "soc2:CC7.2",
        "iso:A.5.25",
        "iso:A.8.7",
        "iso:A.8.15",
    ],
)
def guardduty_watches_clusters_and_buckets(detector: Resource) -> Iterator[str]:
    """GuardDuty is on and analyses S3 data events, EKS audit logs and the runtime of EKS nodes."""
    if not is_on(detector.get("enable", True)):
        yield f"is suspended: {stated(detector, 'enable')}"
        return
    features = {str(each.get("name")): each for each in detector.referring(aws.guardduty.DetectorFeature, "detectorId")}
    yield from independently([*(_source(detector, features, name) for name in SOURCES), _runtime(detector, features)])


def _source(detector: Resource, features: Mapping[str, Resource], name: str) -> Iterator[str]:
    words, older = SOURCES[name]
    feature = features.get(name)
    if feature is not None:
        if feature.get("status") != ENABLED:
            yield f"does not analyse {words}: {stated(feature, 'status')} in {feature.name}"
    elif not is_on(detector.get(older, True)):
        yield f"does not analyse {words}: {stated(detector, older)}"


def _runtime(detector: Resource, features: Mapping[str, Resource]) -> Iterator[str]:
    watching = [features[name] for name in RUNTIME if name in features and features[name].get("status") == ENABLED]
    if not watching:
        yield f"does not watch EKS nodes: no DetectorFeature enables {RUNTIME[0]}"
        return
    managed = (
        each.get("name") == AGENT_MANAGEMENT and each.get("status") == ENABLED
        for each in parts(watching[0], "additionalConfigurations")
    )
    if not any(managed) and not _has_agent(detector):
        yield f"has no agents on EKS nodes: {watching[0].name} does not enable {AGENT_MANAGEMENT}"


def _has_agent(detector: Resource) -> bool:
    """Whether the stack installs the agent itself."""
    return any(each.get("addonName") == AGENT_ADDON for each in detector.estate.of(aws.eks.Addon))


@rule(
    "ML-LOG-04",
    aws.cfg.Recorder,
    reason="Without a record of the configuration, nobody can say what changed, when, or what was open at the time.",
    remedy="Add a RecorderStatus with isEnabled, and leave recordingGroup.allSupported on.",
    severity=Severity.MEDIUM,
    levels=ONLY_PROD,
    serves=["fsbp:Config.1", "cis-aws:3.3", "soc2:CC2.1", "soc2:CC3.1", "soc2:CC8.1", "iso:A.5.22"],
)
def config_records_everything(recorder: Resource) -> Iterator[str]:
    """AWS Config is on and records all types of resources, except for those that it excludes by name."""
    yield from independently([_recording(recorder), _recorded_types(recorder)])


def _recording(recorder: Resource) -> Iterator[str]:
    statuses = recorder.referring(aws.cfg.RecorderStatus, "name") or [
        each
        for each in recorder.estate.of(aws.cfg.RecorderStatus)
        if each.inputs.get("name") == recorder.get("name", DEFAULT_RECORDER)
    ]
    if not statuses:
        yield "is not started: it has no RecorderStatus"
    elif not any(is_on(each.get("isEnabled")) for each in statuses):
        yield f"is not started: {stated(statuses[0], 'isEnabled')} in {statuses[0].name}"


def _recorded_types(recorder: Resource) -> Iterator[str]:
    if is_on(recorder.get("recordingGroup.allSupported", True)):
        return
    strategies = [each.get("useOnly") for each in parts(recorder, "recordingGroup.recordingStrategies")]
    if EXCLUSION not in strategies:
        yield f"records only some types of resources: {stated(recorder, 'recordingGroup.allSupported')}"
