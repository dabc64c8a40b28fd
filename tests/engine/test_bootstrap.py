"""The program for an account, as docs/first-deployment.md runs it: its local state moves into its own bucket."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from engine.stacks import assert_golden
from mlsandbox import Sandbox
from mlsandbox.ground.layout import Layout
from mlsandbox.tools.toolchain import SilentReporter

pytestmark = pytest.mark.engine


@dataclass
class Account:
    """A copy of the program, and a sandbox without a cluster."""

    folder: Path
    sandbox: Sandbox
    backend: dict[str, str] = field(default_factory=dict)
    """Variables that choose the backend and its passphrase."""

    stack = "bootstrap"
    """The name of its golden plan."""

    def pulumi(self, *command: str) -> str:
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=self.folder,
            env={**self.sandbox.environment(), **self.backend},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"pulumi {' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def preview(self) -> list[dict[str, Any]]:
        return list(json.loads(self.pulumi("preview", "--json"))["steps"])

    def s3(self) -> Any:
        key = self.sandbox.layout.credentials()
        session = boto3.session.Session(key.access_key_id, key.secret_access_key, region_name="us-east-1")
        return session.client("s3", endpoint_url=self.sandbox.layout.aws_endpoint)

    def versions(self, bucket: str) -> list[tuple[str, str]]:
        """Key and version of everything in the bucket with the state."""
        found = self.s3().list_object_versions(Bucket=bucket)
        return [(each["Key"], each["VersionId"]) for each in [*found["Versions"], *found.get("DeleteMarkers", [])]]


@pytest.fixture(scope="module")
def account(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("account")
    shutil.copytree(root / "bootstrap", folder / "bootstrap")
    (folder / ".venv").symlink_to(root / ".venv")
    (folder / "state").mkdir()
    sandbox = Sandbox(Layout(folder / "sandbox"), SilentReporter())
    sandbox.start(cluster=False)
    local = {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}", "PULUMI_CONFIG_PASSPHRASE": ""}
    yield Account(folder / "bootstrap", sandbox, local)
    sandbox.stop()


def test_the_state_moves_into_the_bucket_that_it_describes(account: Account, request: pytest.FixtureRequest) -> None:
    account.pulumi("stack", "init", "account")
    assert_golden(account, rewrite=request.config.getoption("--rewrite-golden"))
    account.pulumi("up", "--yes", "--skip-preview")
    outputs = json.loads(account.pulumi("stack", "output", "--json"))
    account.pulumi("stack", "change-secrets-provider", outputs["secretsProvider"])
    account.pulumi("stack", "export", "--file", "state.json")

    # The sandbox has no host name for each bucket.
    account.backend = {"PULUMI_BACKEND_URL": f"{outputs['backendUrl']}&use_path_style=true"}
    account.pulumi("stack", "init", "account", "--secrets-provider", outputs["secretsProvider"])
    account.pulumi("stack", "import", "--file", "state.json")
    account.pulumi("preview", "--expect-no-changes")
    account.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")

    config = yaml.safe_load((account.folder / "Pulumi.account.yaml").read_text())
    assert config["secretsprovider"] == outputs["secretsProvider"]
    bucket = outputs["backendUrl"].removeprefix("s3://").split("?")[0]
    state = account.s3().head_object(Bucket=bucket, Key=".pulumi/stacks/mlplatform-bootstrap/account.json")
    assert (state["ServerSideEncryption"], state["ObjectLockMode"]) == ("aws:kms", "GOVERNANCE")
    locks = account.s3().list_objects_v2(Bucket=bucket, Prefix=".pulumi/locks/")
    assert "Contents" not in locks, "locks are deleted although their versions are locked"

    before = account.versions(bucket)
    account.pulumi("config", "set", "--path", "tags.environment", "changed")
    assert any(step["op"] == "update" for step in account.preview())
    assert account.versions(bucket) == before, "a preview writes nothing, so that a role that only reads is enough"
