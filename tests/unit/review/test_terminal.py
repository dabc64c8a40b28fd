"""Reports on a terminal."""

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Report
from mlpctl.review.writers.terminal import page
from unit.review import reports
from unit.review.hostile import NAMES
from unit.review.poison import poison
from unit.review.test_inert import everything


def printed(report: Report, *, width: int = 160, terminal: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=terminal, color_system="standard" if terminal else None).print(
        page(report)
    )
    return out.getvalue()


def test_verdict_dangers_costs_and_changes_are_in_this_order() -> None:
    text = printed(reports.pool_changed())
    expected = [
        "2 replace, 1 update; +$7,039 per month",
        "1 will drop capacity, 1 may interrupt serving",
        "Sandbox plan",
        "will drop capacity",
        "instanceTypes[0]: g5.12xlarge → g6e.12xlarge",
        "may interrupt serving",
        "US dollars per month",
        "+7,039",
        "cost.maxMonthlyUsd",
        "GPU node pool",
    ]
    rest = text
    for each in expected:
        assert each in rest
        rest = rest.split(each, 1)[1]


def test_columns_are_aligned() -> None:
    lines = printed(reports.first_creation()).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("US dollars"))
    heading, first, second = lines[start : start + 3]
    assert heading.index("After") + 5 == first.index("40,179") + 6 == second.index("15,319") + 6


@pytest.mark.parametrize("make", reports.ALL)
def test_colors_are_only_for_terminals(make: Callable[[], Report]) -> None:
    assert "\x1b" not in printed(make())
    assert "\x1b" in printed(make(), terminal=True)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_hostile_name_controls_no_terminal_and_no_workflow(name: str) -> None:
    text = printed(poison(everything(), name))
    assert text.replace("\n", "").isprintable()
    assert not re.search(r"^\s*::(?:set-output|error)|##\[|\$\{\{", text, re.MULTILINE)


def test_everything_destroyed_is_named_among_2000() -> None:
    text = printed(reports.many(destructive=400))
    assert all(f"shard-{number:04}-bucket" in text for number in range(400))
    assert "and 10 components more" in text


def test_exceeded_rejected_unchecked_and_missing_parts_are_reported() -> None:
    text = printed(reports.limits_broken())
    for expected in (
        "exceeded",
        "rejected",
        "spec.replicas: a whole number",
        "Not checked",
        "1 price older than 90 days",
    ):
        assert expected in text
    text = printed(reports.incomplete())
    assert "may be incomplete: The program failed before it came to its end." in text
    assert "KeyError" in text


def test_an_unpriced_resource_never_costs_zero() -> None:
    assert re.search(r"ImageRegistry images +— +— +— +1", printed(reports.first_creation()))


def test_changed_resources_are_listed_with_their_differences() -> None:
    text = printed(reports.pool_changed())
    assert "± inference-nodes" in text and "~ inference-template" in text
    assert "imageId: ami-0aaa → ami-0bbb" in text
    assert "instanceTypes[0]: g5.12xlarge → g6e.12xlarge (forces the replacement)" in text


def test_many_resources_are_shortened_and_counted() -> None:
    text = printed(reports.many(destructive=0))
    assert "and 28 resources more" in text and "and 1 more" in text
    assert len(text.splitlines()) < 1_200


def test_the_reason_and_the_next_step_are_shown() -> None:
    row = reports.row("Launch template", "t", Op.REPLACE, reasons=("it is tainted",))
    text = printed(reports.report([reports.group("X x", "", [row])]))
    assert "it is tainted" in text and "Next: No action is needed before the update." in text
