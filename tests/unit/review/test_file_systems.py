"""Reviews of shared file systems: lost data, and removed safeguards."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Danger, Harm
from mlpctl.review.types.kinds import kind

FILES, POLICY, BACKUPS = (
    "aws:efs/fileSystem:FileSystem",
    "aws:efs/fileSystemPolicy:FileSystemPolicy",
    "aws:efs/backupPolicy:BackupPolicy",
)
CLAIM, VOLUME = "kubernetes:core/v1:PersistentVolumeClaim", "kubernetes:core/v1:PersistentVolume"
SEALED = {"encrypted": True, "kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/a", "throughputMode": "elastic"}


def found(*changes: Change) -> list[Danger]:
    return list(dangers(plan(*changes)))


def policy(**condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["elasticfilesystem:ClientMount"]}
    made = {**statement, **({"Condition": {"Bool": condition}} if condition else {})}
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": [made]})}


@pytest.mark.parametrize(
    ("op", "new"), [(Op.DELETE, None), (Op.REPLACE, {**SEALED, "kmsKeyId": "b"}), (Op.REPLACE, {"encrypted": False})]
)
def test_a_deletion_or_a_changed_encryption_of_a_file_system_loses_every_file(op: Op, new: Any) -> None:
    sides = {"inputs": SEALED} if new is None else {"old": SEALED, "new": new}
    (danger,) = found(change(FILES, op, **sides))
    assert (danger.harm, "every file in it is lost" in danger.text) == (Harm.DATA, True)


def test_disabled_backups_are_reported() -> None:
    on, off = ({"backupPolicy": {"status": status}} for status in ("ENABLED", "DISABLED"))
    (danger,) = found(update(BACKUPS, on, off))
    assert (danger.harm, "no new backups are created" in danger.text) == (Harm.PROTECTION, True)
    assert found(update(BACKUPS, off, on)) == []


def test_a_deleted_policy_allows_all_clients_without_tls() -> None:
    through_targets = policy(**{"elasticfilesystem:AccessedViaMountTarget": "true"})
    (danger,) = found(change(POLICY, Op.DELETE, inputs=through_targets))
    assert (danger.harm, "as root and without TLS" in danger.text) == (Harm.IDENTITY, True)


def test_a_policy_that_allows_everyone_is_reported() -> None:
    through_targets = policy(**{"elasticfilesystem:AccessedViaMountTarget": "true"})
    (danger,) = found(update(POLICY, through_targets, policy()))
    assert "anyone can use it" in danger.text


def test_the_deletion_of_an_access_point_s_claim_loses_no_file() -> None:
    volume = {
        "metadata": {"name": "chat-weights-1"},
        "spec": {
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": "chat", "name": "weights-1"},
        },
    }
    claim = {"metadata": {"name": "weights-1", "namespace": "chat"}, "spec": {"volumeName": "chat-weights-1"}}
    gone = found(
        change(VOLUME, Op.DELETE, inputs=volume, name="volume"),
        change(CLAIM, Op.DELETE, inputs=claim, name="claim"),
    )
    assert [each for each in gone if each.harm is Harm.DATA] == []


def test_a_component_is_called_by_its_class() -> None:
    assert kind("mlplatform:index:SharedFilesystem").words == "shared filesystem"
    assert kind("mlplatform:index:GpuNodePool").words == "GPU node pool"
    assert kind("mlplatform:index:KeyRing").words == "encryption keys"
