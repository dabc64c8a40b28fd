"""Rules for file systems."""

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import independently, is_on, key_fault, parts, stated
from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, Field, Severity, rule
from mlpctl.review.values.plain import items

SCRATCH: Final = "SCRATCH_"
"""Beginning of deployment types that take no key and no backups:
https://docs.aws.amazon.com/fsx/latest/LustreGuide/encryption-at-rest.html"""

DEFAULT_DEPLOYMENT: Final = "SCRATCH_1"
"""https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystemLustreConfiguration.html"""


@rule(
    "ML-FS-01",
    aws.efs.FileSystem,
    aws.efs.AccessPoint,
    reason="Teams share a file system, so that one of them could read or delete what the others keep there.",
    remedy=(
        "Set encrypted and kmsKeyId, and rootDirectory and posixUser of each access point, or use SharedFilesystem."
    ),
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=[
        "fsbp:EFS.1",
        "fsbp:EFS.3",
        "fsbp:EFS.4",
        "fsbp:EFS.8",
        "checkov:CKV_AWS_42",
        "checkov:CKV_AWS_184",
        "checkov:CKV_AWS_329",
        "checkov:CKV_AWS_330",
        "cis-aws:2.4.1",
        "nist:SC-28(1)",
        "iso:A.8.24",
    ],
)
def shared_files_are_guarded(resource: Resource) -> Iterator[str]:
    """An EFS file system is encrypted, and an access point enforces a root directory and a user."""
    if resource.type == token(aws.efs.FileSystem):
        yield from _encrypted(resource)
    else:
        yield from independently([_root_directory(resource), _user(resource)])


@rule(
    "ML-FS-03",
    aws.efs.FileSystem,
    reason="Versions of files exist nowhere else, so that a deleted or overwritten file is lost.",
    remedy="Add a BackupPolicy with status ENABLED or a backup plan, or set backup of the SharedFilesystem to true.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=["fsbp:EFS.2", "nist:CP-9", "soc2:A1.1", "soc2:CC7.4"],
    fields=[Field("SharedFilesystem", "backup")],
)
def shared_files_are_backed_up(files: Resource) -> Iterator[str]:
    """An EFS file system is backed up."""
    policies = files.referring(aws.efs.BackupPolicy, "fileSystemId")
    off = [each for each in policies if each.get("backupPolicy.status") != "ENABLED"]
    if len(off) < len(policies) or _in_backup_plan(files):
        return
    if off:
        yield f"is not backed up: {stated(off[0], 'backupPolicy.status')} in {off[0].name}"
    # EFS backs up file systems in one zone by default: https://docs.aws.amazon.com/efs/latest/ug/awsbackup.html
    elif not files.has("availabilityZoneName"):
        yield "is not backed up: it has no backup policy"


def _encrypted(files: Resource) -> Iterator[str]:
    if not is_on(files.get("encrypted")):
        yield f"is not encrypted: {stated(files, 'encrypted')}"
    elif fault := key_fault(files, "kmsKeyId"):
        yield f"is not encrypted with a key of your own: {fault}"


def _in_backup_plan(files: Resource) -> bool:
    """Whether a plan of AWS Backup selects a file system, by its ARN or its tags."""
    selected = any(_selects(each, files) for each in files.estate.of(aws.backup.Selection))
    return selected or bool(files.referring(aws.backup.Selection, "resources"))


def _selects(selection: Resource, files: Resource) -> bool:
    """Whether a selection names a file system with a known ARN or a wildcard, or has one of its tags.

    Source: https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html
    """
    name = f"file-system/{files.id}"
    arns = [each for each in items(selection.inputs.get("resources")) if isinstance(each, str)]
    named = any(fnmatch.fnmatchcase(name, each.rpartition(":")[2]) for each in arns)
    if named and selection.has("conditions"):
        raise NotEvaluated(f"whether {selection.name} selects it depends on conditions")
    found = files.get("tags")
    tags = found if isinstance(found, Mapping) else {}
    return named or any(
        tags.get(str(each.get("key"))) == each.get("value", "") for each in parts(selection, "selectionTags")
    )


def _root_directory(point: Resource) -> Iterator[str]:
    if point.get("rootDirectory.path", "/") in ("/", ""):
        yield f"gives access to the whole file system: {stated(point, 'rootDirectory.path')}"


def _user(point: Resource) -> Iterator[str]:
    if not point.has("posixUser"):
        yield "lets clients choose their user: posixUser is not set"


@rule(
    "ML-FS-02",
    aws.fsx.LustreFileSystem,
    reason="Only a key of your own can be withdrawn, and backups without tags have no owner and no cost centre.",
    remedy="Set kmsKeyId to the stack's key for data, and copyTagsToBackups to true.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=["fsbp:FSx.2", "checkov:CKV_AWS_190", "iso:A.5.13"],
)
def lustre_has_a_key_and_tagged_backups(files: Resource) -> Iterator[str]:
    """A persistent file system for Lustre has a KMS key of the customer, and its backups have its tags."""
    yield from independently([_lustre_key(files), _tagged_backups(files)])


def _lustre_key(files: Resource) -> Iterator[str]:
    fault = key_fault(files, "kmsKeyId")
    if fault and not _is_scratch(files):
        yield f"is not encrypted with a key of your own: {fault}"


def _tagged_backups(files: Resource) -> Iterator[str]:
    # FSx cannot copy tags of a file system that is linked to a data repository:
    # https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystemLustreConfiguration.html
    linked = files.has("importPath") or files.referring(aws.fsx.DataRepositoryAssociation, "fileSystemId")
    if not is_on(files.get("copyTagsToBackups")) and not linked and not _is_scratch(files):
        yield f"does not copy its tags to backups: {stated(files, 'copyTagsToBackups')}"


def _is_scratch(files: Resource) -> bool:
    return str(files.get("deploymentType", DEFAULT_DEPLOYMENT)).startswith(SCRATCH)
