"""How the work of a review grows with its plan, measured in calls, since time depends on the machine."""

import functools
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from benchmarks.mixed import mixed_plan_of
from benchmarks.plans import plan_of

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.cost.estimate import estimate
from mlpctl.review.dangers import groups, risk, watched
from mlpctl.review.firewalls import reach
from mlpctl.review.plan import model
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.reading import reader
from mlpctl.review.values import addresses
from unit.review.engine import ROOT, Step, digest, state

TODAY = date(2026, 11, 26)
SIZES = (200, 800)
SLACK = 1.4
"""Tolerance, since the content of a plan is random."""

BOOK = book.load()


def calls(work: Callable[[], Any]) -> int:
    """Number of function calls of a piece of work."""
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
    # A plan caches results, so each measurement needs its own plan.
    counts = [calls(functools.partial(work, replace(each))) for each in plans]
    for (one, some), (other, more) in pairwise(zip(plans, counts, strict=True)):
        assert more / some < SLACK * len(other.changes) / len(one.changes), counts


@functools.cache
def plans_of(made: Callable[[int], Any]) -> list[Plan]:
    return [reader.read(json.dumps(made(size))) for size in SIZES]


@pytest.mark.engine  # seconds in all
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
def test_the_work_of_each_part_is_linear_in_the_plan(work: Callable[[Plan], Any], made: Callable[[int], Any]) -> None:
    grows_no_faster(work, plans_of(made))


def policy_of(statements: int, number: int, *, named: bool, shift: int) -> str:
    """A policy with a number of statements; another `shift` changes all of them."""
    every = [
        {
            **({"Sid": f"s{each}"} if named else {}),
            "Effect": "Allow",
            "Action": ["s3:GetObject", f"s3:Put{each}"],
            "Resource": f"arn:aws:s3:::bucket-{(each + shift) % statements}-{number}/*",
        }
        for each in range(statements)
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": every})


@pytest.mark.engine  # seconds in all
@pytest.mark.parametrize("shift", [0, 1], ids=["in another order", "with other resources"])
@pytest.mark.parametrize("named", [True, False])
def test_comparing_policies_is_linear_in_their_statements(named: bool, shift: int) -> None:
    type = "aws:iam/policy:Policy"

    def review_of(statements: int) -> Callable[[], Any]:
        old, new = (policy_of(statements, 1, named=named, shift=each) for each in (0, shift))
        if not shift:
            document = json.loads(new)
            new = json.dumps({**document, "Statement": document["Statement"][::-1]})
        text = digest(
            ROOT, Step("update", state(type, "p", {"policy": old}), state(type, "p", {"policy": new}), ("policy",))
        )
        return lambda: assemble.review(reader.read(text), BOOK, TODAY)

    review_of(10)()
    some, more = (calls(review_of(size)) for size in SIZES)
    assert more / some < SLACK * SIZES[1] / SIZES[0], (some, more)


def test_the_differences_of_a_resource_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    once = model.differences
    monkeypatch.setattr(model, "differences", lambda change: found.append(change.urn) or once(change))
    type = "aws:rds/instance:Instance"
    steps = [
        Step("replace", state(type, f"p{each}", {"engine": "a"}), state(type, f"p{each}", {"engine": "b"}), ("engine",))
        for each in range(20)
    ]
    assemble.review(reader.read(digest(ROOT, *steps)), BOOK, TODAY)
    assert len(found) == len(set(found)) == len(steps)


def test_harmless_properties_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    every = watched.compared
    monkeypatch.setattr(watched, "compared", lambda *args, **more: asked.append(args[2]) or every(*args, **more))
    old, new = (policy_of(10, 1, named=True, shift=each) for each in (0, 1))
    type = "aws:iam/policy:Policy"
    step = Step("update", state(type, "p", {"policy": old}), state(type, "p", {"policy": new}), ("policy",))
    assemble.review(reader.read(digest(ROOT, step)), BOOK, TODAY)
    assert asked == ["policy"]


@pytest.mark.parametrize(
    ("type", "name", "old", "new"),
    [
        ("aws:rds/instance:Instance", "backupRetentionPeriod", 7, 0),
        ("aws:iam/policy:Policy", "policy", "s3:GetObject", "*"),
        ("aws:kms/key:Key", "policy", "kms:Sign", "kms:*"),
        ("aws:eks/nodeGroup:NodeGroup", "scalingConfig", {"minSize": 2}, {"minSize": 0}),
    ],
)
def test_a_property_is_compared_once_for_all_its_watches(
    type: str, name: str, old: Any, new: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    every = watched.compared
    monkeypatch.setattr(watched, "compared", lambda *args, **more: asked.append(args[2]) or every(*args, **more))

    def inputs(value: Any) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": value, "Resource": "*", "Principal": "*"}
        return {name: json.dumps({"Statement": [statement]}) if name == "policy" else value}

    step = Step("update", state(type, "p", inputs(old)), state(type, "p", inputs(new)), (name,))
    assemble.review(reader.read(digest(ROOT, step)), BOOK, TODAY)
    assert asked and len(asked) == len(set(asked))


def test_an_address_of_a_rule_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    every = addresses._spans
    monkeypatch.setattr(addresses, "_spans", lambda text: asked.append(text) or every(text))
    ranges = ["10.0.0.0/16", "10.1.0.0/16"]
    rule = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ranges}
    assert reach.same([rule], [{**rule, "cidrBlocks": [*reversed(ranges)]}])
    assert sorted(asked) == sorted(2 * ranges)


def test_combining_a_chain_of_components_is_linear() -> None:
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


def test_cyclic_dependencies_are_unchanged() -> None:
    circle = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "c")]
    assert assemble._shortest(circle) == sorted(circle)


