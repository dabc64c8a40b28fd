"""The real sandbox: what survives a restart, and what must not survive a stop, kill or reset."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from mlsandbox import Sandbox
from mlsandbox.cluster.controlplane import PROGRAMS
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import Phase, Record
from mlsandbox.host import environment, lifecycle
from mlsandbox.tools import toolchain

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def tools() -> Mapping[str, Path]:
    return toolchain.ensure(list(PROGRAMS), toolchain.SilentReporter())


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(tmp_path / "sandbox")
    yield layout
    lifecycle.down(layout)


def aws(layout: Layout, service: str) -> Any:
    key = layout.credentials()
    return boto3.session.Session(key.access_key_id, key.secret_access_key, region_name="eu-central-1").client(
        service, endpoint_url=layout.aws_endpoint
    )


def buckets(layout: Layout) -> list[str]:
    return [bucket["Name"] for bucket in aws(layout, "s3").list_buckets()["Buckets"]]


def kill(record: Record) -> None:
    """Kill the sandbox's process, and wait until all processes of the sandbox have ended."""
    os.kill(record.process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while any(identity.find() for identity in (record.process, *record.control_plane.processes.values())):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_aws_api_starts_before_the_control_plane_and_survives_a_restart(
    layout: Layout, tools: Mapping[str, Path]
) -> None:
    lifecycle.up(layout)
    assert aws(layout, "sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/sandbox"
    aws(layout, "s3").create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    record = lifecycle.start_control_plane(layout, tools)
    kubeconfig = layout.kubeconfig.read_bytes()
    assert buckets(layout) == ["models"]

    assert lifecycle.down(layout)
    gone = [record.process, *record.control_plane.processes.values()]
    assert [identity for identity in gone if identity.find()] == []

    assert lifecycle.up(layout).control_plane.phase is Phase.READY
    assert buckets(layout) == ["models"]
    assert layout.kubeconfig.read_bytes() == kubeconfig


def test_a_killed_sandbox_leaves_no_process_and_can_be_restarted(layout: Layout, tools: Mapping[str, Path]) -> None:
    record = lifecycle.up(layout, tools)
    kill(record)
    assert lifecycle.status(layout).phase is Phase.FAILED
    again = lifecycle.up(layout)
    assert again.phase is Phase.READY
    assert again.control_plane.phase is Phase.READY


def test_reset_empties_aws_cluster_and_stacks_together(layout: Layout, tools: Mapping[str, Path]) -> None:
    lifecycle.up(layout, tools)
    aws(layout, "s3").create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    (layout.pulumi_backend / ".pulumi").mkdir()
    kubeconfig = layout.kubeconfig.read_bytes()
    lifecycle.reset(layout)
    assert lifecycle.status(layout).control_plane.phase is Phase.READY
    assert buckets(layout) == []
    assert not (layout.pulumi_backend / ".pulumi").exists()
    assert layout.kubeconfig.read_bytes() == kubeconfig


PROGRAM = """
import pulumi_aws as aws

for number in range(3):
    aws.kms.Key(f"key-{number}", description="kept")
"""


def test_resources_of_a_finished_update_survive_a_kill(
    layout: Layout, tools: Mapping[str, Path], tmp_path: Path
) -> None:
    Sandbox(layout, toolchain.SilentReporter()).build(cluster=False)
    killed = lifecycle.up(layout)
    (tmp_path / "Pulumi.yaml").write_text("name: program\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)

    def pulumi(*command: str) -> str:
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=tmp_path,
            env=environment.of_processes(layout),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"pulumi {' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    pulumi("stack", "init", "test")
    pulumi("config", "set", "aws:region", "eu-central-1")
    pulumi("up", "--yes", "--skip-preview")
    kill(killed)
    lifecycle.up(layout)
    assert len(aws(layout, "kms").list_keys()["Keys"]) == 3
    pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
