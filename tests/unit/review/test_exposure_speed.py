"""The time to compare long lists of rules."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes import plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.values.addresses import Addresses, let_in

ACL = "aws:ec2/networkAcl:NetworkAcl"


def acl(count: int, shift: int = 0) -> dict[str, Any]:
    """Rules that each allow another address range on another port."""
    return {
        "ingress": [
            {
                "ruleNo": 100 + number,
                "action": "deny" if number % 3 == 0 else "allow",
                "protocol": "tcp",
                "fromPort": 1000 + number * 7 + shift,
                "toPort": 1003 + number * 7 + shift,
                "cidrBlock": f"{number % 200 + 11}.{number // 200}.0.0/16",
            }
            for number in range(count)
        ]
    }


@pytest.mark.engine  # takes seconds
def test_a_network_acl_with_400_rules_is_compared_in_seconds() -> None:
    started = time.monotonic()
    dangers(plan(update(ACL, acl(400), acl(400, 2))))
    assert time.monotonic() - started < 5
    started = time.monotonic()
    wide = {"ingress": [{**each, "fromPort": 1, "toPort": 2000 + n} for n, each in enumerate(acl(400)["ingress"])]}
    dangers(plan(update(ACL, acl(400), wide)))
    assert time.monotonic() - started < 10


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)), max_size=5)


def some(spans: list[tuple[int, int]]) -> Addresses:
    found = Addresses()
    for low, length in spans:
        found |= Addresses(((low, low + length),))
    return found


def members(of: Addresses) -> set[int]:
    return {number for low, high in of.spans for number in range(low, high + 1)}


@given(SPANS, SPANS)
def test_the_difference_of_address_sets(one: list[tuple[int, int]], two: Any) -> None:
    assert members(some(one) - some(two)) == members(some(one)) - members(some(two))


@given(st.lists(st.tuples(st.booleans(), SPANS), max_size=6))
def test_the_first_rule_that_matches_an_address_applies(rules: list[tuple[bool, list[tuple[int, int]]]]) -> None:
    made = [(allows, some(spans)) for allows, spans in rules]
    first = {number: next((yes for yes, each in made if number in members(each)), False) for number in range(40)}
    assert members(let_in(made)) == {number for number, allows in first.items() if allows}
