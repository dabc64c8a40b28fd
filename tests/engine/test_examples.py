"""The examples in the sandbox. Each test continues from the previous one."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest

from mlpctl.review.assemble import review
from mlpctl.review.command import today
from mlpctl.review.cost import book
from mlpctl.review.reading import reader
from mlplatform import DataBucket, KeyRing
from mlplatform.testing import declare

pytestmark = pytest.mark.engine

Example = Callable[[str], Any]


@pytest.fixture(scope="module")
def example(project: Any, sandbox: Any, root: Path) -> Iterator[Example]:
    """A copy of an example with the stack `local`, next to a copy of the project."""
    sandbox.build(cluster=False, yaml=True)
    shutil.copytree(root / "examples", project.folder / "examples")
    (project.folder / "components").symlink_to(root / "components")
    made: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in made:
            made[name] = type(project)(project.folder / "examples" / name, sandbox)
            made[name].pulumi("stack", "select", "--create", "local")
        return made[name]

    yield of
    for each in made.values():
        each.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local", check=False)


@pytest.fixture(scope="module")
def platform(project: Any) -> Any:
    """The platform that the team uses, with a free GPU."""
    project.edit("gpuPools", "inference", "nodes", value=2)
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    return project


def resources(example: Any) -> list[dict[str, Any]]:
    exported = json.loads(example.pulumi("stack", "export", "--stack", "local").stdout)
    return [each for each in exported["deployment"].get("resources", []) if each["type"] != "pulumi:pulumi:Stack"]


def last(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def test_a_program_in_another_language_is_reviewed(example: Example) -> None:
    archive = example("yaml")
    plan = archive.pulumi("preview", "--json", "--show-sames", "--stack", "local").stdout
    report = review(reader.read(plan), book.load(), today())
    assert [(group.title, len(group.rows)) for group in report.groups] == [
        ("DataBucket reports", 7),
        ("KeyRing keys", 10),
    ]
    assert report.cost is not None
    assert report.cost.totals.monthly_usd.expected > 0


def test_a_yaml_program_creates_the_same_resources_as_python(example: Example) -> None:
    archive = example("yaml")
    archive.pulumi("up", "--yes", "--skip-preview", "--stack", "local")

    def program() -> None:
        owner = {"tags": {"owner": "archive-team"}}
        keys = KeyRing(
            "keys", {"keys": {"retain": False}, "account_id": "123456789012", "region": "us-east-1", **owner}
        )
        DataBucket("reports", {"bucket": {"expireDays": 365}, "data_key_arn": keys.data_key_arn, **owner})

    children = {(each.type, each.name, each.parent) for each in declare(program) if each.custom}
    assert {
        (each["type"], last(each["urn"]), last(each["parent"]))
        for each in resources(archive)
        if each["custom"] and not each["type"].startswith("pulumi:providers:")
    } == children
    assert archive.preview() == []


def test_an_invalid_value_is_reported_with_its_place_in_the_yaml_program(example: Example) -> None:
    archive = example("yaml")
    program = archive.folder / "Pulumi.yaml"
    right = program.read_text()
    program.write_text(right.replace("deletionWindowDays: 7", "deletionWindowDays: 1"))
    done = archive.pulumi("preview", "--stack", "local", check=False)
    program.write_text(right)
    assert done.returncode != 0
    assert "keys.deletionWindowDays" in done.stdout
    assert "greater than or equal to 7" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


BOOTSTRAP = """
import pulumi
from mlplatform import DeployIdentity

identity = DeployIdentity(
    "deploy",
    {
        "identity": {"github": {"repository": "org/platform", "environment": "production"}},
        "state_bucket_arn": "arn:aws:s3:::states",
        "state_key_arn": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
        "account_id": "123456789012",
    },
)
pulumi.export("backendUrl", "s3://states?region=us-east-1")
pulumi.export("permissionsBoundaryArn", identity.boundary_arn)
pulumi.export("applyBoundaryArn", identity.apply_boundary_arn)
pulumi.export("rolePath", "mlplatform/")
"""
"""The outputs that the runner reads from the program for an account, whose bucket and key would outlive the test."""


def test_a_runner_in_the_network_of_a_platform(example: Example, platform: Any, sandbox: Any, root: Path) -> None:
    account = type(platform)(platform.folder / "bootstrap", sandbox, "account")
    shutil.copytree(root / "bootstrap", account.folder)
    (account.folder / "__main__.py").write_text(BOOTSTRAP)
    account.pulumi("stack", "select", "--create", "account")
    account.pulumi("up", "--yes", "--skip-preview", "--stack", "account")
    runner = example("private-runner")
    runner.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    name = json.loads(runner.pulumi("stack", "output", "--json", "--stack", "local").stdout)["runner"]
    (project,) = sandbox.aws("codebuild").batch_get_projects(names=[name])["projects"]
    outputs = json.loads(platform.pulumi("stack", "output", "--json", "--stack", "local").stdout)
    assert project["vpcConfig"]["vpcId"] == outputs["vpcId"]
    entries = sandbox.aws("eks").list_access_entries(clusterName=outputs["clusterName"])["accessEntries"]
    assert project["serviceRole"] in entries
    for each in (runner, account):
        each.pulumi("destroy", "--yes", "--skip-preview", "--stack", each.stack)
    assert sandbox.aws("codebuild").batch_get_projects(names=[name])["projects"] == []


def test_a_stack_that_is_not_a_platform_is_reported(example: Example) -> None:
    team = example("team-stack")
    team.pulumi("config", "set", "platform", "organization/archive/local", "--stack", "local")
    done = team.pulumi("preview", "--stack", "local", check=False)
    team.pulumi("config", "set", "platform", "organization/mlplatform/local", "--stack", "local")
    assert done.returncode != 0
    assert "stack organization/archive/local has no output outputsVersion: it is not a platform" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_team_deploys_its_model_and_bucket_on_the_platform(example: Example, platform: Any, sandbox: Any) -> None:
    team = example("team-stack")
    assert {step["op"] for step in team.preview()} == {"create"}
    team.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    (pod,) = kubernetes.client.CoreV1Api(sandbox.kubernetes()).list_namespaced_pod("support").items
    assert pod.status.phase == "Running"
    team_outputs, platform_outputs = (
        json.loads(each.pulumi("stack", "output", "--json", "--stack", "local").stdout) for each in (team, platform)
    )
    (rule,) = sandbox.aws("s3").get_bucket_encryption(Bucket=team_outputs["transcripts"])[
        "ServerSideEncryptionConfiguration"
    ]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == platform_outputs["dataKeyArn"]
    assert team.preview() == []


def test_a_program_without_this_project_s_components_runs_in_the_sandbox(example: Example, sandbox: Any) -> None:
    program = example("any-program")
    program.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    bucket = json.loads(program.pulumi("stack", "output", "--json", "--stack", "local").stdout)["bucket"]
    (rule,) = sandbox.aws("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    settings = kubernetes.client.CoreV1Api(sandbox.kubernetes()).read_namespaced_config_map("settings", "reports")
    assert settings.data == {"bucket": bucket}
    assert program.preview() == []


def test_destroying_the_examples_does_not_change_the_platform(example: Example, platform: Any, sandbox: Any) -> None:
    for name in ("team-stack", "yaml", "any-program"):
        example(name).pulumi("destroy", "--yes", "--skip-preview", "--stack", "local")
        assert resources(example(name)) == []
    namespaces = kubernetes.client.CoreV1Api(sandbox.kubernetes()).list_namespace().items
    assert "support" not in [each.metadata.name for each in namespaces]
    assert platform.preview() == []
