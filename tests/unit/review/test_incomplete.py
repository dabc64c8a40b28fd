"""Incomplete plans: their verdict always says so."""

import json
from datetime import date
from typing import Any

import pytest
from rich.console import Console

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.cost import command as cost_command
from mlpctl.review.plan.model import Plan, PlanError
from mlpctl.review.reading import reader
from mlpctl.review.report.model import Outcome

TODAY = date(2026, 11, 26)
ERROR = {"severity": "error", "message": "error: the program failed"}
URN = "urn:pulumi:dev::shop::my:index:Thing::"


def plan(*steps: Any, **more: Any) -> Plan:
    return reader.read(json.dumps({"steps": steps, "duration": 1, "changeSummary": {}, **more}))


def step(name: str, parent: str) -> Any:
    return {"op": "create", "urn": URN + name, "newState": {"urn": URN + name, "parent": URN + parent, "inputs": {}}}


def test_a_failed_preview_does_not_report_no_changes() -> None:
    report = assemble.review(plan(diagnostics=[ERROR]), book.load(), TODAY)
    assert report.verdict.startswith("The plan is incomplete.")
    assert (report.project, report.stack) == ("unknown", "unknown"), "it came to no resource that names them"
    assert report.outcome is Outcome.PARTIAL


def test_a_preview_without_changes_says_so_and_passes() -> None:
    report = assemble.review(plan(), book.load(), TODAY)
    assert report.verdict.startswith("No changes")
    assert report.outcome is Outcome.KEPT


def test_the_cost_of_a_failed_preview_is_reported_as_incomplete() -> None:
    console = Console(record=True, width=200)
    partial = cost_command.show(plan(diagnostics=[ERROR]), book.load(), TODAY, console)
    assert partial is Outcome.PARTIAL
    assert "not complete" in console.export_text(clear=False)
    both = {"dev": plan(), "prod": plan(diagnostics=[ERROR])}
    assert cost_command.compare(both, book.load(), TODAY, console) is Outcome.PARTIAL
    assert "prod is not complete" in console.export_text()
    assert cost_command.show(plan(), book.load(), TODAY, console) is Outcome.KEPT


@pytest.mark.parametrize("steps", [[("a", "a")], [("a", "b"), ("b", "a")], [("c", "a"), ("a", "b"), ("b", "a")]])
def test_a_cycle_of_parents_is_rejected(steps: list[tuple[str, str]]) -> None:
    with pytest.raises(PlanError, match="its own ancestor"):
        plan(*(step(*each) for each in steps))


def test_a_long_chain_of_parents_is_read() -> None:
    assert len(plan(*(step(str(number), str(number - 1)) for number in range(3_000))).changes) == 3_000


def test_an_exceeded_limit_takes_precedence_over_an_incomplete_plan() -> None:
    assert [Outcome.of(passes, reported) for passes in (True, False) for reported in ("", "it failed")] == [0, 3, 1, 1]
