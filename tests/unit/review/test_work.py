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

from changes import plan as changed_plan
from changes import update
from mlpctl.review import addresses, assemble, groups, plan, reach, reader, risk, watched
from mlpctl.review.cost import book
from mlpctl.review.cost.estimate import estimate
from mlpctl.review.plan import Change, Op, Plan
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
    once = plan.differences
    monkeypatch.setattr(plan, "differences", lambda change: found.append(change.urn) or once(change))
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


def test_comparing_firewalls_with_many_targets_is_at_most_quadratic() -> None:
    """Each rule for a target is combined with each rule for all targets, but not with those of other targets."""

    def rules(count: int) -> Plan:
        def rule(number: int, **more: Any) -> dict[str, Any]:
            allows = [{"protocol": "tcp", "ports": [str(1000 + number)]}]
            return {"network": "n", "sourceRanges": ["0.0.0.0/0"], "allows": allows, **more}

        every = [rule(each, **({"targetTags": [f"t{each}"]} if each % 2 else {})) for each in range(count)]
        return Plan(
            tuple(
                Change(
                    f"urn:pulumi:a::b::gcp:compute/firewall:Firewall::{number}",
                    Op.UPDATE,
                    old=each,
                    new={**each, "priority": 900},
                )
                for number, each in enumerate(every)
            )
        )

    sizes = (20, 80)
    risk.dangers(rules(4))
    some, more = (calls(lambda size=size: risk.dangers(rules(size))) for size in sizes)  # type: ignore[misc] # a default
    assert more / some < SLACK * (sizes[1] / sizes[0]) ** 2, (some, more)


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


GROUP, ACL = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/networkAcl:NetworkAcl"
NSG = "azure-native:network:NetworkSecurityGroup"


def _ingress(count: int, shift: int, **more: Any) -> dict[str, Any]:
    numbers = range(shift, count + shift)
    rule = {"protocol": "tcp", "description": "a", **more}
    cidr = {number: [f"52.{number >> 8}.{number & 255}.0/24"] for number in numbers}
    return {
        "ingress": [{"fromPort": n, "toPort": n, "cidrBlocks": cidr[n], **rule} for n in numbers],
    }


def _nsg(count: int, shift: int) -> dict[str, Any]:
    """Rules that each apply to an address of their own, besides rules for all of them."""
    rule = {"direction": "Inbound", "protocol": "Tcp", "access": "Allow", "sourceAddressPrefix": "*"}
    ports = [
        {
            **{"name": f"r{number}", "priority": number, "destinationPortRange": str(number)},
            **{"destinationAddressPrefix": f"10.1.{number >> 8}.{number & 255}" if number % 2 else "*"},
        }
        for number in range(shift, count + shift)
    ]
    return {"securityRules": [{**rule, **each} for each in ports]}


def _acl(count: int, shift: int) -> dict[str, Any]:
    rules = range(count)
    return {
        "ingress": [
            {
                **{"ruleNo": number + 1, "action": "deny" if number % 3 == 0 else "allow", "protocol": "tcp"},
                **{"fromPort": 7 * number + shift, "toPort": 7 * number + shift + 3},
                "cidrBlock": f"{number % 200 + 11}.{number // 200}.0.0/16",
            }
            for number in rules
        ]
    }


LONG: dict[str, tuple[str, Callable[[int, int], dict[str, Any]]]] = {
    "ports and sources": (GROUP, _ingress),
    "sources": (GROUP, lambda count, shift: _ingress(count, shift, fromPort=22, toPort=22)),
    "ports": (GROUP, lambda count, shift: _ingress(count, shift, cidrBlocks=["0.0.0.0/0"])),
    "ports that overlap": (GROUP, lambda count, shift: _ingress(count, shift, toPort=65535)),
    "a network ACL": (ACL, _acl),
    "targets": (NSG, _nsg),
}


@pytest.mark.parametrize("name", LONG)
def test_the_time_grows_like_the_number_of_rules_of_a_firewall(name: str) -> None:
    type, made = LONG[name]
    plans = [changed_plan(update(type, made(count, 0), made(count, 5))) for count in (10, 200, 800)]
    risk.dangers(plans[0])
    small, large = (calls(functools.partial(risk.dangers, each)) for each in plans[1:])
    assert large < SLACK * 4 * small, f"{large / small:.1f} times for four times the rules"