def rules_of(size: int, way: str) -> Plan:
    """A plan in which every lifecycle rule of a bucket changes."""

    def rules(days: int, end: str) -> list[dict[str, Any]]:
        scopes: dict[str, Callable[[str], Any]] = {
            "prefix": lambda name: {"prefix": f"{name}/"},
            "tag": lambda name: {"tag": {"key": "team", "value": name}},
        }
        return [
            {"id": str(each), "filter": scopes[way](f"{each}{end}"), "expiration": {"days": days}, "status": "Enabled"}
            for each in range(size)
        ]

    type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    old, new = ({"bucket": "b", "rules": rules(*each)} for each in ((30, ""), (29, "x")))
    return Plan((Change(f"urn:pulumi:a::b::{type}::rules", Op.UPDATE, old=old, new=new),))


@pytest.mark.parametrize("way", ["prefix", "tag"])
def test_comparing_lifecycle_rules_is_linear(way: str) -> None:
    counts = [calls(functools.partial(risk.dangers, rules_of(size, way))) for size in (50, 200)]
    assert counts[1] < SLACK * 4 * counts[0]


def test_the_cost_of_a_chain_of_parents_is_linear() -> None:
    plans = []
    for size in (50, 200):
        urns = [f"urn:pulumi:a::b::acme:index:Part::part-{number}" for number in range(size)]
        parts = [
            Change(urn, Op.SAME, old={}, new={}, custom=False, parent=above)
            for urn, above in zip(urns, ["", *urns], strict=False)
        ]
        buckets = [
            Change(f"urn:pulumi:a::b::aws:s3/bucket:Bucket::{number}", Op.CREATE, new={}, parent=urn)
            for number, urn in enumerate(urns)
        ]
        plans.append(Plan((*parts, *buckets)))
    price = functools.partial(estimate, book=BOOK, region="eu-west-1", usage={"part-0": {"storageGb": 5}}, today=TODAY)
    grows_no_faster(price, plans)
    grows_no_faster(lambda each: [each.component(one) for one in each], plans)
    assert {plans[1].component(each) for each in plans[1]} == {"urn:pulumi:a::b::acme:index:Part::part-0"}
