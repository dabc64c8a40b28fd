"""A stack whose model reads weights from a shared file system; the tests of this file follow one another."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest

from engine.stacks import assert_golden, leftovers

pytestmark = pytest.mark.engine

STACK = Path(__file__).parents[2] / "examples" / "shared-files" / "Pulumi.files.yaml"


@pytest.fixture(scope="module")
def project(project_for: Any) -> Iterator[Any]:
    with project_for("files") as project:
        shutil.copy(STACK, project.folder / "stacks")
        yield project


def core(sandbox: Any) -> Any:
    return kubernetes.client.CoreV1Api(sandbox.kubernetes())


def claim_of_the_model(sandbox: Any) -> Any:
    (pod,) = [pod for pod in core(sandbox).list_namespaced_pod("chat").items if not pod.metadata.deletion_timestamp]
    (volume,) = [each.persistent_volume_claim for each in pod.spec.volumes if each.persistent_volume_claim]
    assert volume.read_only
    return core(sandbox).read_namespaced_persistent_volume_claim(volume.claim_name, "chat")


def test_the_first_preview_is_the_golden_plan(project: Any, request: pytest.FixtureRequest) -> None:
    assert_golden(project, rewrite=request.config.getoption("--rewrite-golden"))


def test_an_update_from_outside_the_network_leaves_only_the_objects_in_the_cluster_out(project: Any) -> None:
    outside = ("--exclude", "**::pulumi:providers:kubernetes::cluster", "--exclude-dependents")
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "files", *outside)
    state = json.loads(project.pulumi("stack", "export", "--stack", "files").stdout)["deployment"]["resources"]
    assert [each["urn"] for each in state if each["type"].startswith("kubernetes:")] == []
    assert [each["type"] for each in state if each["type"] == "aws:efs/fileSystem:FileSystem"]
    first = {(step["op"], step["newState"]["type"].split(":")[0]) for step in project.preview()}
    assert first <= {("create", "kubernetes"), ("create", "pulumi"), ("create", "mlplatform")}


def test_the_file_system_is_mountable_in_every_zone_by_tls_and_backed_up(project: Any, sandbox: Any) -> None:
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "files")
    efs = sandbox.aws("efs")
    (found,) = efs.describe_file_systems()["FileSystems"]
    id = found["FileSystemId"]
    assert (found["Encrypted"], found["ThroughputMode"], found["NumberOfMountTargets"]) == (True, "elastic", 2)
    (key,) = [each["KeyArn"] for each in sandbox.aws("kms").list_keys()["Keys"] if each["KeyArn"] == found["KmsKeyId"]]
    assert sandbox.aws("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyManager"] == "CUSTOMER"
    policy = json.loads(efs.describe_file_system_policy(FileSystemId=id)["Policy"])
    assert "OnlyTls" in {statement["Sid"] for statement in policy["Statement"]}
    assert efs.describe_backup_policy(FileSystemId=id)["BackupPolicy"]["Status"] == "ENABLED"
    targets = efs.describe_mount_targets(FileSystemId=id)["MountTargets"]
    assert {each["AvailabilityZoneName"] for each in targets} == {"us-east-1a", "us-east-1b"}
    points = efs.describe_access_points(FileSystemId=id)["AccessPoints"]
    assert {each["RootDirectory"]["Path"] for each in points} == {"/teams/vision/weights", "/vision"}


def test_the_driver_is_installed_with_its_role(project: Any, sandbox: Any) -> None:
    eks, iam = sandbox.aws("eks"), sandbox.aws("iam")
    cluster = project.pulumi("stack", "output", "clusterName", "--stack", "files").stdout.strip()
    addon = eks.describe_addon(clusterName=cluster, addonName="aws-efs-csi-driver")["addon"]
    assert addon["status"] == "ACTIVE"
    (found,) = eks.list_pod_identity_associations(clusterName=cluster, namespace="kube-system")["associations"][:1]
    assert found["serviceAccount"] in ("aws-node", "efs-csi-controller-sa")
    (role,) = [each["RoleName"] for each in iam.list_roles()["Roles"] if "file-driver" in each["RoleName"]]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    assert policy.startswith("shared-driver")


def test_the_model_runs_with_its_claim_bound_and_so_does_the_team_s(project: Any, sandbox: Any) -> None:
    (point,) = [
        each["AccessPointId"]
        for each in sandbox.aws("efs").describe_access_points()["AccessPoints"]
        if each["RootDirectory"]["Path"] == "/teams/vision/weights"
    ]
    claim = claim_of_the_model(sandbox)
    volume = core(sandbox).read_persistent_volume(claim.spec.volume_name)
    assert (claim.status.phase, volume.status.phase) == ("Bound", "Bound")
    assert volume.spec.csi.volume_handle.endswith(f"::{point}")
    team = core(sandbox).read_namespaced_persistent_volume_claim("shared-vision", "default")
    assert team.status.phase == "Bound"
    assert core(sandbox).list_namespaced_pod("chat").items[0].status.phase == "Running"


def test_a_second_up_changes_nothing_after_a_refresh_too(project: Any) -> None:
    project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "files")
    project.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", "files")


def test_a_dynamic_claim_waits_for_the_driver_which_does_not_run_here(project: Any, sandbox: Any) -> None:
    body = {
        "metadata": {"name": "scratch"},
        "spec": {
            "storageClassName": "efs-shared",
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    core(sandbox).create_namespaced_persistent_volume_claim("default", body)
    time.sleep(1)
    assert core(sandbox).read_namespaced_persistent_volume_claim("scratch", "default").status.phase == "Pending"
    core(sandbox).delete_namespaced_persistent_volume_claim("scratch", "default")


def test_the_claim_of_another_directory_is_created_before_the_old_one_is_deleted(project: Any, sandbox: Any) -> None:
    before = claim_of_the_model(sandbox)
    project.edit("sharedFilesystems", "shared", "accessPoints", "weights", "path", value="/teams/vision/models")
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "files")
    after = claim_of_the_model(sandbox)
    assert (after.metadata.name != before.metadata.name, after.status.phase) == (True, "Bound")
    claims = core(sandbox).list_namespaced_persistent_volume_claim("chat").items
    assert [each.metadata.name for each in claims] == [after.metadata.name]
    assert project.preview() == []


def test_destroy_leaves_no_resources(project: Any, sandbox: Any) -> None:
    project.pulumi("destroy", "--yes", "--stack", "files")
    assert leftovers(sandbox) == []
