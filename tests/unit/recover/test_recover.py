"""`mlpctl recover` end to end, with a fake `pulumi` that records its arguments."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mlpctl.cli import app
from mlpctl.recover import recover, reject_lost_state, restore
from mlpctl.recover.plan import Candidate, Choices, Finding, Found, Pending
from mlpctl.recover.search import Search
from mlpctl.stack import SandboxStack, StackError
from mlsandbox import Sandbox
from mlsandbox.ground.layout import Layout

PARENT = "urn:pulumi:local::mlplatform::mlplatform:index:Network::network"
URN = "urn:pulumi:local::mlplatform::mlplatform:index:Network$aws:ec2/vpc:Vpc::network-vpc"
VPC = {"urn": URN, "type": "aws:ec2/vpc:Vpc", "custom": True, "parent": PARENT, "inputs": {"cidrBlock": "10.0.0.0/16"}}
OURS = {"mlplatform:stack": "mlplatform/local", "mlplatform:name": "network-vpc"}
DELETE = "aws ec2 delete-vpc --vpc-id {id}"

Finds = Callable[..., None]


@pytest.fixture(autouse=True)
def _nothing_in_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Search, "tagged", lambda *_: [])


@pytest.fixture
def stack(tmp_path: Path) -> SandboxStack:
    """A stack whose fake `pulumi` imports and exports a state, and changes nothing in a refresh."""
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    (tmp_path / "Pulumi.yaml").write_text("name: mlplatform\nruntime: python\n")
    pending = [{"type": "creating", "resource": VPC}]
    state = {"deployment": {"resources": [{"urn": PARENT, "type": "x"}], "pending_operations": pending}}
    (tmp_path / "state").write_text(json.dumps(state))
    fake = layout.bin / "pulumi"
    fake.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/commands\n'
        f'case "$2" in export) cat {tmp_path}/state;; import) cat > {tmp_path}/state;; esac\n'
    )
    fake.chmod(0o755)
    return SandboxStack(tmp_path, "local", Sandbox(layout))


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Finds:
    """Sets what the lookups find in AWS."""

    def set_to(*ids: str) -> None:
        found: Finding = Found([Candidate(id, OURS) for id in ids], DELETE)

        def find(search: Search, pending: list[Pending], patience_s: float) -> dict[str, Finding]:
            return {each.urn: found for each in pending}

        monkeypatch.setattr(Search, "find", find)

    return set_to


def changes(stack: SandboxStack) -> list[str]:
    commands = (stack.root / "commands").read_text().splitlines()
    return [command for command in commands if not command.startswith("stack export")]


def state(stack: SandboxStack) -> dict[str, Any]:
    return json.loads((stack.root / "state").read_text())["deployment"]


def run(stack: SandboxStack, choices: Choices | None = None, **options: Any) -> tuple[bool, str]:
    text = io.StringIO()
    done = recover(stack, Console(file=text, width=200), choices, patience_s=0, **options)
    return done, text.getvalue()


def test_an_existing_resource_is_imported_and_refreshed(stack: SandboxStack, finds: Finds) -> None:
    finds("vpc-1")
    done, output = run(stack)
    assert done
    assert output.split() == ["imported", "network-vpc", "Vpc", "found", "vpc-1"]
    assert changes(stack) == [
        "stack import --stack local --non-interactive",
        f"refresh --yes --skip-preview --stack local --target {URN} --non-interactive",
    ]
    assert [each.get("id") for each in state(stack)["resources"]] == [None, "vpc-1"]
    assert state(stack)["pending_operations"] == []
    assert run(stack) == (True, "Stack local has no pending operations; there is nothing to recover.\n")


def test_a_missing_resource_is_dropped_from_the_state(stack: SandboxStack, finds: Finds) -> None:
    finds()
    assert run(stack)[0]
    assert changes(stack) == ["stack import --stack local --non-interactive"]
    assert [each["urn"] for each in state(stack)["resources"]] == [PARENT]


def test_nothing_is_changed_if_a_decision_is_needed(stack: SandboxStack, finds: Finds) -> None:
    finds("vpc-1", "vpc-2")
    before = state(stack)
    done, output = run(stack)
    assert not done
    assert state(stack) == before
    assert changes(stack) == []
    assert "  mlpctl recover --stack local --import network-vpc=vpc-2  # import it\n" in output
    assert "  aws ec2 delete-vpc --vpc-id vpc-1  # delete it\n" in output
    assert run(stack, Choices(take={"network-vpc": "vpc-2"}))[0]
    assert state(stack)["resources"][-1]["id"] == "vpc-2"


def test_a_dry_run_changes_nothing(stack: SandboxStack, finds: Finds) -> None:
    finds("vpc-1")
    done, output = run(stack, dry_run=True)
    assert done
    assert "vpc-1" in output
    assert changes(stack) == []


def test_a_choice_that_matches_no_operation_is_rejected(stack: SandboxStack, finds: Finds) -> None:
    finds()
    with pytest.raises(StackError, match="is named netwrok"):
        run(stack, Choices(drop=frozenset({"netwrok"})))


def test_the_environment_is_the_same_afterwards(
    stack: SandboxStack, finds: Finds, monkeypatch: pytest.MonkeyPatch
) -> None:
    finds("vpc-1")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    run(stack)
    assert os.environ["AWS_PROFILE"] == "mine"
    assert "AWS_ENDPOINT_URL" not in os.environ


ARN = "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1"


@pytest.fixture
def has(monkeypatch: pytest.MonkeyPatch) -> Finds:
    """Sets which resources in AWS have the stack's tag."""

    def set_to(*arns: str) -> None:
        def tagged(search: Search, stack: str, region: str | None) -> list[str]:
            assert stack == "mlplatform/local"
            return [*arns]

        monkeypatch.setattr(Search, "tagged", tagged)

    return set_to


