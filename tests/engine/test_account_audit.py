"""`mlpctl audit --account` with the real engine, and the sandbox as the account."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.conftest import Project

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi_aws as aws

aws.s3.Bucket("data", bucket="data-of-local", force_destroy=True, tags={"mlplatform:stack": "mlplatform/local"})
"""


@pytest.fixture
def project(root: Path, tmp_path: Path, sandbox: Any) -> Iterator[Project]:
    """A stack with one bucket, and a stack without resources."""
    project = Project.copy(root, tmp_path, sandbox, "local")
    (project.folder / "platform" / "__main__.py").write_text(PROGRAM)
    project.pulumi("stack", "init", "dev")
    project.pulumi("stack", "init", "local")
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    yield project
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local")
    for stack in ("local", "dev"):
        project.pulumi("stack", "rm", "--yes", "--preserve-config", "--stack", stack)


def test_drift_of_a_stack_and_what_a_destroyed_one_left_behind_are_found(project: Project, sandbox: Any) -> None:
    s3 = sandbox.aws("s3")
    s3.create_bucket(Bucket="left-behind")
    tags = {"mlplatform:stack": "mlplatform/destroyed", "mlplatform:name": "scratch-bucket"}
    for bucket, more in (("left-behind", tags), ("data-of-local", {"mlplatform:stack": "mlplatform/local", "a": "b"})):
        entries = [{"Key": key, "Value": value} for key, value in more.items()]
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": entries})
    done = subprocess.run(
        [sys.executable, "-m", "mlpctl", "audit", "--account", "--json", "-"],
        cwd=project.folder,
        env=sandbox.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    s3.delete_bucket(Bucket="left-behind")
    assert done.returncode == 1, "the bucket has no safeguards"
    report = json.loads(done.stdout)
    stacks = {each["stack"]: each for each in report["stacks"]}
    assert stacks["dev"]["report"] is None and stacks["dev"]["fault"] == ""
    assert "1 changed outside of Pulumi" in stacks["local"]["report"]["verdict"]
    # The stacks of other tests leave deleted resources of EC2, which lists them for a while.
    left = [each for each in report["strangers"] if each["arn"].startswith("arn:aws:s3:::")]
    assert [(each["arn"], each["tags"]) for each in left] == [("arn:aws:s3:::left-behind", tags)]
