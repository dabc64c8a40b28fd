"""How the work of a review grows with its plan: counted in calls, since a clock tells of the machine as well."""

import functools
import json
import sys
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from benchmarks.mixed import mixed_plan_of
from benchmarks.plans import plan_of

from mlpctl.review import assemble, groups, reader, risk
from mlpctl.review.cost import book
from mlpctl.review.cost.estimate import estimate
from mlpctl.review.plan import Change, Op, Plan

TODAY = date(2026, 11, 26)
SIZES = (200, 800)
SLACK = 1.4
"""How much more a plan may take than its size says, since what it holds is left to chance."""

BOOK = book.load()


def calls(work: Callable[[], Any]) -> int:
    """How many functions a piece of work calls."""
    count = 0

    def counted(*event: Any) -> None:
        nonlocal count
        count += event[1] in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def grows_no_faster(work: Callable[[Plan], Any], plans: list[Plan]) -> None:
    work(plans[0])
    counts = [calls(lambda plan=plan: work(plan)) for plan in plans]  # type: ignore[misc] # a default of a lambda
    for (one, some), (other, more) in pairwise(zip(plans, counts, strict=True)):
        assert more / some < SLACK * len(other.changes) / len(one.changes), counts


@functools.cache
def plans_of(made: Callable[[int], Any]) -> list[Plan]:
    return [reader.read(json.dumps(made(size))) for size in SIZES]


@pytest.mark.parametrize("made", [mixed_plan_of, plan_of])
@pytest.mark.parametrize(
    "work",
    [
        lambda plan: estimate(plan, BOOK, region="us-east-1", usage={}, today=TODAY),
        risk.dangers,
        groups.groups,
        assemble.edges,
    ],
    ids=["cost", "dangers", "groups", "edges"],
)
def test_each_part_works_in_proportion_to_the_plan(work: Callable[[Plan], Any], made: Callable[[int], Any]) -> None:
    grows_no_faster(work, plans_of(made))


def test_components_in_a_row_are_joined_in_proportion() -> None:
    plans = []
    for size in SIZES:
        changes: list[Change] = []
        for number in range(size):
            part = Change(f"urn:pulumi:a::b::acme:index:Part::part-{number}", Op.UPDATE, old={}, new={}, custom=False)
            causes = tuple(each.urn for each in changes[-6:] if each.custom)
            one = Change(
                f"urn:pulumi:a::b::acme:index:Part$aws:ec2/instance:Instance::one-{number}",
                Op.UPDATE,
                old={},
                new={},
                parent=part.urn,
                depends={"userData": causes},
            )
            changes += [part, one]
        plans.append(Plan(tuple(changes)))
    grows_no_faster(assemble.edges, plans)
    edges = {(each.source, each.target) for each in assemble.edges(plans[0])}
    assert edges == {(f"Part part-{number + 1}", f"Part part-{number}") for number in range(SIZES[0] - 1)}


def test_what_is_used_in_a_circle_stays_as_it_is() -> None:
    circle = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "c")]
    assert assemble._shortest(circle) == sorted(circle)