def backend(stack: SandboxStack) -> Path:
    return stack.sandbox.layout.pulumi_backend / ".pulumi" / "stacks" / "mlplatform" / "local.json"


def checkpoint(*resources: dict[str, Any]) -> str:
    return json.dumps({"version": 3, "checkpoint": {"stack": "x", "latest": {"resources": resources}}})


def keep(stack: SandboxStack, name: str, text: str) -> None:
    path = backend(stack).with_name(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


KEPT = {"urn": URN, "type": "aws:ec2/vpc:Vpc", "custom": True, "id": "vpc-1"}


@pytest.mark.parametrize("content", ["", "null", checkpoint(KEPT, KEPT), None])
def test_a_broken_state_is_rejected_with_its_newest_valid_backup(
    stack: SandboxStack, has: Finds, content: str | None
) -> None:
    has()
    keep(stack, "local.json.bak", checkpoint(KEPT))
    if content is not None:
        keep(stack, "local.json", content)
    for command in (lambda: run(stack), lambda: reject_lost_state(stack), stack.ensure):
        with pytest.raises(StackError) as error:
            command()
        message = str(error.value)
        assert message.startswith(f"The state of stack local, {backend(stack)}, is invalid:\n  ")
        assert f"The newest valid backup is {backend(stack)}.bak (1 resources, " in message
        assert "\n  mlpctl recover --stack local --from-backup\n" in message
    assert not (stack.root / "commands").exists()

    text = io.StringIO()
    restore(stack, Console(file=text, width=200))
    assert "local.json.bak (1 resources, " in text.getvalue()
    assert ("The broken state is retained as" in text.getvalue()) is (content is not None)
    assert backend(stack).read_text() == checkpoint(KEPT)
    reject_lost_state(stack)
    with pytest.raises(StackError, match=r"The state of stack local is valid: .* Nothing was restored\."):
        restore(stack, Console(file=text))


def test_a_broken_state_without_a_backup_is_rejected_with_instructions(stack: SandboxStack, has: Finds) -> None:
    has()
    keep(stack, "local.json", "null")
    with pytest.raises(
        StackError, match=r"No backup is accessible .*\n(.*\n)?  pulumi stack import --stack local --file STATE\n"
    ):
        reject_lost_state(stack)
    with pytest.raises(StackError, match="There is no valid backup of stack local"):
        restore(stack, Console(file=io.StringIO()))


def test_a_stack_without_a_state_is_rejected_if_aws_has_its_resources(stack: SandboxStack, has: Finds) -> None:
    has(*[f"{ARN}{number}" for number in range(12)])
    with pytest.raises(StackError) as error:
        reject_lost_state(stack)
    assert "AWS has resources with its tag mlplatform:stack=mlplatform/local. An update" in str(error.value)
    assert f"  {ARN}9\n  and 2 more\n" in str(error.value)
    has()
    reject_lost_state(stack)
    has(ARN)
    keep(stack, "local.json", checkpoint())
    reject_lost_state(stack)


def test_resources_missing_in_an_empty_state_are_reported_without_pending_operations(
    stack: SandboxStack, finds: Finds, has: Finds
) -> None:
    finds()
    has(ARN)
    keep(stack, "local.json", checkpoint())
    (stack.root / "state").write_text(json.dumps({"deployment": {"resources": []}}))
    done, output = run(stack)
    assert done
    assert f"AWS has resources with the tag mlplatform:stack=mlplatform/local:\n  {ARN}\n" in output


def test_a_stack_is_refreshed_once_after_the_sandbox_lost_changes(stack: SandboxStack) -> None:
    def refreshes() -> int:
        return sum(command.startswith("refresh ") for command in changes(stack))

    (stack.root / "state").write_text(json.dumps({"deployment": {"resources": [KEPT]}}))
    (stack.root / "commands").touch()
    assert stack.catch_up() == ""
    stack.sandbox.layout.lost_file.touch()
    assert "the stack was refreshed" in stack.catch_up()
    assert stack.catch_up() == ""
    assert refreshes() == 1
    seen = stack.sandbox.layout.aws / "lost-local"
    os.utime(stack.sandbox.layout.lost_file, ns=(seen.stat().st_mtime_ns + 1,) * 2)
    assert "the stack was refreshed" in stack.catch_up()
    (stack.root / "state").write_text(json.dumps({"deployment": {"resources": []}}))
    os.utime(stack.sandbox.layout.lost_file, ns=(seen.stat().st_mtime_ns + 1,) * 2)
    assert stack.catch_up() == "", "the stack has no resources that could be lost"
    assert refreshes() == 2


def test_backups_in_other_backends_are_not_accessible(stack: SandboxStack, monkeypatch: pytest.MonkeyPatch) -> None:
    place = ("s3://states", "mlplatform", "local")
    monkeypatch.setattr(SandboxStack, "place", property(lambda _: place))
    with pytest.raises(StackError, match="can read backups only in a file backend, but the backend is s3://states"):
        restore(stack, Console(file=io.StringIO()))
    broken = {"deployment": {"resources": [KEPT, KEPT]}}
    (stack.root / "state").write_text(json.dumps(broken))
    with pytest.raises(StackError, match=r"is invalid:\n  aws:ec2/vpc:Vpc network-vpc exists twice\n"):
        reject_lost_state(stack)


def test_an_import_without_an_id_is_invalid_input(stack: SandboxStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stack.root)
    done = CliRunner().invoke(app, ["recover", "--import", "network-vpc"])
    assert done.exit_code == 2
    assert "'network-vpc' is not NAME=ID" in done.output
