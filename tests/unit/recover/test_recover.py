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
from mlpctl.recover import recover
from mlpctl.recover.plan import Candidate, Choices, Finding, Found, Pending
from mlpctl.recover.search import Search
from mlpctl.sandbox.layout import Layout
from mlpctl.stack import SandboxStack, StackError

PARENT = "urn:pulumi:local::mlplatform::mlplatform:index:Network::network"
URN = "urn:pulumi:local::mlplatform::mlplatform:index:Network$aws:ec2/vpc:Vpc::network-vpc"
VPC = {"urn": URN, "type": "aws:ec2/vpc:Vpc", "custom": True, "parent": PARENT, "inputs": {"cidrBlock": "10.0.0.0/16"}}
OURS = {"mlplatform:stack": "mlplatform/local", "mlplatform:name": "network-vpc"}
DELETE = "aws ec2 delete-vpc --vpc-id {id}"

Finds = Callable[..., None]


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
    return SandboxStack(tmp_path, "local", layout)


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


def test_an_import_without_an_id_is_bad_input(stack: SandboxStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stack.root)
    done = CliRunner().invoke(app, ["recover", "--import", "network-vpc"])
    assert done.exit_code == 2
    assert "'network-vpc' is no NAME=ID" in done.output
