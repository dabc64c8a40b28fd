"""Elastic File System: file systems, mount targets, access points and policies."""

from collections.abc import Sequence
from typing import Any, Final

from pulumi_aws import efs

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.aws.conventions import setting
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import Create, Delete, Describe, State, Tags, Update, uses
from mlsandbox.providers.protocol import UNKNOWN, Failure, Properties

_TAGS: Final = Tags("tag_resource", "untag_resource", key="ResourceId")
_STATE: Final = State("LifeCycleState", ready=("available",), failed=("error",), gone=("deleted",))
_OF_FILE_SYSTEM: Final = {"fileSystemId": "FileSystemId"}


def _file_system_arn(api: Api, id: str) -> str:
    return api.arn(f"file-system/{id}", service="elasticfilesystem")


def _dns_name(api: Api, file_system: str) -> str:
    """The DNS name for mounting a file system.

    https://docs.aws.amazon.com/efs/latest/ug/mounting-fs-mount-cmd-dns-name.html
    """
    suffix = "amazonaws.com.cn" if api.partition == "aws-cn" else "amazonaws.com"
    return f"{file_system}.efs.{api.region}.{suffix}"


@uses("describe_lifecycle_configuration")
def _file_system(api: Api, id: str, described: dict[str, Any]) -> Properties:
    policies = api.call("describe_lifecycle_configuration", FileSystemId=id)
    return {**FILE_SYSTEM.found(policies), "arn": described["FileSystemArn"], "dnsName": _dns_name(api, id)}


@uses("update_file_system_protection")
def _protect(api: Api, id: str, olds: Properties, news: Properties) -> None:
    wanted = (news.get("protection") or {}).get("replicationOverwrite")
    if wanted:
        api.call("update_file_system_protection", FileSystemId=id, ReplicationOverwriteProtection=wanted)


def _throughput(inputs: Properties) -> Sequence[Failure]:
    mode, provisioned = inputs.get("throughputMode"), inputs.get("provisionedThroughputInMibps")
    if mode is UNKNOWN or (mode == "provisioned") == (provisioned is not None):
        return []
    return [
        Failure("provisionedThroughputInMibps", "is required with throughputMode provisioned, and allowed only with it")
    ]


FILE_SYSTEM: Final = Declaration(
    resource=efs.FileSystem,
    cloudformation="AWS::EFS::FileSystem",
    service="efs",
    key="FileSystemId",
    names={
        "lifecyclePolicies.transitionToIa": "TransitionToIA",
        "protection": "FileSystemProtection",
        "protection.replicationOverwrite": "ReplicationOverwriteProtection",
    },
    defaults={"throughputMode": "bursting"},
    # AWS's SDK generates a creation token by default.
    create=Create("create_file_system", id="FileSystemId"),
    read=Describe("describe_file_systems", "FileSystems[0]", more=_file_system),
    updates=(
        Update("throughputMode", "provisionedThroughputInMibps", by="update_file_system"),
        Update("lifecyclePolicies", by="put_lifecycle_configuration", empty={"lifecyclePolicies": []}),
        Update("protection", by=_protect),
    ),
    delete=Delete("delete_file_system"),
    check=_throughput,
    tags=_TAGS,
    state=_STATE,
    waits_until_gone=True,
    replaces=frozenset({"availabilityZoneName", "creationToken", "encrypted", "kmsKeyId", "performanceMode"}),
    absent={
        "availabilityZoneId": "only a One Zone file system has one",
        "name": "a file system without the tag Name has none",
    },
    unlike_cloudformation={"creationToken": "CloudFormation does not have it; no operation changes it"},
)


@uses("describe_mount_target_security_groups")
def _mount_target(api: Api, id: str, described: dict[str, Any]) -> Properties:
    file_system = described["FileSystemId"]
    groups = api.call("describe_mount_target_security_groups", MountTargetId=id)
    return {
        "securityGroups": groups["SecurityGroups"],
        "fileSystemArn": _file_system_arn(api, file_system),
        "ipAddressType": "IPV4_ONLY",
        "dnsName": _dns_name(api, file_system),
        "mountTargetDnsName": f"{described['AvailabilityZoneName']}.{_dns_name(api, file_system)}",
    }


def _ipv4(inputs: Properties) -> Sequence[Failure]:
    kind = inputs.get("ipAddressType")
    if kind in (None, UNKNOWN, "IPV4_ONLY"):
        return []
    return [Failure("ipAddressType", f"must be IPV4_ONLY, because the sandbox supports only IPv4; it is {kind!r}")]


MOUNT_TARGET: Final = Declaration(
    resource=efs.MountTarget,
    cloudformation="AWS::EFS::MountTarget",
    service="efs",
    key="MountTargetId",
    create=Create("create_mount_target", id="MountTargetId"),
    read=Describe("describe_mount_targets", "MountTargets[0]", more=_mount_target),
    updates=(Update("securityGroups", by="modify_mount_target_security_groups"),),
    delete=Delete("delete_mount_target"),
    check=_ipv4,
    state=_STATE,
    waits_until_gone=True,
    # As in Terraform's provider: aws_efs_mount_target, Timeouts.
    timeout_s=1800,
    replaces=frozenset({"fileSystemId", "ipAddress", "ipAddressType", "subnetId"}),
    delete_first=True,
    refused={"ipv6Address": "the local AWS API supports only IPv4 mount targets"},
)

ACCESS_POINT: Final = Declaration(
    resource=efs.AccessPoint,
    cloudformation="AWS::EFS::AccessPoint",
    service="efs",
    key="AccessPointId",
    create=Create("create_access_point", id="AccessPointId"),
    read=Describe(
        "describe_access_points",
        "AccessPoints[0]",
        more=lambda api, id, found: {
            "arn": found["AccessPointArn"],
            "fileSystemArn": _file_system_arn(api, found["FileSystemId"]),
        },
    ),
    delete=Delete("delete_access_point"),
    tags=_TAGS,
    state=_STATE,
    waits_until_gone=True,
    replaces=frozenset({"fileSystemId", "posixUser", "rootDirectory"}),
)

BACKUP_POLICY: Final = setting(
    efs.BackupPolicy,
    "efs",
    "backupPolicy",
    put="put_backup_policy",
    get="describe_backup_policy",
    back=Delete("put_backup_policy", fixed={"BackupPolicy": {"Status": "DISABLED"}}),
    of=_OF_FILE_SYSTEM,
)

FILE_SYSTEM_POLICY: Final = setting(
    efs.FileSystemPolicy,
    "efs",
    "policy",
    "bypassPolicyLockoutSafetyCheck",
    put="put_file_system_policy",
    get="describe_file_system_policy",
    back=Delete("delete_file_system_policy"),
    of=_OF_FILE_SYSTEM,
    local=frozenset({"bypassPolicyLockoutSafetyCheck"}),
)

DECLARATIONS: Final = (FILE_SYSTEM, MOUNT_TARGET, ACCESS_POINT, BACKUP_POLICY, FILE_SYSTEM_POLICY)
