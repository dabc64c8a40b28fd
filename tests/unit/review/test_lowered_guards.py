"""Policies, backups and records that are weakened or deleted, although no data is lost yet."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.lifecycle import kafka
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm
from mlpctl.review.values import quantities

ADMISSION = "kubernetes:admissionregistration.k8s.io/v1:"
WEBHOOK = {"name": "a", "rules": [{"operations": ["CREATE"], "resources": ["pods"]}]}
DENY: dict[str, Any] = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}
RULE = {"ruleName": "r", "schedule": "cron(0 5 * * ? *)", "copyActions": [{"destinationVaultArn": "x"}]}

REJECTS, CHECKS = "it no longer rejects requests", "the requests that it checks change"
OLDER = "older messages are deleted"


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


def daily(count: int) -> dict[str, Any]:
    return {"properties": {"retentionPolicy": {"dailySchedule": {"retentionDuration": {"count": count}}}}}


LOWERED: list[tuple[str, Any, Any, Harm, str]] = [
    (
        f"{ADMISSION}ValidatingAdmissionPolicyBinding",
        spec(validationActions=["Deny", "Audit"]),
        spec(validationActions=["Audit"]),
        Harm.IDENTITY,
        "requests that break its policy will be accepted",
    ),
    (
        f"{ADMISSION}ValidatingWebhookConfiguration",
        {"webhooks": [WEBHOOK]},
        {"webhooks": [{**WEBHOOK, "rules": [{"operations": ["DELETE"], "resources": ["nodes"]}]}]},
        Harm.IDENTITY,
        CHECKS,
    ),
    (
        "kubernetes:kyverno.io/v1:ClusterPolicy",
        spec(validationFailureAction="Enforce"),
        spec(validationFailureAction="Audit"),
        Harm.IDENTITY,
        REJECTS,
    ),
    (
        "kubernetes:kyverno.io/v1:Policy",
        spec(rules=[{"name": "a", "validate": {"failureAction": "Enforce"}}]),
        spec(rules=[{"name": "a", "validate": {"failureAction": "Audit"}}]),
        Harm.IDENTITY,
        REJECTS,
    ),
    (
        "kubernetes:constraints.gatekeeper.sh/v1beta1:K8sRequired",
        spec(),
        spec(enforcementAction="dryrun"),
        Harm.IDENTITY,
        REJECTS,
    ),
    (
        "azure-native:authorization:PolicyAssignment",
        {"enforcementMode": "Default"},
        {"enforcementMode": "DoNotEnforce"},
        Harm.IDENTITY,
        "no longer enforced",
    ),
    (
        "azure:core/subscriptionPolicyAssignment:SubscriptionPolicyAssignment",
        {},
        {"enforce": False},
        Harm.IDENTITY,
        "no longer enforced",
    ),
    (
        "gcp:orgpolicy/policy:Policy",
        spec(rules=[{"enforce": "TRUE"}]),
        spec(rules=[{"enforce": "FALSE"}]),
        Harm.IDENTITY,
        "no longer enforced",
    ),
    (
        "aws:organizations/policy:Policy",
        {"content": json.dumps(DENY)},
        {"content": json.dumps({**DENY, "Statement": [{**DENY["Statement"][0], "Action": "iam:DeleteRole"}]})},
        Harm.IDENTITY,
        "of its accounts change",
    ),
    ("aws:ebs/encryptionByDefault:EncryptionByDefault", {}, {"enabled": False}, Harm.IDENTITY, "no longer encrypted"),
    (
        "azure-native:compute:VirtualMachine",
        {"storageProfile": {"osDisk": {"deleteOption": "Detach"}}},
        {"storageProfile": {"osDisk": {"deleteOption": "Delete"}}},
        Harm.PROTECTION,
        "also delete its disk",
    ),
    (
        "gcp:compute/instance:Instance",
        {"bootDisk": {"autoDelete": False}},
        {"bootDisk": {}},
        Harm.PROTECTION,
        "also delete its disk",
    ),
    (
        "aws:backup/plan:Plan",
        {"rules": [RULE]},
        {"rules": [{**RULE, "copyActions": []}]},
        Harm.PROTECTION,
        "no longer copied",
    ),
    (
        "aws:backup/plan:Plan",
        {"rules": [{**RULE, "enableContinuousBackup": True}]},
        {"rules": [RULE]},
        Harm.PROTECTION,
        "point-in-time recovery",
    ),
    ("kubernetes:velero.io/v1:Schedule", spec(), spec(paused=True), Harm.PROTECTION, "no new backups"),
    (
        "kubernetes:velero.io/v1:Schedule",
        spec(template={"ttl": "720h0m0s"}),
        spec(template={"ttl": "1h30m"}),
        Harm.PROTECTION,
        "expire sooner",
    ),
    ("kubernetes:postgresql.cnpg.io/v1:ScheduledBackup", spec(), spec(suspend=True), Harm.PROTECTION, "no new backups"),
    (
        "kubernetes:postgresql.cnpg.io/v1:Cluster",
        spec(instances=3, backup={"retentionPolicy": "30d"}),
        spec(instances=3),
        Harm.PROTECTION,
        "no new backups",
    ),
    (
        "kubernetes:postgresql.cnpg.io/v1:Cluster",
        spec(backup={"retentionPolicy": "2m"}),
        spec(backup={"retentionPolicy": "30d"}),
        Harm.DATA,
        "older backups are deleted",
    ),
    ("azure-native:recoveryservices:ProtectionPolicy", daily(180), daily(7), Harm.DATA, "older backups are deleted"),
    (
        "azure:backup/policyVM:PolicyVM",
        {"retentionDaily": {"count": 30}},
        {"retentionDaily": {"count": 7}},
        Harm.DATA,
        "older backups are deleted",
    ),
    (
        "aws:msk/topic:Topic",
        {"configs": json.dumps({"retention.ms": "604800000"})},
        {"configs": json.dumps({"retention.ms": "1000"})},
        Harm.DATA,
        OLDER,
    ),
    (
        "kubernetes:kafka.strimzi.io/v1beta2:KafkaTopic",
        spec(config={"retention.ms": -1}),
        spec(config={"retention.ms": 1000}),
        Harm.DATA,
        OLDER,
    ),
    (
        "kubernetes:kafka.strimzi.io/v1beta2:Kafka",
        spec(kafka={"config": {"log.retention.hours": 168}}),
        spec(kafka={"config": {"log.retention.hours": 1}}),
        Harm.DATA,
        OLDER,
    ),
    (
        "aws:msk/configuration:Configuration",
        {"serverProperties": "auto.create.topics.enable=true\nlog.retention.hours = 168\n"},
        {"serverProperties": "# short\nlog.retention.minutes=10\nlog.retention.hours=168\n"},
        Harm.DATA,
        OLDER,
    ),
]

DELETED = [
    ("gcp:orgpolicy/policy:Policy", {"name": "p", **spec(rules=[{"enforce": "TRUE"}])}, Harm.IDENTITY),
    ("gcp:projects/organizationPolicy:OrganizationPolicy", {"booleanPolicy": {"enforced": True}}, Harm.IDENTITY),
    ("gcp:resourcemanager/lien:Lien", {"parent": "projects/p"}, Harm.PROTECTION),
    ("gcp:compute/resourcePolicy:ResourcePolicy", {"snapshotSchedulePolicy": {"schedule": {}}}, Harm.PROTECTION),
    (
        "gcp:compute/diskResourcePolicyAttachment:DiskResourcePolicyAttachment",
        {"name": "r", "disk": "d"},
        Harm.PROTECTION,
    ),
    ("kubernetes:velero.io/v1:Schedule", spec(schedule="@daily"), Harm.PROTECTION),
    ("azure:backup/policyVM:PolicyVM", {"name": "p"}, Harm.PROTECTION),
    ("aws:ec2/flowLog:FlowLog", {"vpcId": "v"}, Harm.IDENTITY),
    ("aws:ebs/encryptionByDefault:EncryptionByDefault", {"enabled": True}, Harm.IDENTITY),
    ("gcp:logging/projectSink:ProjectSink", {"name": "s"}, Harm.IDENTITY),
]


def found(*changes: Any) -> dict[Harm, str]:
    return {each.harm: each.text for each in dangers(plan(*changes))}


def test_a_weaker_guard_is_reported_and_a_stronger_one_is_not() -> None:
    for type, old, new, harm, says in LOWERED:
        assert says in found(update(type, old, new)).get(harm, ""), (type, new)
        if not says.endswith("change"):
            assert says not in found(update(type, new, old)).get(harm, ""), (type, old)


def test_a_deleted_guard_is_reported() -> None:
    for type, inputs, harm in DELETED:
        assert list(found(change(type, Op.DELETE, inputs=inputs))) == [harm], type


def test_a_placement_policy_guards_no_disk() -> None:
    placement = {"groupPlacementPolicy": {"collocation": "COLLOCATED"}}
    assert found(change("gcp:compute/resourcePolicy:ResourcePolicy", Op.DELETE, inputs=placement)) == {}


@pytest.mark.parametrize(
    ("old", "new", "shorter"),
    [
        ("", "log.retention.hours=168", False),
        ("", "log.retention.hours=167", True),
        ("log.retention.ms=-1", "", True),
        ("log.retention.hours=1", "log.retention.ms=3600000", False),
        ("", "log.retention.bytes=1000", True),
        ("log.retention.bytes=1000", "log.retention.bytes=-1", False),
        ({"log.retention.hours": 2}, {"log.retention.hours": 1}, True),
        ({"log.retention.hours": -1}, {"log.retention.hours": 1}, True),
    ],
)
def test_the_retention_of_kafka_has_several_units(old: Any, new: Any, shorter: bool) -> None:
    assert kafka.retained_shorter(old, new, ()) is shorter


def test_durations_have_several_parts() -> None:
    assert quantities.number("720h0m0s") == 720 * 3600
    assert quantities.number("1h30m") == 5400
    assert quantities.number("10m30s") == 630
    assert quantities.number("500m") == 0.5
    assert quantities.days("2m") == 60
