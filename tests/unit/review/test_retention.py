"""Resources that providers retain although the engine deletes them, and changes that only lower protection."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.reading.reader import read
from mlpctl.review.report import wording
from mlpctl.review.report.model import Danger, Harm
from unit.review.engine import ROOT, Step, digest, state

BUCKET, DATABASE = "aws:s3/bucket:Bucket", "aws:rds/instance:Instance"
LOGS, DOMAIN = "aws:cloudwatch/logGroup:LogGroup", "aws:sagemaker/domain:Domain"
ABANDON, KEEP_SNAPSHOT = {"deletionPolicy": "ABANDON"}, {"skipFinalSnapshot": False, "finalSnapshotIdentifier": "last"}


def annotated(key: str, value: str) -> dict[str, Any]:
    return {"metadata": {"name": "it", "annotations": {key: value}}}


LEFT: dict[str, tuple[str, Any]] = {
    "a log group": (LOGS, {"skipDestroy": True}),
    "a function": ("aws:lambda/function:Function", {"skipDestroy": True}),
    "an add-on": ("aws:eks/addon:Addon", {"preserve": True}),
    "a database of Cloud SQL": ("gcp:sql/database:Database", ABANDON),
    "a user of Cloud SQL": ("gcp:sql/user:User", ABANDON),
    "a database of Firestore": ("gcp:firestore/database:Database", ABANDON),
    "a project": ("gcp:organizations/project:Project", ABANDON),
    "a key ring": ("gcp:kms/keyRing:KeyRing", {}),
    "a bucket of a controller of AWS": (
        "kubernetes:s3.services.k8s.aws/v1alpha1:Bucket",
        annotated("services.k8s.aws/deletion-policy", "retain"),
    ),
    "a bucket of a controller of Google": (
        "kubernetes:storage.cnrm.cloud.google.com/v1beta1:StorageBucket",
        annotated("cnrm.cloud.google.com/deletion-policy", "abandon"),
    ),
    "a database of a controller of Azure": (
        "kubernetes:dbforpostgresql.azure.com/v1api20221201:FlexibleServersDatabase",
        annotated("serviceoperator.azure.com/reconcile-policy", "detach-on-delete"),
    ),
    "a bucket of Crossplane": ("kubernetes:s3.aws.upbound.io/v1beta1:Bucket", {"spec": {"deletionPolicy": "Orphan"}}),
    "a snapshot": (
        "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotContent",
        {"spec": {"deletionPolicy": "Retain"}},
    ),
}


def engines(op: str, type: str, old: Any, new: Any) -> Any:
    before, after = state(type, "it", old), state(type, "it", new)
    return read(digest(ROOT, Step(op, before, None if op == "delete" else after)))


@pytest.mark.parametrize("name", LEFT)
def test_a_resource_that_its_provider_retains_is_no_longer_managed_and_not_destroyed(name: str) -> None:
    type, inputs = LEFT[name]
    _, left = engines("delete", type, inputs, {})
    assert (left.op, left.retained) == (Op.FORGET, True)
    assert dangers(plan(left)) == ()


@pytest.mark.parametrize("name", LEFT)
def test_the_old_resource_of_a_replacement_is_retained_too(name: str) -> None:
    type, inputs = LEFT[name]
    _, replaced = engines("replace", type, inputs, {})
    assert (replaced.op, replaced.retained) == (Op.REPLACE, True)
    assert [each for each in dangers(plan(replaced)) if each.harm is Harm.DATA] == []


@pytest.mark.parametrize("name", [each for each, (_, inputs) in LEFT.items() if inputs])
def test_the_inputs_in_the_state_count_and_not_those_of_the_program(name: str) -> None:
    type, inputs = LEFT[name]
    _, replaced = engines("replace", type, {}, inputs)
    assert not replaced.retained
    _, deleted = engines("delete", type, {}, {})
    assert deleted.op is Op.DELETE


SNAPSHOT = "a final snapshot is created"
KEPT: dict[str, tuple[str, Any, str, Harm]] = {
    "a domain by its policy": (
        DOMAIN,
        {"retentionPolicy": {"homeEfsFileSystem": "Retain"}},
        "home directories of its users are retained",
        Harm.SERVING,
    ),
    "a domain by default": (DOMAIN, {}, "home directories of its users are retained", Harm.SERVING),
    "a database": (DATABASE, KEEP_SNAPSHOT, SNAPSHOT, Harm.SERVING),
    "a database by default": (DATABASE, {"finalSnapshotIdentifier": "last"}, SNAPSHOT, Harm.SERVING),
    "a cluster": ("aws:rds/cluster:Cluster", KEEP_SNAPSHOT, SNAPSHOT, Harm.SERVING),
    "a cluster of DocumentDB": ("aws:docdb/cluster:Cluster", KEEP_SNAPSHOT, SNAPSHOT, Harm.SERVING),
    "a warehouse": ("aws:redshift/cluster:Cluster", KEEP_SNAPSHOT, SNAPSHOT, Harm.SERVING),
    "a cache": (
        "aws:elasticache/replicationGroup:ReplicationGroup",
        {"finalSnapshotIdentifier": "last"},
        SNAPSHOT,
        Harm.SERVING,
    ),
    "an instance of Cloud SQL": (
        "gcp:sql/databaseInstance:DatabaseInstance",
        {"settings": {"finalBackupConfig": {"enabled": True}}},
        "a final backup is created",
        Harm.SERVING,
    ),
    "a disk": ("aws:ebs/volume:Volume", {"finalSnapshot": True}, SNAPSHOT, Harm.PROTECTION),
    "a file system": (
        "aws:fsx/windowsFileSystem:WindowsFileSystem",
        {"skipFinalBackup": False},
        "a final backup is created",
        Harm.PROTECTION,
    ),
}


@pytest.mark.parametrize("op", [Op.DELETE, Op.REPLACE])
@pytest.mark.parametrize("name", KEPT)
def test_data_that_is_retained_elsewhere_is_not_destroyed(name: str, op: Op) -> None:
    type, inputs, says, harm = KEPT[name]
    reported = dangers(plan(change(type, op, old=inputs, new=None if op is Op.DELETE else inputs, deletes_first=True)))
    assert [each.harm for each in reported] == [harm]
    assert reported[0].text.count(says) == 1
    assert ("the new one starts without" in reported[0].text) is (op is Op.REPLACE)


LOST: dict[str, tuple[str, Any]] = {
    "a domain": (DOMAIN, {"retentionPolicy": {"homeEfsFileSystem": "Delete"}}),
    "a database": (DATABASE, {"skipFinalSnapshot": True, "finalSnapshotIdentifier": "last"}),
    "a database that says nothing": (DATABASE, {}),
    "a disk": ("aws:ebs/volume:Volume", {"finalSnapshot": False}),
    "a database of Cloud SQL": ("gcp:sql/database:Database", {"deletionPolicy": "DELETE"}),
    "a log group": (LOGS, {"skipDestroy": False}),
    "a bucket of a controller of AWS": (
        "kubernetes:s3.services.k8s.aws/v1alpha1:Bucket",
        annotated("services.k8s.aws/deletion-policy", "delete"),
    ),
}


@pytest.mark.parametrize("name", LOST)
def test_data_that_is_not_retained_is_destroyed(name: str) -> None:
    type, inputs = LOST[name]
    _, deleted = engines("delete", type, inputs, {})
    assert dangers(plan(deleted))[0].harm is Harm.DATA


def only(*changes: Change) -> Danger:
    (danger,) = dangers(plan(*changes))
    return danger


LOWERED: dict[str, Change] = {
    "deletion protection": update(DATABASE, {"deletionProtection": True}, {"deletionProtection": False}),
    "a bucket that may be deleted whole": update(BUCKET, {}, {"forceDestroy": True}),
    "no last snapshot": update(DATABASE, {"skipFinalSnapshot": False}, {"skipFinalSnapshot": True}),
    "the option protect": change(BUCKET, Op.SAME, unprotected=True),
    "the option retainOnDelete": change(BUCKET, Op.SAME, unretained=True),
    "the option protect of nodes": change("aws:eks/nodeGroup:NodeGroup", Op.SAME, unprotected=True),
    "versioning": change("aws:s3/bucketVersioning:BucketVersioning", Op.DELETE),
    "backups": change("aws:backup/plan:Plan", Op.DELETE),
    "a log group that is no longer retained": update(LOGS, {"skipDestroy": True}, {"skipDestroy": False}),
    "protection of Cloud SQL": update(
        "gcp:sql/databaseInstance:DatabaseInstance", {"deletionProtection": True}, {"deletionProtection": False}
    ),
    "protection of a table": update(
        "aws:dynamodb/table:Table", {"deletionProtectionEnabled": True}, {"deletionProtectionEnabled": False}
    ),
}


@pytest.mark.parametrize("name", LOWERED)
def test_removed_protection_destroys_nothing_yet(name: str) -> None:
    danger = only(LOWERED[name])
    assert wording.harm(danger) == "will lower protection"


def test_protection_removed_with_its_resource_is_part_of_the_loss() -> None:
    old, new = {"skipFinalSnapshot": True, "deletionProtection": True}, {"skipFinalSnapshot": True}
    reported = dangers(plan(update(DATABASE, old, new, op=Op.REPLACE, forced_by=("engine",))))
    assert [each.harm for each in reported] == [Harm.DATA] and "a later change may delete it" in reported[0].text
