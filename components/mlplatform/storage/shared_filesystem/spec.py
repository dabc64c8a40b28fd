"""The specs of shared file systems, and the policies and lifecycle settings that follow from them."""

from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from mlplatform import grammar, iam, names
from mlplatform.spec import Spec, check_entries, entries_up_to

MAX_ACCESS_POINTS: Final = 10_000
"""Maximum number of access points of a file system, including those of dynamic claims:
https://docs.aws.amazon.com/efs/latest/ug/create-access-point.html"""

DIRECTORY: Final = r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,4}$"
MAX_DIRECTORY: Final = 100
"""Root directory of an access point: letters, digits and `. _ -`.
https://docs.aws.amazon.com/efs/latest/ug/API_RootDirectory.html"""

MAX_ID: Final = 4_294_967_294
"""Highest valid POSIX ID. The next higher number means "no ID":
https://docs.aws.amazon.com/efs/latest/ug/API_PosixUser.html, https://man7.org/linux/man-pages/man2/chown.2.html"""

MAX_SECONDARY_GIDS: Final = 16
"""https://docs.aws.amazon.com/efs/latest/ug/API_PosixUser.html"""

PERMISSIONS: Final = r"^0?[0-7]{3}$"
"""Permissions of a directory in octal: https://docs.aws.amazon.com/efs/latest/ug/API_CreationInfo.html"""

MOVE_DAYS: Final = (1, 7, 14, 30, 60, 90, 180, 270, 365)
"""Days without access after which EFS can move a file: https://docs.aws.amazon.com/efs/latest/ug/API_LifecyclePolicy.html"""

DRIVER_TAG: Final = "efs.csi.aws.com/cluster"
"""Tag that the driver sets on the access points that it creates:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEFSCSIDriverPolicy.html"""


class AccessPointSpec(Spec):
    """A directory of a shared file system for one team. All pods that mount it access files as the same user."""

    path: str | None = Field(default=None, max_length=MAX_DIRECTORY, pattern=DIRECTORY, examples=["/teams/vision"])
    """Directory that pods mount as their root directory, e.g. `/teams/vision`, up to four levels deep. Default: `/` and
    the name of the access point. EFS creates the directory at the first mount. A change replaces the access point; the
    files stay in the previous directory."""

    uid: int = Field(default=1000, ge=1, le=MAX_ID)
    """POSIX user ID for all reads and writes, regardless of the user that the pod runs as; never root. A change
    replaces the access point."""

    gid: int = Field(default=1000, ge=1, le=MAX_ID)
    """POSIX group ID for all reads and writes. A change replaces the access point."""

    secondary_gids: list[int] = Field(
        default=[], max_length=MAX_SECONDARY_GIDS, json_schema_extra=entries_up_to(MAX_ID)
    )
    """Secondary POSIX group IDs, e.g. the group of another team's directory that its group may access."""

    owner_uid: int | None = Field(default=None, ge=0, le=MAX_ID)
    """User ID of the directory's owner when EFS creates it. Default: `uid`."""

    owner_gid: int | None = Field(default=None, ge=0, le=MAX_ID)
    """Group ID of the directory when EFS creates it. Default: `gid`."""

    permissions: str = Field(default="0750", pattern=PERMISSIONS, examples=["0750"])
    """Permissions of the directory when EFS creates it, as a quoted octal number. EFS does not apply later changes."""

    namespaces: list[str] = Field(default=[], max_length=100)
    """Kubernetes namespaces in which the platform creates the claim `FILESYSTEM-ACCESSPOINT`, e.g. `shared-vision`, for
    pods that mount the directory: those that exist, and those of `workloads` and `guardrails`. Models of `inference` do
    not need it: they use `volumes`."""

    @field_validator("secondary_gids")
    @classmethod
    def _groups_are_ids(cls, value: list[int]) -> list[int]:
        check_entries("secondaryGids", value, MAX_ID)
        return value

    @field_validator("namespaces")
    @classmethod
    def _namespaces_are_kubernetes_s(cls, value: list[str]) -> list[str]:
        grammar.namespaces(value, "namespaces")
        return value


