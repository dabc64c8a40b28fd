"""A stack in the sandbox as `mlpctl up` sees it: what it is made of, stale locks, and an update that was killed."""

import json
import os
import socket
from pathlib import Path

import psutil
import pytest

from mlpctl.failures import Update
from mlpctl.sandbox.layout import Layout
from mlpctl.stack import Made, SandboxStack, StackError, components

STACK = "urn:pulumi:local::mlplatform::pulumi:pulumi:Stack::mlplatform-local"


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:local::mlplatform::{kind}::{name}"


KEYS = urn("mlplatform:index:KeyRing", "keys")
CLUSTER = urn("mlplatform:index:EksCluster", "cluster")
NESTED = urn("mlplatform:index:EksCluster$mlplatform:index:Nodes", "cluster-nodes")

RESOURCES = [
    {"urn": STACK},
    {"urn": urn("pulumi:providers:aws", "default"), "custom": True},
    {"urn": KEYS, "parent": STACK},
    {"urn": urn("mlplatform:index:KeyRing$aws:kms/key:Key", "keys-data"), "parent": KEYS, "custom": True},
    {"urn": CLUSTER, "parent": STACK},
    {"urn": NESTED, "parent": CLUSTER},
    {"urn": urn("x$y$aws:eks/nodeGroup:NodeGroup", "cluster-nodes-group"), "parent": NESTED, "custom": True},
    {"urn": urn("mlplatform:index:EksCluster$aws:iam/role:Role", "cluster-role"), "parent": CLUSTER, "custom": True},
    {"urn": urn("pulumi:providers:kubernetes", "cluster"), "parent": STACK, "custom": True},
    {"urn": urn("aws:s3/bucket:Bucket", "lone"), "parent": STACK, "custom": True},
]


def test_resources_are_counted_by_the_outermost_component_and_providers_are_none() -> None:
    assert components(RESOURCES) == [
        Made("keys", "KeyRing", 1),
        Made("cluster", "EksCluster", 2),
        Made("lone", "Bucket", 1),
    ]


@pytest.fixture
def stack(tmp_path: Path) -> SandboxStack:
    """A stack whose `pulumi` writes down its commands and answers `stack export` from a file."""
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    fake = layout.bin / "pulumi"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/commands\ncase "$2" in export) cat {tmp_path}/state;; esac\n')
    fake.chmod(0o755)
    (tmp_path / "state").write_text(json.dumps({"deployment": {"resources": RESOURCES}}))
    return SandboxStack(tmp_path, "local", layout)


def commands(stack: SandboxStack) -> list[str]:
    return (stack.root / "commands").read_text().splitlines()


def lock(stack: SandboxStack, **owner: object) -> None:
    folder = stack.layout.pulumi_backend / ".pulumi" / "locks" / "organization" / "mlplatform" / "local"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text(json.dumps({"hostname": socket.gethostname(), "pid": os.getpid(), **owner}))


def free_pid() -> int:
    return next(pid for pid in range(4_000_000, 1, -1) if not psutil.pid_exists(pid))


def test_a_lock_of_a_dead_process_of_this_machine_is_cancelled(stack: SandboxStack) -> None:
    lock(stack, pid=free_pid())
    stack.ensure()
    assert "cancel --yes --stack local --non-interactive" in commands(stack)


@pytest.mark.parametrize("owner", [{}, {"hostname": "elsewhere", "pid": 1}], ids=["alive", "on another machine"])
def test_any_other_lock_stays(stack: SandboxStack, owner: dict[str, object]) -> None:
    lock(stack, **owner)
    stack.ensure()
    assert not [command for command in commands(stack) if command.startswith("cancel")]


def test_an_update_that_was_killed_in_a_creation_is_not_gone_over(stack: SandboxStack) -> None:
    pending = [{"type": "creating", "resource": {"urn": urn("aws:s3/bucket:Bucket", "lone")}}]
    (stack.root / "state").write_text(json.dumps({"deployment": {"pending_operations": pending}}))
    with pytest.raises(StackError, match=r"creating: .*::lone\n") as told:
        stack.ensure()
    assert "pulumi refresh --stack local --clear-pending-creates" in str(told.value)


def test_a_pulumi_command_that_fails_tells_its_reason(stack: SandboxStack) -> None:
    (stack.layout.bin / "pulumi").write_text("#!/bin/sh\necho 'error: no space left' >&2\nexit 1\n")
    with pytest.raises(StackError, match="pulumi stack select --create local failed: error: no space left"):
        stack.ensure()


def test_an_update_makes_anew_what_aws_made_and_never_worked(stack: SandboxStack) -> None:
    never_worked = urn("mlplatform:index:GpuNodePool$aws:eks/nodeGroup:NodeGroup", "pool-nodes")
    resources = [
        {"urn": never_worked, "initErrors": ["pool-nodes: is CREATE_FAILED: NodeCreationFailure: no"]},
        {"urn": urn("x$aws:eks/addon:Addon", "addon"), "initErrors": ["addon: is UPDATE_FAILED: AccessDenied: no"]},
        {"urn": urn("x$aws:eks/cluster:Cluster", "sound")},
    ]
    (stack.root / "state").write_text(json.dumps({"deployment": {"resources": resources}}))
    assert stack.failed_creations() == [never_worked]
    assert stack.update() == (0, Update())
    (up,) = [command for command in commands(stack) if command.startswith("up ")]
    assert up.startswith(f"up --yes --skip-preview --suppress-outputs --replace {never_worked} --event-log ")


def test_an_update_reads_what_the_engine_logs(stack: SandboxStack) -> None:
    lone = urn("aws:s3/bucket:Bucket", "lone")
    event = {"diagnosticEvent": {"urn": lone, "severity": "error", "message": "lone: CreateBucket: AccessDenied: no"}}
    (stack.root / "log").write_text(json.dumps(event) + "\n")
    (stack.layout.bin / "pulumi").write_text(
        f"""#!/bin/sh
[ "$2" = export ] && cat {stack.root}/state && exit
[ "$PULUMI_DEBUG_COMMANDS" = true ] || exit 9
while [ "$1" != --event-log ]; do shift; done
cp {stack.root}/log "$2"
exit 255
"""
    )
    code, told = stack.update()
    assert (code, [each.code for each in told.failures]) == (255, ["AccessDenied"])
