"""A stack in the sandbox: its components, stale locks, and interrupted updates."""

import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mlpctl.failures import Update
from mlpctl.stack import Made, SandboxStack, StackError, components
from mlsandbox import Sandbox
from mlsandbox.ground.layout import Layout

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


def test_resources_are_counted_by_outermost_component_without_providers() -> None:
    assert components(RESOURCES) == [
        Made("keys", "KeyRing", 1),
        Made("cluster", "EksCluster", 2),
        Made("lone", "Bucket", 1),
    ]


@pytest.fixture
def stack(tmp_path: Path) -> SandboxStack:
    """A stack whose fake `pulumi` records its commands and answers `stack export` from a file."""
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    fake = layout.bin / "pulumi"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/commands\ncase "$2" in export) cat {tmp_path}/state;; esac\n')
    fake.chmod(0o755)
    (tmp_path / "state").write_text(json.dumps({"deployment": {"resources": RESOURCES}}))
    (tmp_path / "Pulumi.yaml").write_text("name: mlplatform\nruntime: python\n")
    return SandboxStack(tmp_path, "local", Sandbox(layout))


def commands(stack: SandboxStack) -> list[str]:
    return (stack.root / "commands").read_text().splitlines()


def lock(stack: SandboxStack, project: str = "mlplatform", **owner: object) -> None:
    folder = stack.sandbox.layout.pulumi_backend / ".pulumi" / "locks" / "organization" / project / "local"
    folder.mkdir(parents=True)
    mine = {"username": "jo", "hostname": socket.gethostname(), "pid": os.getpid(), "timestamp": "2999-01-01T00:00:00Z"}
    (folder / "1.json").write_text(json.dumps({**mine, **owner}))


def free_pid() -> int:
    return next(pid for pid in range(4_000_000, 1, -1) if not psutil.pid_exists(pid))


def zombie() -> int:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    return process.pid


DEAD = {
    "no such process": lambda: {"pid": free_pid()},
    "its process id was reused": lambda: {"timestamp": "2001-01-01T00:00:00.123456789Z"},
    "a zombie": lambda: {"pid": zombie()},
}


@pytest.mark.parametrize("owner", DEAD.values(), ids=DEAD)
def test_a_lock_of_an_ended_process_of_this_machine_is_removed(
    stack: SandboxStack, owner: Callable[[], dict[str, object]]
) -> None:
    lock(stack, **owner())
    (removed,) = stack.ensure()
    assert removed.startswith(f"Removed the stale lock of jo on {socket.gethostname()} (process ")
    assert "cancel --yes --stack local --non-interactive" in commands(stack)


def test_a_running_update_is_reported_with_its_owner(stack: SandboxStack) -> None:
    lock(stack)
    with pytest.raises(StackError, match=rf"updated by jo on .* \(process {os.getpid()}\) since .*\. *\nWait") as error:
        stack.ensure()
    assert "cancel" not in str(error.value)
    assert not (stack.root / "commands").exists(), "nothing was executed"


def test_a_lock_of_another_machine_is_reported_and_not_removed(stack: SandboxStack) -> None:
    lock(stack, hostname="elsewhere", pid=1)
    with pytest.raises(StackError, match=r"jo on elsewhere \(process 1\)(.*\n)*  pulumi cancel --stack local"):
        stack.ensure()
    assert not (stack.root / "commands").exists(), "nothing was executed"


def test_a_lock_of_another_project_is_ignored(stack: SandboxStack) -> None:
    lock(stack, project="other")
    assert stack.ensure() == []


@pytest.mark.parametrize("written", ["", '{"user.cache_control"'], ids=["not at all", "in part"])
def test_an_incomplete_attributes_file_is_removed(stack: SandboxStack, written: str) -> None:
    folder = stack.sandbox.layout.pulumi_backend / ".pulumi" / "stacks" / "mlplatform"
    folder.mkdir(parents=True)
    broken, whole = folder / "local.json.attrs", folder / "other.json.attrs"
    broken.write_text(written)
    whole.write_text("")
    assert stack.ensure() == ["Removed the incomplete attributes file of the state."]
    assert not broken.exists()
    assert whole.exists(), "it belongs to another stack, and may be being written"
    broken.write_text('{"md5": null}')
    assert stack.ensure() == []
    assert broken.exists()


def test_two_updates_do_not_start_at_the_same_time(stack: SandboxStack) -> None:
    with stack.alone(), pytest.raises(StackError, match=rf"\(process {os.getpid()}\)"), stack.alone():
        pass
    with stack.alone():
        pass


def test_an_interrupted_update_must_be_recovered_first(stack: SandboxStack) -> None:
    pending = [{"type": "creating", "resource": {"urn": urn("aws:s3/bucket:Bucket", "lone")}}]
    (stack.root / "state").write_text(json.dumps({"deployment": {"pending_operations": pending}}))
    with pytest.raises(StackError, match=r"creating: .*::lone\n(.*\n)*  mlpctl recover --stack local$"):
        stack.ensure()


