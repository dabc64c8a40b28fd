import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
from pydantic import ValidationError

from mlplatform import SharedFilesystem, SharedFilesystemSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.storage.shared_filesystem.claims import suffix
from mlplatform.storage.shared_filesystem.spec import (
    MOVE_DAYS,
    access_points_of,
    driver_policy,
    filesystem_policy,
    lifecycle_policies,
)
from mlplatform.testing import Plan, declare

KEY = "arn:aws:kms:us-east-1:123456789012:key/data"
ARN = "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-1"
POINTS = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/*"


def args(**wanted: Any) -> dict[str, Any]:
    return {
        "filesystem": wanted,
        "vpc_id": "vpc-1",
        "subnet_ids": {"us-east-1a": "subnet-aaaaaaaa", "use1-az2": "subnet-bbbbbbbb"},
        "cluster_security_group_id": "sg-cccccccc",
        "driver_role_name": "cluster-file-driver",
        "data_key_arn": KEY,
    }


def filesystem(more: Any = None, **wanted: Any) -> Plan:
    make: Any = SharedFilesystem
    return declare(lambda: make("shared", {**args(**wanted), **(more or {})}))


def statements(document: str) -> dict[str, dict[str, Any]]:
    return {each["Sid"]: each for each in json.loads(document)["Statement"]}


def test_a_file_system_is_encrypted_with_the_stack_key_elastic_and_backed_up() -> None:
    plan = filesystem()
    inputs = plan.one(aws.efs.FileSystem).inputs
    assert (inputs["encrypted"], inputs["kmsKeyId"], inputs["throughputMode"]) == (True, KEY, "elastic")
    assert "lifecyclePolicies" not in inputs or inputs["lifecyclePolicies"] == []
    assert plan.one(aws.efs.BackupPolicy).inputs["backupPolicy"] == {"status": "ENABLED"}
    assert filesystem(backup=False).one(aws.efs.BackupPolicy).inputs["backupPolicy"] == {"status": "DISABLED"}
    assert plan.of(aws.kms.Key) == []


@pytest.mark.parametrize("name", ["sg", "sg-data"])
def test_a_name_that_ec2_reserves_for_ids_is_rejected(name: str) -> None:
    make: Any = SharedFilesystem
    with pytest.raises(ArgumentsError, match=f"name is {name}; allowed: names that do not begin with sg-"):
        declare(lambda: make(name, args()))


def test_a_separate_key_is_a_data_key_and_is_retained_with_the_files() -> None:
    place = {"account_id": "123456789012", "region": "us-east-1"}
    plan = filesystem(place, ownKey=True)
    key = plan.one(aws.kms.Key)
    assert plan.one(aws.efs.FileSystem).inputs["kmsKeyId"] == f"arn:aws:kms:us-east-1:123456789012:key/{key.name}"
    assert key.inputs["enableKeyRotation"] is True
    assert [*statements(key.inputs["policy"])] == ["AccountPoliciesDecide"]
    assert key.retained
    assert not filesystem(place, ownKey=True, retain=False).one(aws.kms.Key).retained
    with pytest.raises(ArgumentsError, match=r"account_id is missing; required, since filesystem has ownKey"):
        filesystem(ownKey=True)


def test_a_client_needs_tls_a_mount_target_and_an_access_point_and_is_never_root() -> None:
    found = statements(filesystem_policy(ARN))
    assert found["OnlyTls"] == {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": ["*"],
        "Resource": [ARN],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert found["ThroughAccessPoints"]["Action"] == ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    assert found["ThroughAccessPoints"]["Condition"] == {
        "Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"},
        "StringLike": {"elasticfilesystem:AccessPointArn": POINTS},
    }


def test_the_policy_exists_before_a_client_can_mount() -> None:
    plan = filesystem()
    policy = plan.one(aws.efs.FileSystemPolicy)
    targets = plan.of(aws.efs.MountTarget)
    assert all(policy.urn in each.depends_on for each in targets)


def test_each_zone_has_one_mount_target_which_only_cluster_nodes_reach() -> None:
    plan = filesystem()
    group, rule = plan.one(aws.ec2.SecurityGroup), plan.one(aws.vpc.SecurityGroupIngressRule)
    assert {each.name: each.inputs["subnetId"] for each in plan.of(aws.efs.MountTarget)} == {
        "shared-mount-us-east-1a": "subnet-aaaaaaaa",
        "shared-mount-use1-az2": "subnet-bbbbbbbb",
    }
    assert {tuple(each.inputs["securityGroups"]) for each in plan.of(aws.efs.MountTarget)} == {(group.id,)}
    assert rule.inputs["referencedSecurityGroupId"] == "sg-cccccccc"
    assert (rule.inputs["ipProtocol"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("tcp", 2049, 2049)
    assert not {"ingress", "egress"} & {*group.inputs}


def test_an_access_point_gives_all_clients_one_user_and_one_directory() -> None:
    plan = filesystem(
        accessPoints={
            "vision": {},
            "speech": {
                "path": "/teams/speech",
                "uid": 2000,
                "gid": 2001,
                "secondaryGids": [1000],
                "ownerUid": 0,
                "permissions": "0770",
            },
        }
    )
    first, second = (plan.one(aws.efs.AccessPoint, f"shared-point-{name}").inputs for name in ("vision", "speech"))
    assert first["posixUser"] == {"uid": 1000, "gid": 1000}
    assert first["rootDirectory"] == {
        "path": "/vision",
        "creationInfo": {"ownerUid": 1000, "ownerGid": 1000, "permissions": "0750"},
    }
    assert second["posixUser"] == {"uid": 2000, "gid": 2001, "secondaryGids": [1000]}
    assert second["rootDirectory"] == {
        "path": "/teams/speech",
        "creationInfo": {"ownerUid": 0, "ownerGid": 2001, "permissions": "0770"},
    }
    assert plan.outputs["shared"]["volume_handles"] == {
        "vision": "shared-files-id::shared-point-vision-id",
        "speech": "shared-files-id::shared-point-speech-id",
    }


def test_pods_of_a_namespace_find_an_access_point_by_its_claim() -> None:
    plan = filesystem(accessPoints={"vision": {"namespaces": ["ml", "batch"]}})
    volumes = {each.inputs["metadata"]["name"]: each for each in plan.of(k8s.core.v1.PersistentVolume)}
    claims = plan.of(k8s.core.v1.PersistentVolumeClaim)
    assert {(each.inputs["metadata"]["namespace"], each.inputs["metadata"]["name"]) for each in claims} == {
        ("ml", "shared-vision"),
        ("batch", "shared-vision"),
    }
    for claim in claims:
        volume = volumes[claim.inputs["spec"]["volumeName"]].inputs["spec"]
        assert volume["claimRef"]["namespace"] == claim.inputs["metadata"]["namespace"]
        assert volume["claimRef"]["name"] == claim.inputs["metadata"]["name"]
        assert volume["csi"] == {"driver": "efs.csi.aws.com", "volumeHandle": "shared-files-id::shared-point-vision-id"}
        assert volume["persistentVolumeReclaimPolicy"] == "Retain"
        assert volume["accessModes"] == claim.inputs["spec"]["accessModes"] == ["ReadWriteMany"]
        # Otherwise the API server would set its default StorageClass.
        assert volume["storageClassName"] == claim.inputs["spec"]["storageClassName"] == ""
    targets = {each.urn for each in plan.of(aws.efs.MountTarget)}
    assert all(targets <= each.depends_on for each in volumes.values())


def test_another_access_point_has_another_volume() -> None:
    """The replacement is created while the old claim is still bound."""
    assert suffix("fs-0123456789abcdef0::fsap-0fedcba9876543210") == "0fedcba9876543210"


def test_a_storage_class_gives_each_claim_a_separate_directory_and_user() -> None:
    plan = filesystem()
    found = plan.one(k8s.storage.v1.StorageClass)
    assert found.inputs["metadata"]["name"] == "efs-shared" == plan.outputs["shared"]["storage_class"]
    assert found.inputs["provisioner"] == "efs.csi.aws.com"
    assert found.inputs["parameters"] == {
        "provisioningMode": "efs-ap",
        "fileSystemId": "shared-files-id",
        "directoryPerms": "0700",
        "basePath": "/claims",
    }
    assert plan.one(aws.iam.RolePolicy).urn in found.depends_on


def test_the_driver_creates_access_points_of_this_file_system_and_deletes_its_own_alone() -> None:
    found = statements(driver_policy(ARN))
    assert found["Create"]["Resource"] == [ARN]
    assert found["Find"]["Resource"] == [ARN, POINTS]
    assert found["DeleteWhatItCreated"]["Condition"] == {"Null": {"aws:ResourceTag/efs.csi.aws.com/cluster": "false"}}
    assert found["TagWhatItCreates"]["Condition"]["StringEquals"] == {
        "elasticfilesystem:CreateAction": "CreateAccessPoint"
    }
    assert all(each["Effect"] == "Allow" and "*" not in each["Resource"] for each in found.values())
    policy = filesystem().one(aws.iam.RolePolicy)
    assert policy.inputs["role"] == "cluster-file-driver"


def test_access_points_are_those_of_the_same_partition_account_and_region() -> None:
    arn = ARN.replace("arn:aws:", "arn:aws-cn:").replace("us-east-1", "cn-north-1")
    assert access_points_of(arn) == POINTS.replace("arn:aws:", "arn:aws-cn:").replace("us-east-1", "cn-north-1")


@pytest.mark.parametrize(
    ("wanted", "policies"),
    [
        ({}, []),
        ({"infrequent_access_days": 1}, [{"transition_to_ia": "AFTER_1_DAY"}]),
        (
            {"infrequent_access_days": 30, "archive_days": 90, "return_on_access": True},
            [
                {"transition_to_ia": "AFTER_30_DAYS"},
                {"transition_to_archive": "AFTER_90_DAYS"},
                {"transition_to_primary_storage_class": "AFTER_1_ACCESS"},
            ],
        ),
    ],
)
def test_files_move_between_storage_classes_as_specified(
    wanted: dict[str, Any], policies: list[dict[str, str]]
) -> None:
    assert lifecycle_policies(SharedFilesystemSpec(**wanted)) == policies


def test_efs_supports_every_allowed_number_of_days() -> None:
    from botocore.session import get_session

    shape = get_session().get_service_model("efs").shape_for("TransitionToIARules")
    assert {f"AFTER_{days}_DAY{'' if days == 1 else 'S'}" for days in MOVE_DAYS} == {*shape.enum}


def test_a_retained_file_system_keeps_its_policy_and_backups() -> None:
    kept = {each.type for each in filesystem() if each.retained}
    assert kept == {each.pulumi_type for each in (aws.efs.FileSystem, aws.efs.FileSystemPolicy, aws.efs.BackupPolicy)}
    assert [each.name for each in filesystem(retain=False) if each.retained] == []


def test_a_cluster_without_the_driver_is_rejected_by_the_argument_s_name() -> None:
    make: Any = SharedFilesystem
    with pytest.raises(ArgumentsError, match=r"driver_role_name is an output without a value"):
        declare(lambda: make("shared", {**args(), "driver_role_name": pulumi.Output.from_input("")}))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"infrequentAccessDays": 31}, "allowed: 1, 7, 14, 30, 60, 90, 180, 270, 365"),
        ({"archiveDays": 90}, r"archiveDays is 90; allowed: more than infrequentAccessDays \(missing\)"),
        (
            {"infrequentAccessDays": 90, "archiveDays": 90},
            r"archiveDays is 90; allowed: more than infrequentAccessDays \(90\)",
        ),
        ({"returnOnAccess": True}, "returnOnAccess is true; allowed: true only with infrequentAccessDays"),
        ({"accessPoints": {"Team": {}}}, "accessPoints has Team; allowed: lower-case letters"),
        ({"accessPoints": {"team": {"uid": 0}}}, "greater than or equal to 1"),
        ({"accessPoints": {"team": {"secondaryGids": [0]}}}, r"secondaryGids\[0\] is 0; allowed: 1 to 4294967294"),
        ({"accessPoints": {"team": {"path": "/"}}}, "should match pattern"),
        ({"accessPoints": {"team": {"path": "/a/b/c/d/e"}}}, "should match pattern"),
        ({"accessPoints": {"team": {"path": "/../x"}}}, "should match pattern"),
        ({"accessPoints": {"team": {"permissions": "0780"}}}, "should match pattern"),
        ({"accessPoints": {"team": {"namespaces": ["A"]}}}, 'namespaces has "A"; allowed: names of namespaces'),
    ],
)
def test_invalid_values_are_rejected(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SharedFilesystemSpec.model_validate(wanted)


def test_a_claim_is_created_after_a_namespace_of_the_same_program() -> None:
    def program() -> None:
        make: Any = SharedFilesystem
        batch = k8s.core.v1.Namespace("batch", metadata={"name": "batch"})
        there = {"batch": batch.metadata.apply(lambda metadata: metadata["name"])}
        wanted = {"accessPoints": {"team": {"namespaces": ["batch", "old"]}}}
        make("shared", {**args(**wanted), "created_namespaces": there})

    plan = declare(program)
    claims = {
        each.inputs["metadata"]["namespace"]: each.depends_on for each in plan.of(k8s.core.v1.PersistentVolumeClaim)
    }
    namespace = plan.one(k8s.core.v1.Namespace).urn
    assert namespace in claims["batch"] and namespace not in claims["old"]
