"""Shared file systems, as specs, and the policies and life cycles that they become."""

from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from mlplatform import grammar, iam, names
from mlplatform.spec import Spec, check_entries, entries_up_to

MAX_ACCESS_POINTS: Final = 10_000
"""Access points of a file system at most, those of dynamic claims among them:
https://docs.aws.amazon.com/efs/latest/ug/create-access-point.html"""

DIRECTORY: Final = r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,4}$"
MAX_DIRECTORY: Final = 100
"""Root directory of an access point, of plain characters: https://docs.aws.amazon.com/efs/latest/ug/API_RootDirectory.html"""

MAX_ID: Final = 4_294_967_294
"""Highest POSIX id that stands for someone; the one above it stands for nobody:
https://docs.aws.amazon.com/efs/latest/ug/API_PosixUser.html, https://man7.org/linux/man-pages/man2/chown.2.html"""

MAX_SECONDARY_GIDS: Final = 16
"""https://docs.aws.amazon.com/efs/latest/ug/API_PosixUser.html"""

PERMISSIONS: Final = r"^0?[0-7]{3}$"
"""Permissions of a directory in octal: https://docs.aws.amazon.com/efs/latest/ug/API_CreationInfo.html"""

MOVE_DAYS: Final = (1, 7, 14, 30, 60, 90, 180, 270, 365)
"""Days without access after which EFS can move a file: https://docs.aws.amazon.com/efs/latest/ug/API_LifecyclePolicy.html"""

DRIVER_TAG: Final = "efs.csi.aws.com/cluster"
"""Tag by which the driver knows the access points that it created:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEFSCSIDriverPolicy.html"""


ALLOWED_NAMES: Final = "allowed: names that do not begin with sg-, which EC2 reserves for IDs of security groups"


class AccessPointSpec(Spec):
    """A directory of a shared file system for one team. Whoever mounts it is the same user to the file system."""

    path: str | None = Field(default=None, max_length=MAX_DIRECTORY, pattern=DIRECTORY, examples=["/teams/vision"])
    """Directory that is the root of what is mounted, e.g. `/teams/vision`, up to four deep. Default: `/` and the name
    of the access point. EFS creates it when it is mounted first. Another one replaces the access point, and the files
    stay where they are."""

    uid: int = Field(default=1000, ge=1, le=MAX_ID)
    """User id with which all files are read and written, whatever the pod runs as; never root. Another one replaces the
    access point."""

    gid: int = Field(default=1000, ge=1, le=MAX_ID)
    """Group id, likewise."""

    secondary_gids: list[int] = Field(
        default=[], max_length=MAX_SECONDARY_GIDS, json_schema_extra=entries_up_to(MAX_ID)
    )
    """More groups, e.g. that of another team whose directory lets its group in."""

    owner_uid: int | None = Field(default=None, ge=0, le=MAX_ID)
    """Owner of the directory when EFS creates it. Default: `uid`."""

    owner_gid: int | None = Field(default=None, ge=0, le=MAX_ID)
    """Group of the directory when EFS creates it. Default: `gid`."""

    permissions: str = Field(default="0750", pattern=PERMISSIONS, examples=["0750"])
    """Permissions of the directory when EFS creates it, in octal and in quotes. They never change afterwards."""

    namespaces: list[str] = Field(default=[], max_length=100)
    """Kubernetes namespaces that exist already, whose pods mount it by the claim `FILESYSTEM-ACCESSPOINT`, e.g.
    `shared-vision`. Models of `inference` need none: they have `volumes`."""

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
    """A file system that pods in all zones read and write at once. Encrypted, by TLS only, paid by what is in it."""

    access_points: dict[str, AccessPointSpec] = Field(default={}, max_length=MAX_ACCESS_POINTS)
    """The teams' directories, by name."""

    own_key: bool = False
    """Encrypt it with a key of its own, which can be withdrawn alone, instead of the stack's key for data. Cannot
    change after the first deployment."""

    backup: bool = True
    """Back it up every day with AWS Backup, for 35 days. Backups are paid by their size."""

    infrequent_access_days: int | None = None
    """Days without access after which a file moves to the cheaper Infrequent Access class: 1, 7, 14, 30, 60, 90, 180,
    270 or 365. Default: never."""

    archive_days: int | None = None
    """Days without access after which a file moves on to the Archive class, of the same numbers; more than
    `infrequentAccessDays`. Default: never."""

    return_on_access: bool = False
    """Move a file back to the Standard class when it is accessed."""

    retain: bool = True
    """Keep the file system, with its policy and backups, when the stack is destroyed. False: it is deleted with all
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
            told = "missing" if first is None else first
            raise ValueError(f"archiveDays is {then}; allowed: more than infrequentAccessDays ({told})")
        if self.return_on_access and first is None:
            raise ValueError("returnOnAccess is true; allowed: with infrequentAccessDays, since no file moves")
        return self


def lifecycle_policies(filesystem: SharedFilesystemSpec) -> list[dict[str, str]]:
    """When files move between the storage classes; EFS takes one transition in each entry."""
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
    """Whom everyone who mounts an access point is to the file system."""
    return {"uid": point.uid, "gid": point.gid, "secondary_gids": point.secondary_gids or None}


def root_directory(name: str, point: AccessPointSpec) -> dict[str, Any]:
    """The directory of the access point `name`, and what it is created with."""
    return {
        "path": point.path or f"/{name}",
        "creation_info": {
            "owner_uid": point.uid if point.owner_uid is None else point.owner_uid,
            "owner_gid": point.gid if point.owner_gid is None else point.owner_gid,
            "permissions": point.permissions,
        },
    }


def filesystem_policy(arn: str) -> str:
    """Let clients in by TLS, through a mount target and an access point; nobody is root.

    A mount target is reached by its security group's sources alone. Who mounts names no principal:
    https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
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
    """Let the cluster's driver create access points for dynamic claims, of this file system alone, and delete its own.

    AWS's managed policy, narrowed:
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
    """The ARNs of all access points in the account and region of a file system; they do not tell whose they are.

    >>> access_points_of("arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-1")
    'arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/*'
    """
    return f"{':'.join(arn.split(':')[:5])}:access-point/*"