def test_a_failed_pulumi_command_is_reported_with_its_error(stack: SandboxStack) -> None:
    (stack.sandbox.layout.bin / "pulumi").write_text("#!/bin/sh\necho 'error: no space left' >&2\nexit 1\n")
    with pytest.raises(StackError, match="pulumi stack select --create local failed: error: no space left"):
        stack.ensure()


def test_an_update_replaces_failed_creations(stack: SandboxStack) -> None:
    never_worked = urn("mlplatform:index:GpuNodePool$aws:eks/nodeGroup:NodeGroup", "pool-nodes")
    resources = [
        {"urn": never_worked, "initErrors": ["pool-nodes: is CREATE_FAILED: NodeCreationFailure: no"]},
        {"urn": urn("x$aws:eks/addon:Addon", "addon"), "initErrors": ["addon: is UPDATE_FAILED: AccessDenied: no"]},
        {"urn": urn("x$aws:eks/cluster:Cluster", "sound")},
        # Already replaced; the healthy replacement has the same URN.
        {"urn": urn("x$aws:eks/nodeGroup:NodeGroup", "other"), "id": "new"},
        {
            "urn": urn("x$aws:eks/nodeGroup:NodeGroup", "other"),
            "id": "old",
            "delete": True,
            "initErrors": ["other: is CREATE_FAILED: NodeCreationFailure: no"],
        },
    ]
    (stack.root / "state").write_text(json.dumps({"deployment": {"resources": resources}}))
    assert stack.failed_creations() == {never_worked: False}
    assert stack.update() == (0, Update())
    (up,) = [command for command in commands(stack) if command.startswith("up ")]
    assert up.startswith(f"up --yes --skip-preview --suppress-outputs --replace {never_worked} --event-log ")
    assert not any("unprotect" in command for command in commands(stack))


def test_a_failed_creation_is_unprotected_before_its_replacement(stack: SandboxStack) -> None:
    """Otherwise, the engine rejects the replacement, and a protected stack can never be repaired."""
    never_worked = urn("mlplatform:index:GpuNodePool$aws:eks/nodeGroup:NodeGroup", "pool-nodes")
    error = "pool-nodes: is CREATE_FAILED: NodeCreationFailure: no"
    resources = [
        {"urn": never_worked, "initErrors": [error], "protect": True},
        {"urn": urn("x$aws:eks/cluster:Cluster", "sound"), "protect": True},
    ]
    (stack.root / "state").write_text(json.dumps({"deployment": {"resources": resources}}))
    stack.update()
    unprotected, up = commands(stack)[-2:]
    assert unprotected == f"state unprotect {never_worked} --yes --stack local --non-interactive"
    assert f"--replace {never_worked}" in up


def test_a_plan_that_violates_a_rule_is_shown_and_not_updated(
    stack: SandboxStack, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = stack.root / "platform" / "policies"
    pack.mkdir(parents=True)
    (stack.sandbox.layout.bin / "pulumi").write_text(
        f"""#!/bin/sh
echo "$@" >> {stack.root}/commands
case "$1" in
stack) cat {stack.root}/state;;
preview) echo 'ML-S3-01: open is public'; test -e {stack.root}/waived;;
esac
"""
    )
    assert stack.update() == (1, Update())
    assert capsys.readouterr().out == "ML-S3-01: open is public\n"
    (preview,) = commands(stack)[1:]
    assert preview.startswith(f"preview --policy-pack {pack} --event-log ")

    (stack.root / "waived").touch()
    assert stack.update() == (0, Update())
    assert capsys.readouterr().out == ""
    up = commands(stack)[-1]
    assert up.startswith(f"up --yes --skip-preview --suppress-outputs --policy-pack {pack} --event-log ")


def test_an_update_reads_failures_from_the_event_log(stack: SandboxStack) -> None:
    lone = urn("aws:s3/bucket:Bucket", "lone")
    event = {"diagnosticEvent": {"urn": lone, "severity": "error", "message": "lone: CreateBucket: AccessDenied: no"}}
    (stack.root / "log").write_text(json.dumps(event) + "\n")
    (stack.sandbox.layout.bin / "pulumi").write_text(
        f"""#!/bin/sh
[ "$2" = export ] && cat {stack.root}/state && exit
[ "$PULUMI_DEBUG_COMMANDS" = true ] || exit 9
while [ "$1" != --event-log ]; do shift; done
cp {stack.root}/log "$2"
exit 255
"""
    )
    code, result = stack.update()
    assert (code, [each.code for each in result.failures]) == (255, ["AccessDenied"])
