"""What the rules of a firewall open on its targets, compared with a simple implementation for one target at a time."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpctl.review.firewalls import combined
from mlpctl.review.firewalls.guarded import Guarded, Member
from mlpctl.review.firewalls.opened import OTHERS, Opened
from mlpctl.review.firewalls.openings import PORTS, Layer, Opening
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.values import addresses
from mlpctl.review.values.addresses import Addresses

FAMILIES = (4, 6)
RANGES = (
    *("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "2000::/3", "2000::/4", "3000::/4", "2a00::/16"),
    *("52.0.0.0/8", "52.0.0.0/9", "52.128.0.0/9", "53.0.0.0/8", "52.1.1.1/32", "0.0.0.0-52.1.1.0", "52.1.1.2/31"),
    *("52.1.1.4-255.255.255.255", "10.0.0.0/8", "10.0.0.5"),
)
TARGETS = ("a", "b", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.9", "10.0.0.9/32")

LAYERS = st.builds(
    lambda low, width, sources, **more: Layer(low=low, high=low + width, sources=addresses.parsed(sources), **more),
    low=st.integers(0, 6),
    width=st.sampled_from((0, 0, 1, 3, 2000, PORTS[1])),
    sources=st.lists(st.sampled_from(RANGES), min_size=1, max_size=3),
    allows=st.sampled_from((True, True, False)),
    order=st.integers(0, 3),
    protocol=st.sampled_from(("", "tcp", "tcp", "udp", "sctp", "gre")),
    targets=st.sets(st.sampled_from(TARGETS), max_size=2).map(frozenset) | st.just(frozenset[str]()),
    doubtful=st.sampled_from((False, False, False, True)),
)
SIDES = st.lists(LAYERS, max_size=3)


@st.composite
def firewalls(draw: Any) -> Sequence[Member]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        old = draw(SIDES)
        new = draw(st.one_of(SIDES, st.just(old), SIDES.map(lambda more, old=old: [*old, *more])))
        change = Change(f"urn:pulumi:a::b::gcp:compute/firewall:Firewall::{number}", Op.UPDATE, old={}, new={})
        found.append(Member(change, Opening(), tuple(old), tuple(new)))
    return found


def rules_for(target: str, rules: Sequence[Layer], names: Sequence[str]) -> list[Layer]:
    return [each for each in rules if {target, *names} & each.targets]


def containing(target: str, names: Sequence[str]) -> list[str]:
    """The targets with all addresses of another one."""
    found = []
    for name in names:
        mine, its = addresses.parsed([target]), addresses.parsed([name])
        if name != target and any(mine[each] and not mine[each] - its[each] for each in FAMILIES):
            found.append(name)
    return found


def let_in(rules: Sequence[Layer], port: int, family: int) -> Addresses:
    active = sorted((each for each in rules if each.low <= port <= each.high), key=lambda x: (x.order, x.allows))
    return addresses.let_in([(each.allows, each.sources.get(family, Addresses())) for each in active])


def outcome(sides: Sequence[Sequence[Layer]], port: int, family: int) -> bool | None:
    before, after = (let_in(side, port, family) for side in sides)
    if addresses.is_internet(before, family):
        return None
    if addresses.is_internet(after, family):
        return True
    return False if addresses.is_large(after - before, family) else None


def newly(sides: Sequence[Sequence[Layer]], regions: Sequence[Layer] | None) -> Iterator[Opened]:
    """What becomes open on the ports of some rules, or on all ports."""
    layers = [each for side in sides for each in (*side, *(regions or ()))]
    protocols = {each.protocol for each in layers}
    for protocol in [*OTHERS, *sorted(protocols - {"", *OTHERS})]:
        fitting = [[each for each in side if each.protocol in ("", protocol)] for side in sides]
        ports = None if regions is None else [each for each in regions if each.protocol in ("", protocol)]
        if "" not in protocols and protocol not in protocols:
            continue
        points = sorted({0, *(port for each in layers for port in (each.low, each.high + 1) if port <= PORTS[1])})
        for family in FAMILIES:
            rows = []
            for number, low in enumerate(points):
                high = points[number + 1] - 1 if number + 1 < len(points) else PORTS[1]
                inside = ports is None or any(each.low <= low <= each.high for each in ports)
                rows.append((outcome(fitting, low, family) if inside else None, low, high))
            for whole, some in groupby(rows, key=lambda row: row[0]):
                if whole is not None:
                    run = [*some]
                    yield Opened(protocol, run[0][1], run[-1][2], family, whole)


def overlap(one: Layer, other: Layer) -> bool:
    alike = not one.protocol or not other.protocol or one.protocol == other.protocol
    return alike and one.low <= other.high and other.low <= one.high


def opened(members: Sequence[Member], doubtful: bool) -> Mapping[str, set[Opened]]:
    """What becomes open, by target."""
    every = [[each for member in members for each in side(member)] for side in (lambda x: x.old, lambda x: x.new)]
    counted = [[each for each in side if doubtful or not each.doubtful] for side in every]
    wide = [[each for each in side if not each.targets] for side in counted]
    names = sorted({name for side in every for each in side for name in each.targets})
    found = {"": {*newly(wide, None)}}
    for target in names:
        around = containing(target, names)
        region = [each for side in every for each in rules_for(target, side, around)]
        near = {each.protocol for each in region}
        own = [rules_for(target, side, around) for side in counted]
        inside = [[each for each in side if any(overlap(each, x) for x in region)] for side in wide]
        everything = [[*own[side], *inside[side]] for side in (0, 1)]
        found[target] = {each for each in newly(everything, region) if "" in near or each.protocol in near}
    return found


def touches(member: Member, target: str, each: Opened, names: Sequence[str], *, everything: bool) -> bool:
    rules = [x for x in member.new if x.allows] + [x for x in member.old if not x.allows]
    mine = [x for x in rules if (not x.targets if everything else {target, *names} & x.targets)]
    return any(
        x.protocol in ("", each.protocol) and x.low <= each.high and each.low <= x.high and x.sources.get(each.family)
        for x in mine
    )


@pytest.mark.engine  # takes seconds by itself
@settings(max_examples=400, deadline=None)
@given(firewalls(), st.sampled_from((0, 1, 4, 100)))
def test_targets_that_share_rules_are_like_targets_that_are_looked_at_alone(
    members: Sequence[Member], few: int
) -> None:
    with patch.object(combined, "_FEW", few):
        compare(members)


def compare(members: Sequence[Member]) -> None:
    guarded = Guarded(members)
    for doubtful in (False, True):
        expected = opened(members, doubtful)
        names = [each for each in expected if each]
        for member in members:
            wanted = {
                each
                for target, found in expected.items()
                for each in found
                if touches(member, target, each, (), everything=True)
                or (target and touches(member, target, each, containing(target, names), everything=False))
            }
            found = guarded.opened(member, doubtful)
            assert {*found} == wanted
            assert len(found) == len(wanted)
