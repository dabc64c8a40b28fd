"""The command as its user meets it, with a `pulumi` that writes down what it is told."""

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
from mlpctl.recover import recover, refuse_lost, restore
from mlpctl.recover.plan import Candidate, Choices, Finding, Found, Pending
from mlpctl.recover.search import Search
from mlpctl.stack import SandboxStack, StackError
from mlsandbox import Sandbox
from mlsandbox.host.layout import Layout

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
    """A stack whose `pulumi` takes a state and gives it back, and finds nothing new in a refresh."""
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
    """Says what AWS has."""

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


def test_what_is_there_is_imported_and_read(stack: SandboxStack, finds: Finds) -> None:
    finds("vpc-1")
    done, said = run(stack)
    assert done
    assert said.split() == ["imported", "network-vpc", "Vpc", "found", "vpc-1"]
    assert changes(stack) == [
        "stack import --stack local --non-interactive",
        f"refresh --yes --skip-preview --stack local --target {URN} --non-interactive",
    ]
    assert [each.get("id") for each in state(stack)["resources"]] == [None, "vpc-1"]
    assert state(stack)["pending_operations"] == []
    assert run(stack) == (True, "No operation of stack local is pending; there is nothing to recover.\n")


def test_what_is_not_there_is_forgotten(stack: SandboxStack, finds: Finds) -> None:
    finds()
    assert run(stack)[0]
    assert changes(stack) == ["stack import --stack local --non-interactive"]
    assert [each["urn"] for each in state(stack)["resources"]] == [PARENT]


def test_where_something_is_to_choose_nothing_is_changed(stack: SandboxStack, finds: Finds) -> None:
    finds("vpc-1", "vpc-2")
    before = state(stack)
    done, said = run(stack)
    assert not done
    assert state(stack) == before
    assert changes(stack) == []
    assert "  mlpctl recover --stack local --import network-vpc=vpc-2  # take it over\n" in said
    assert "  aws ec2 delete-vpc --vpc-id vpc-1  # delete it\n" in said
    assert run(stack, Choices(take={"network-vpc": "vpc-2"}))[0]
    assert state(stack)["resources"][-1]["id"] == "vpc-2"


def test_a_dry_run_changes_nothing(stack: SandboxStack, finds: Finds) -> None:
    finds("vpc-1")
    done, said = run(stack, dry_run=True)
    assert done
    assert "vpc-1" in said
    assert changes(stack) == []


def test_a_choice_that_names_nothing_is_refused(stack: SandboxStack, finds: Finds) -> None:
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
    """Says which resources in AWS bear the stack's tag."""

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
def test_a_broken_state_is_refused_with_the_backup_that_is_whole(
    stack: SandboxStack, has: Finds, content: str | None
) -> None:
    has()
    keep(stack, "local.json.bak", checkpoint(KEPT))
    if content is not None:
        keep(stack, "local.json", content)
    for command in (lambda: run(stack), lambda: refuse_lost(stack), stack.ensure):
        with pytest.raises(StackError) as error:
            command()
        told = str(error.value)
        assert told.startswith(f"The state of stack local, {backend(stack)}, is not whole:\n  ")
        assert f"The newest whole backup is {backend(stack)}.bak (1 resources, " in told
        assert "\n  mlpctl recover --stack local --from-backup\n" in told
    assert not (stack.root / "commands").exists()

    text = io.StringIO()
    restore(stack, Console(file=text, width=200))
    assert "local.json.bak (1 resources, " in text.getvalue()
    assert ("The broken state is kept as" in text.getvalue()) is (content is not None)
    assert backend(stack).read_text() == checkpoint(KEPT)
    refuse_lost(stack)
    with pytest.raises(StackError, match=r"The state of stack local is whole: .* Nothing was restored\."):
        restore(stack, Console(file=text))


def test_a_broken_state_without_a_backup_is_refused_with_what_is_left_to_do(stack: SandboxStack, has: Finds) -> None:
    has()
    keep(stack, "local.json", "null")
    with pytest.raises(StackError, match=r"There is no backup .*\n  pulumi stack import --stack local --file STATE\n"):
        refuse_lost(stack)
    with pytest.raises(StackError, match="There is no whole backup of stack local"):
        restore(stack, Console(file=io.StringIO()))


def test_a_stack_without_a_state_of_which_aws_has_resources_is_not_begun_again(stack: SandboxStack, has: Finds) -> None:
    has(*[f"{ARN}{number}" for number in range(12)])
    with pytest.raises(StackError) as error:
        refuse_lost(stack)
    assert "AWS has resources that bear its tag mlplatform:stack=mlplatform/local, which" in str(error.value)
    assert f"  {ARN}9\n  and 2 more\n" in str(error.value)
    has()
    refuse_lost(stack)
    has(ARN)
    keep(stack, "local.json", checkpoint())
    refuse_lost(stack)


def test_resources_of_an_empty_state_are_told_though_nothing_is_pending(
    stack: SandboxStack, finds: Finds, has: Finds
) -> None:
    finds()
    has(ARN)
    keep(stack, "local.json", checkpoint())
    (stack.root / "state").write_text(json.dumps({"deployment": {"resources": []}}))
    done, said = run(stack)
    assert done
    assert f"in AWS these bear its tag mlplatform:stack=mlplatform/local:\n  {ARN}\n" in said


def test_a_stack_is_read_anew_once_after_the_sandbox_lost_something(stack: SandboxStack) -> None:
    def refreshes() -> int:
        return sum(command.startswith("refresh ") for command in changes(stack))

    (stack.root / "state").write_text(json.dumps({"deployment": {"resources": [KEPT]}}))
    (stack.root / "commands").touch()
    assert stack.catch_up() == ""
    stack.sandbox.layout.lost_file.touch()
    assert "the stack was read anew" in stack.catch_up()
    assert stack.catch_up() == ""
    assert refreshes() == 1
    seen = stack.sandbox.layout.aws / "lost-local"
    os.utime(stack.sandbox.layout.lost_file, ns=(seen.stat().st_mtime_ns + 1,) * 2)
    assert "the stack was read anew" in stack.catch_up()
    (stack.root / "state").write_text(json.dumps({"deployment": {"resources": []}}))
    os.utime(stack.sandbox.layout.lost_file, ns=(seen.stat().st_mtime_ns + 1,) * 2)
    assert stack.catch_up() == "", "nothing of it could be lost"
    assert refreshes() == 2


def test_other_backends_keep_no_backup_that_can_be_seen(stack: SandboxStack, monkeypatch: pytest.MonkeyPatch) -> None:
    place = ("s3://states", "mlplatform", "local")
    monkeypatch.setattr(SandboxStack, "place", property(lambda _: place))
    with pytest.raises(StackError, match="Only backups of a file backend can be seen, and the backend is s3://states"):
        restore(stack, Console(file=io.StringIO()))
    broken = {"deployment": {"resources": [KEPT, KEPT]}}
    (stack.root / "state").write_text(json.dumps(broken))
    with pytest.raises(StackError, match=r"is not whole:\n  aws:ec2/vpc:Vpc network-vpc is there twice\n"):
        refuse_lost(stack)


def test_an_import_without_an_id_is_bad_input(stack: SandboxStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stack.root)
    done = CliRunner().invoke(app, ["recover", "--import", "network-vpc"])
    assert done.exit_code == 2
    assert "'network-vpc' is no NAME=ID" in done.output
