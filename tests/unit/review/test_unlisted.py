"""Plans without unchanged resources, which the engine omits by default."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.cost import command as cost_command
from mlpctl.review.plan.model import Plan
from mlpctl.review.reading import preview, reader
from mlpctl.stack import Stack, StackError
from unit.review.commands import fake_pulumi

URN = "urn:pulumi:dev::shop::aws:ebs/volume:Volume::"
PLATFORM = json.dumps({"cost": {"maxMonthlyUsd": 1000}})
TODAY = date(2026, 11, 26)


def volume(op: str, name: str) -> dict[str, Any]:
    state = {"urn": URN + name, "type": "aws:ebs/volume:Volume", "custom": True, "inputs": {"type": "gp3", "size": 100}}
    return {"op": op, "urn": URN + name, "newState": state, **({"oldState": state} if op == "same" else {})}


def digest(*steps: dict[str, Any], same: int) -> Plan:
    return reader.read(
        json.dumps(
            {
                "config": {"aws:region": "us-east-1", "mlplatform:platform": PLATFORM},
                "steps": steps,
                "duration": 1,
                "changeSummary": {"create": 1, "same": same},
            }
        )
    )


def test_resources_that_a_plan_omits_are_counted() -> None:
    assert digest(volume("create", "a"), same=7).unlisted == 7
    assert digest(volume("create", "a"), volume("same", "b"), same=1).unlisted == 0


def test_the_stream_of_events_counts_them_too() -> None:
    event = {"resourcePreEvent": {"metadata": {"op": "same", "urn": URN + "a", "old": {}, "new": {}}}}
    summary = {"summaryEvent": {"resourceChanges": {"same": 3}}}
    assert reader.read("\n".join(map(json.dumps, (event, summary)))).unlisted == 2


def test_a_cost_without_them_says_so_in_every_format() -> None:
    plan = digest(volume("create", "a"), same=1_200)
    report = assemble.review(plan, book.load(), TODAY)
    assert report.cost and report.cost.totals.unlisted == 1_200
    assert report.verdict.endswith("excluding 1,200 resources that the plan does not list")
    assert "--show-sames" in report.unchecked[0].why
    (limit,) = report.limits
    assert "does not list 1,200 unchanged resources" in limit.text
    console = Console(record=True, width=200)
    cost_command.show(plan, book.load(), TODAY, console)
    assert "does not list 1,200 unchanged resources" in console.export_text().replace("\n", " ")


def test_a_complete_plan_does_not_mention_it() -> None:
    report = assemble.review(digest(volume("create", "a"), same=0), book.load(), TODAY)
    assert "does not list" not in report.model_dump_json()


def test_our_own_preview_requests_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(*arguments: str, variables: Mapping[str, str]) -> Any:
        asked.extend(arguments)
        return SimpleNamespace(stdout="no plan", stderr="stop", returncode=1)

    stack: Any = SimpleNamespace(name="dev", run=run)
    with pytest.raises(StackError):
        preview.preview(stack, sandbox=True)
    assert {"--show-sames", "--show-replacement-steps", "--event-log"} <= {*asked}


def test_the_documented_command_requests_everything(root: Path) -> None:
    recipe = next(line for line in (root / "docs" / "review.md").read_text().splitlines() if "> plan.json" in line)
    assert {"--json", "--show-sames", "--show-replacement-steps"} <= {*recipe.split()}


def test_our_own_preview_completes_the_digest_from_the_events() -> None:
    folder = Path(__file__).parent / "streams"

    def run(*arguments: str, variables: Mapping[str, str]) -> Any:
        assert variables == {"PULUMI_DEBUG_COMMANDS": "true"}
        log = Path(arguments[arguments.index("--event-log") + 1])
        log.write_bytes((folder / "policies.ndjson").read_bytes())
        return SimpleNamespace(stdout=(folder / "nothing.json").read_text(), stderr="", returncode=code)

    stack: Any = SimpleNamespace(name="dev", run=run)
    code = 0
    report = assemble.review(preview.preview(stack, sandbox=False), book.load(), TODAY)
    assert [each.policy for each in report.violations] == ["no-public", "budget", "tags"]
    assert report.unchecked == ()
    code = 255
    with pytest.raises(StackError, match="guards/no-public: no bucket is public"):
        preview.preview(stack, sandbox=False)


def test_the_engine_omits_them_by_default() -> None:
    folder = Path(__file__).parents[2] / "golden" / "plans"
    plain, whole = (reader.load(folder / f"unchanged{end}.json") for end in ("", "-shown"))
    assert plain.unlisted == len(whole.changes) - len(plain.changes) > 0
    assert whole.unlisted == 0


def test_additional_variables_reach_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_pulumi(tmp_path))
    script = tmp_path / "bin" / "pulumi"
    script.write_text('#!/bin/sh\nprintf "$PULUMI_DEBUG_COMMANDS $KEPT"\n')
    monkeypatch.setenv("KEPT", "kept")
    assert Stack(tmp_path, "dev").run("preview", variables=preview.EVENT_LOG).stdout == "true kept"
