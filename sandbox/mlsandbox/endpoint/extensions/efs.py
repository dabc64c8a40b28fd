"""Extensions of moto's Elastic File System: missing operations, and checks that file systems exist."""

import json
from typing import Any, Final

from moto.efs import urls
from moto.efs.exceptions import AccessPointNotFound
from moto.efs.models import AccessPoint, EFSBackend, FileSystem, MountTarget
from moto.efs.responses import EFSResponse
from moto.kms.models import kms_backends

from mlsandbox.endpoint.extensions.extension import Extension, Kind

_Answer = tuple[str, dict[str, Any]]
_JSON: Final = {"Content-Type": "application/json"}
_MANAGED_KEY: Final = "alias/aws/elasticfilesystem"
"""The default key of a file system: https://docs.aws.amazon.com/efs/latest/ug/encryption-at-rest.html"""

_describe = FileSystem.info_json
_create = EFSBackend.create_file_system
_create_access_point = EFSBackend.create_access_point
_delete_access_point = EFSBackend.delete_access_point
_describe_backup_policy = EFSBackend.describe_backup_policy
_describe_policy = EFSBackend.describe_file_system_policy
_put_policy = EFSBackend.put_file_system_policy
_security_groups = EFSBackend.describe_mount_target_security_groups


def _file_system(backend: EFSBackend, id: str) -> FileSystem:
    """The file system with an ID. Raises EFS's `FileSystemNotFound`, where moto raises an internal error."""
    _, (found,) = backend.describe_file_systems(file_system_id=id)
    return found


def _asked(response: EFSResponse) -> FileSystem:
    return _file_system(response.efs_backend, response._get_param("FileSystemId"))


def _update_file_system(self: EFSResponse) -> _Answer:
    found = _asked(self)
    found.throughput_mode = self._get_param("ThroughputMode") or found.throughput_mode
    provisioned = self._get_param("ProvisionedThroughputInMibps") or found.provisioned_throughput_in_mibps
    # Only this mode has a provisioned throughput.
    found.provisioned_throughput_in_mibps = provisioned if found.throughput_mode == "provisioned" else None  # type: ignore[assignment]  # as in moto's file systems with another mode
    return json.dumps(found.info_json()), {**_JSON, "status": 202}


def _update_file_system_protection(self: EFSResponse) -> _Answer:
    found = _asked(self)
    vars(found)["_protection"] = self._get_param("ReplicationOverwriteProtection")
    return json.dumps(found.info_json()["FileSystemProtection"]), _JSON


def _describe_with_protection(self: FileSystem) -> dict[str, Any]:
    protection = vars(self).get("_protection", "ENABLED")
    return {**_describe(self), "FileSystemProtection": {"ReplicationOverwriteProtection": protection}}


def _put_backup_policy(self: EFSResponse) -> _Answer:
    found, policy = _asked(self), self._get_param("BackupPolicy")
    vars(found)["_backup_policy"] = policy
    return json.dumps({"BackupPolicy": policy}), _JSON


def _describe_changed_backup_policy(self: EFSBackend, file_system_id: str) -> dict[str, str]:
    changed: dict[str, str] | None = vars(_file_system(self, file_system_id)).get("_backup_policy")
    return changed or _describe_backup_policy(self, file_system_id)


def _delete_file_system_policy(self: EFSResponse) -> _Answer:
    _asked(self).file_system_policy = None
    return "{}", _JSON


def _describe_policy_of_one_that_is_there(self: EFSBackend, file_system_id: str) -> str:
    _file_system(self, file_system_id)
    return _describe_policy(self, file_system_id)


def _put_policy_of_one_that_is_there(
    self: EFSBackend, file_system_id: str, policy: str, *given: Any, **named: Any
) -> None:
    _file_system(self, file_system_id)
    _put_policy(self, file_system_id, policy, *given, **named)


def _create_with_its_key(self: EFSBackend, *given: Any, **named: Any) -> FileSystem:
    """AWS returns the key of an encrypted file system as an ARN. The default is the AWS managed key."""
    made = _create(self, *given, **named)
    if made.encrypted:
        backend = kms_backends[self.account_id][self.region_name]
        id = backend.get_key_id_from_alias(_MANAGED_KEY) if not made.kms_key_id else backend.get_key_id(made.kms_key_id)
        made.kms_key_id = backend.keys[id].arn if id in backend.keys else made.kms_key_id
    return made


def _create_access_point_of_one_that_is_there(
    self: EFSBackend, client_token: str, tags: list[dict[str, str]], file_system_id: str, *given: Any, **named: Any
) -> AccessPoint:
    _file_system(self, file_system_id)
    return _create_access_point(self, client_token, tags, file_system_id, *given, **named)


def _delete_access_point_that_is_there(self: EFSBackend, access_point_id: str) -> None:
    if access_point_id not in self.access_points:
        raise AccessPointNotFound(access_point_id)
    _delete_access_point(self, access_point_id)


def _security_groups_or_the_default_one(self: EFSBackend, mount_target_id: str) -> list[str]:
    """On AWS, a mount target's default security group is the default one of its VPC."""
    if groups := _security_groups(self, mount_target_id):
        return groups
    target: MountTarget = self.mount_targets_by_id[mount_target_id]
    default = self.ec2_backend.get_security_group_from_name("default", target.vpc_id)
    return [default.id]


def _apply() -> None:
    urls.url_paths["/2015-02-01/file-systems/<file_system_id>/protection"] = urls.response.dispatch
    for name, answer in (
        ("update_file_system", _update_file_system),
        ("update_file_system_protection", _update_file_system_protection),
        ("put_backup_policy", _put_backup_policy),
        ("delete_file_system_policy", _delete_file_system_policy),
    ):
        setattr(EFSResponse, name, answer)
    FileSystem.info_json = _describe_with_protection  # type: ignore[method-assign]  # intended
    EFSBackend.create_file_system = _create_with_its_key  # type: ignore[method-assign]  # intended
    EFSBackend.describe_backup_policy = _describe_changed_backup_policy  # type: ignore[method-assign]  # intended
    EFSBackend.describe_file_system_policy = _describe_policy_of_one_that_is_there  # type: ignore[method-assign]  # intended
    EFSBackend.put_file_system_policy = _put_policy_of_one_that_is_there  # type: ignore[method-assign]  # intended
    EFSBackend.create_access_point = _create_access_point_of_one_that_is_there  # type: ignore[method-assign]  # intended
    EFSBackend.delete_access_point = _delete_access_point_that_is_there  # type: ignore[method-assign]  # intended
    EFSBackend.describe_mount_target_security_groups = _security_groups_or_the_default_one  # type: ignore[method-assign]  # intended


EXTENSION: Final = Extension(
    "efs",
    (
        "CreateAccessPoint",
        "CreateFileSystem",
        "DeleteAccessPoint",
        "DeleteFileSystemPolicy",
        "DescribeBackupPolicy",
        "DescribeFileSystemPolicy",
        "DescribeFileSystems",
        "DescribeMountTargetSecurityGroups",
        "PutBackupPolicy",
        "PutFileSystemPolicy",
        "UpdateFileSystem",
        "UpdateFileSystemProtection",
    ),
    Kind.CORRECTED,
    _apply,
)