class SharedFilesystemSpec(Spec):
    """An encrypted file system that pods in all zones share. It requires TLS and is billed by its size."""

    access_points: dict[str, AccessPointSpec] = Field(default={}, max_length=MAX_ACCESS_POINTS)
    """The teams' directories, by access point name."""

    own_key: bool = False
    """Encrypt the file system with a separate key, which can be disabled separately, instead of the stack's key for
    data. Cannot change after the first deployment."""

    backup: bool = True
    """Back up the file system daily with AWS Backup and keep backups for 35 days. Backups are billed by their size."""

    infrequent_access_days: int | None = None
    """Days without access after which a file moves to the cheaper Infrequent Access class: 1, 7, 14, 30, 60, 90, 180,
    270 or 365. Default: never."""

    archive_days: int | None = None
    """Days without access after which a file moves to the Archive class: one of the values of `infrequentAccessDays`,
    and more than it. Default: never."""

    return_on_access: bool = False
    """Move a file back to the Standard class when it is accessed."""

    retain: bool = True
    """Retain the file system, its policy and its backups when the stack is destroyed. False: it is deleted with all
    files."""

    @field_validator("access_points")
    @classmethod
    def _access_points_have_names(cls, value: dict[str, AccessPointSpec]) -> dict[str, AccessPointSpec]:
        names.named(value, "accessPoints")
        return value

    @field_validator("infrequent_access_days", "archive_days")
    @classmethod
    def _days_are_efs_s(cls, value: int | None) -> int | None:
        if value is not None and value not in MOVE_DAYS:
            raise ValueError(f"allowed: {', '.join(map(str, MOVE_DAYS))}")
        return value

    @model_validator(mode="after")
    def _files_move_in_order(self) -> Self:
        # https://docs.aws.amazon.com/efs/latest/ug/API_PutLifecycleConfiguration.html
        first, then = self.infrequent_access_days, self.archive_days
        if then is not None and (first is None or then <= first):
            current = "missing" if first is None else first
            raise ValueError(f"archiveDays is {then}; allowed: more than infrequentAccessDays ({current})")
        if self.return_on_access and first is None:
            raise ValueError(
                "returnOnAccess is true; allowed: true only with infrequentAccessDays, without which no file moves"
            )
        return self


def lifecycle_policies(filesystem: SharedFilesystemSpec) -> list[dict[str, str]]:
    """The lifecycle policies of the file system. EFS accepts one transition per entry."""
    days = {
        "transition_to_ia": filesystem.infrequent_access_days,
        "transition_to_archive": filesystem.archive_days,
    }
    policies = [
        {transition: f"AFTER_{after}_DAY{'' if after == 1 else 'S'}"} for transition, after in days.items() if after
    ]
    if filesystem.return_on_access:
        policies.append({"transition_to_primary_storage_class": "AFTER_1_ACCESS"})
    return policies


def posix_user(point: AccessPointSpec) -> dict[str, Any]:
    """The POSIX user of all clients that mount an access point."""
    return {"uid": point.uid, "gid": point.gid, "secondary_gids": point.secondary_gids or None}


def root_directory(name: str, point: AccessPointSpec) -> dict[str, Any]:
    """The root directory of the access point `name`, with the owner and permissions that EFS creates it with."""
    return {
        "path": point.path or f"/{name}",
        "creation_info": {
            "owner_uid": point.uid if point.owner_uid is None else point.owner_uid,
            "owner_gid": point.gid if point.owner_gid is None else point.owner_gid,
            "permissions": point.permissions,
        },
    }


def filesystem_policy(arn: str) -> str:
    """The file system policy: clients need TLS, a mount target and an access point, and get no root access.

    Only the sources in its security group can reach a mount target. NFS clients without IAM authorization are
    anonymous: https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
    """
    return iam.document(
        iam.allow(
            ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            on=[arn],
            to={"AWS": "*"},
            when={
                "Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"},
                "StringLike": {"elasticfilesystem:AccessPointArn": access_points_of(arn)},
            },
            sid="ThroughAccessPoints",
        ),
        iam.deny(["*"], on=[arn], to={"AWS": "*"}, when={"Bool": {"aws:SecureTransport": "false"}}, sid="OnlyTls"),
    )


def driver_policy(arn: str) -> str:
    """Permissions of the EFS CSI driver: create access points of this file system, and delete those it created.

    AWS's managed policy, limited to this file system:
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEFSCSIDriverPolicy.html
    """
    points = access_points_of(arn)
    its_own: dict[str, dict[str, Any]] = {
        "Null": {f"aws:RequestTag/{DRIVER_TAG}": "false"},
        "ForAllValues:StringEquals": {"aws:TagKeys": [DRIVER_TAG]},
    }
    return iam.document(
        iam.allow(
            [
                "elasticfilesystem:DescribeAccessPoints",
                "elasticfilesystem:DescribeFileSystems",
                "elasticfilesystem:DescribeMountTargets",
            ],
            on=[arn, points],
            sid="Find",
        ),
        iam.allow(["elasticfilesystem:CreateAccessPoint"], on=[arn], when=its_own, sid="Create"),
        iam.allow(
            ["elasticfilesystem:TagResource"],
            on=[arn, points],
            when={**its_own, "StringEquals": {"elasticfilesystem:CreateAction": "CreateAccessPoint"}},
            sid="TagWhatItCreates",
        ),
        iam.allow(
            ["elasticfilesystem:DeleteAccessPoint"],
            on=[points],
            when={"Null": {f"aws:ResourceTag/{DRIVER_TAG}": "false"}},
            sid="DeleteWhatItCreated",
        ),
    )


def access_points_of(arn: str) -> str:
    """A pattern for the ARNs of all access points in a file system's account and region, also of other file systems.

    >>> access_points_of("arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-1")
    'arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/*'
    """
    return f"{':'.join(arn.split(':')[:5])}:access-point/*"
