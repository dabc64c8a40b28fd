"""Security groups allow the same traffic if rules are split, joined, moved or described differently."""

from dataclasses import replace
from typing import Any

import pytest

from changes import change, plan, update, urn
from mlpctl.review.compare.diff import differences
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.firewalls import reach
from mlpctl.review.firewalls.reach import Reaches
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.relations.targets import Targets
from mlpctl.review.values.plain import UNKNOWN

GROUP, RULE = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
NATIVE, NATIVE_RULE = "aws-native:ec2:SecurityGroup", "aws-native:ec2:SecurityGroupIngress"
AZURE = "azure-native:network:NetworkSecurityGroup"

A, B, C = "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"


def rule(*cidrs: str, first: int = 443, last: int | None = None, protocol: str = "tcp", **more: Any) -> dict[str, Any]:
    last = first if last is None else last
    return {"protocol": protocol, "fromPort": first, "toPort": last, "cidrBlocks": [*cidrs], **more}


SAME: dict[str, tuple[list[Any], list[Any]]] = {
    "another description": ([rule(A, description="a")], [rule(A, description="b")]),
    "no description": ([rule(A, description="a")], [rule(A)]),
    "descriptions of rules that are split": (
        [rule(A, B, description="both")],
        [rule(A, description="one"), rule(B, description="other")],
    ),
    "halves of a range": ([rule("10.0.0.0/8")], [rule("10.0.0.0/9", "10.128.0.0/9")]),
    "a range within another": ([rule("10.0.0.0/8")], [rule("10.0.0.0/8"), rule(A)]),
    "ports one by one": ([rule(A, first=80, last=82)], [rule(A, first=80), rule(A, first=81), rule(A, first=82)]),
    "ports that overlap": ([rule(A, first=80, last=90)], [rule(A, first=80, last=85), rule(A, first=84, last=90)]),
    "a port within all": ([rule(A, protocol="-1", first=0)], [rule(A, protocol="-1", first=0), rule(A)]),
    "every port at length": (
        [rule(A, first=0, last=65535)],
        [rule(A, first=0, last=100), rule(A, first=101, last=65535)],
    ),
    **{
        f"a message within {protocol} {first} {last}": (
            [rule(A, protocol=protocol, first=first, last=last)],
            [rule(A, protocol=protocol, first=first, last=last), rule(A, protocol=protocol, first=8, last=0)],
        )
        for protocol in ("icmp", "1", "icmpv6", "58", "-1", "all")
        for first, last in ((-1, -1), (8, -1))
    },
    "every code of a message": (
        [rule(A, protocol="icmp", first=3, last=-1)],
        [rule(A, protocol="icmp", first=3, last=-1), *(rule(A, protocol="1", first=3, last=n) for n in range(16))],
    ),
    "messages of a part of the addresses": (
        [rule("10.0.0.0/8", protocol="icmp", first=-1)],
        [rule("10.0.0.0/8", protocol="icmp", first=-1), rule(A, protocol="icmp", first=0)],
    ),
    "its own ID": ([rule(self=True)], [rule(securityGroups=["sg-1"])]),
    "its own ID beside itself": ([rule(self=True)], [rule(securityGroups=["sg-1"], self=True)]),
    "its own ID beside others": (
        [rule(A, self="true", securityGroups=["sg-2"])],
        [rule(A, securityGroups=["sg-2", "sg-1"])],
    ),
    "groups and addresses": ([rule(A, securityGroups=["sg-1"])], [rule(A), rule(securityGroups=["sg-1"])]),
}

OTHER: dict[str, tuple[list[Any], list[Any]]] = {
    "half of a range": ([rule("10.0.0.0/8")], [rule("10.0.0.0/9")]),
    "a port less": ([rule(A, first=80, last=82)], [rule(A, first=80), rule(A, first=82)]),
    "another group": ([rule(securityGroups=["sg-1"])], [rule(securityGroups=["sg-2"])]),
    "no itself": ([rule(A, self=True)], [rule(A)]),
    "another protocol": ([rule(A)], [rule(A, protocol="udp")]),
    "a type of ICMP": ([rule(A, protocol="icmp", first=8, last=0)], [rule(A, protocol="icmp", first=-1)]),
    "another type of ICMP": (
        [rule(A, protocol="icmp", first=8, last=-1)],
        [rule(A, protocol="icmp", first=8, last=-1), rule(A, protocol="icmp", first=0, last=0)],
    ),
    "another code of ICMP": (
        [rule(A, protocol="icmp", first=3, last=1)],
        [rule(A, protocol="icmp", first=3, last=2)],
    ),
    "the ICMP of IPv6": ([rule(A, protocol="icmp", first=8)], [rule(A, protocol="icmpv6", first=8)]),
    "another group beside itself": ([rule(self=True)], [rule(self=True, securityGroups=["sg-2"])]),
    "a prefix list": ([rule(prefixListIds=["pl-1"])], [rule(prefixListIds=["pl-2"])]),
    "an unknown address": ([rule(A)], [{**rule(A), "cidrBlocks": [UNKNOWN]}]),
    "another range and another description": ([rule(A, description="a")], [rule(B, description="b")]),
    "nothing": ([rule(A)], []),
}


@pytest.mark.parametrize("side", ["ingress", "egress"])
@pytest.mark.parametrize("name", SAME)
def test_rules_that_allow_the_same_traffic_are_not_a_danger(name: str, side: str) -> None:
    for old, new in (SAME[name], SAME[name][::-1]):
        both = update(GROUP, {side: old}, {side: new}, id="sg-1")
        assert dangers(plan(both)) == ()
        assert differences(both).shown or differences(both).noise, "it is a change all the same"


@pytest.mark.parametrize("side", ["ingress", "egress"])
@pytest.mark.parametrize("name", OTHER)
def test_rules_that_allow_other_traffic_are_a_danger(name: str, side: str) -> None:
    for old, new in (OTHER[name], OTHER[name][::-1]):
        assert not reach.same(old, new)
        if "not known" not in name or new == OTHER[name][1]:
            assert dangers(plan(update(GROUP, {side: old}, {side: new})))


def alone(name: str, op: Op, cidr: str, *, type: str = INGRESS, **more: Any) -> Change:
    inputs = {"securityGroupId": "sg-1", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": cidr, **more}
    return change(type, op, name=name, inputs=inputs)


def group(op: Op, old: Any, new: Any) -> Change:
    return change(GROUP, op, name="g", id="sg-1", old={"ingress": old}, new={"ingress": new})


def classic(name: str, op: Op, *cidrs: str, direction: str = "ingress") -> Change:
    return change(RULE, op, name=name, inputs={"securityGroupId": "sg-1", "type": direction, **rule(*cidrs)})


MOVED: dict[str, tuple[Change, ...]] = {
    "a rule of two addresses as two": (
        classic("both", Op.DELETE, A, B),
        classic("a", Op.CREATE, A),
        classic("b", Op.CREATE, B),
    ),
    "two as one": (classic("a", Op.DELETE, A), classic("b", Op.DELETE, B), classic("both", Op.CREATE, B, A)),
    "another name": (alone("a", Op.DELETE, A), alone("b", Op.CREATE, A)),
    "another type": (classic("a", Op.DELETE, A), alone("b", Op.CREATE, A)),
    "out of its group": (group(Op.UPDATE, [rule(A), rule(B)], [rule(A)]), alone("b", Op.CREATE, B)),
    "into its group": (alone("b", Op.DELETE, B), group(Op.UPDATE, [rule(A)], [rule(A, B)])),
    "an outbound one": (alone("a", Op.DELETE, A, type=EGRESS), alone("b", Op.CREATE, A, type=EGRESS)),
    "a replacement for its description": (
        update(INGRESS, alone("a", Op.CREATE, A).new, alone("a", Op.CREATE, A, description="x").new, op=Op.REPLACE),
    ),
    "traffic that another rule allows": (alone("wide", Op.SAME, "10.0.0.0/8"), alone("narrow", Op.DELETE, A)),
}


@pytest.mark.parametrize("name", [name for name in MOVED if "group" not in name])
def test_moved_separate_rules_are_not_a_danger(name: str) -> None:
    assert dangers(plan(*MOVED[name])) == ()


@pytest.mark.parametrize("name", [name for name in MOVED if "group" in name])
def test_rules_that_become_inline_or_separate_are_not_a_danger(name: str) -> None:
    assert dangers(plan(*MOVED[name])) == ()


LESS: dict[str, tuple[Change, ...]] = {
    "one of two": (classic("both", Op.DELETE, A, B), classic("a", Op.CREATE, A)),
    "the other direction": (classic("a", Op.DELETE, A), classic("b", Op.CREATE, A, direction="egress")),
    "another group": (alone("a", Op.DELETE, A), alone("b", Op.CREATE, A, securityGroupId="sg-2")),
    "a new one": (alone("a", Op.SAME, A), alone("b", Op.CREATE, B)),
    "the last one": (alone("a", Op.DELETE, A),),
}


@pytest.mark.parametrize("name", LESS)
def test_added_and_removed_rules_are_a_danger(name: str) -> None:
    assert dangers(plan(*LESS[name]))


def test_a_rule_that_is_no_longer_managed_still_applies() -> None:
    assert dangers(plan(change(INGRESS, Op.FORGET, old=alone("a", Op.CREATE, A).new, new=None))) == ()


def test_rules_of_a_group_in_the_plan_are_combined_by_reference() -> None:
    whole = change(GROUP, Op.SAME, name="g")
    depends = {"securityGroupId": (urn(GROUP, "g"),)}
    old = change(INGRESS, Op.DELETE, name="a", inputs=alone("a", Op.CREATE, A).new, depends=depends)
    later = {**(alone("b", Op.CREATE, A).new or {}), "securityGroupId": UNKNOWN}
    assert dangers(plan(whole, old, change(INGRESS, Op.CREATE, name="b", inputs=later, depends=depends))) == ()


def test_groups_of_the_native_provider_are_compared_too() -> None:
    def inside(*cidrs: str) -> Any:
        rules = [{"ipProtocol": "tcp", "fromPort": 1, "toPort": 1, "cidrIp": each} for each in cidrs]
        return {"securityGroupIngress": rules}

    assert dangers(plan(update(NATIVE, inside("10.0.0.0/8"), inside("10.0.0.0/9", "10.128.0.0/9")))) == ()
    alone = {"groupId": "sg-1", "ipProtocol": "tcp", "fromPort": 1, "toPort": 1, "cidrIp": A}
    moved = [change(NATIVE_RULE, op, name=op.value, inputs=alone) for op in (Op.DELETE, Op.CREATE)]
    assert dangers(plan(*moved)) == ()


def test_descriptions_of_other_firewalls_are_ignored_too() -> None:
    def rules(**more: Any) -> Any:
        entry = {"name": "x", "access": "Allow", "protocol": "Tcp", "sourceAddressPrefix": A, **more}
        return {"securityRules": [entry]}

    assert dangers(plan(update(AZURE, rules(description="a"), rules(description="b")))) == ()
    assert dangers(plan(update(AZURE, rules(description="a"), rules(description="b", sourceAddressPrefix=B))))


def test_opening_a_group_to_the_internet_is_reported_regardless_of_grouping() -> None:
    wide = update(GROUP, {"ingress": [rule(A)]}, {"ingress": [rule(A), rule("0.0.0.0/1", "128.0.0.0/1", first=22)]})
    assert "the whole internet can connect on tcp 22" in dangers(plan(wide))[0].text


@pytest.mark.engine  # takes seconds by itself
def test_thousands_of_rules_are_combined() -> None:
    many = [rule(f"10.{number % 250}.{number // 250}.0/24", first=number) for number in range(5000)]
    assert reach.same(many, [*reversed(many)])
    assert not reach.same(many, [*reversed(many[1:])])


def test_too_many_rules_that_overlap_are_compared_individually() -> None:
    many = [rule(f"10.{number % 250}.{number // 250}.0/24", first=number, last=65535) for number in range(1000)]
    assert sum(range(1000)) > reach.MOST
    assert not reach.same(many, [*reversed(many)])


@pytest.mark.parametrize("listed", [False, True])
def test_a_rule_that_moves_to_another_group_is_a_danger(listed: bool) -> None:
    groups = [change(GROUP, Op.SAME, name=each, id=each) for each in ("sg-1", "sg-2")] if listed else []
    old = alone("a", Op.CREATE, A).new or {}
    moved = update(INGRESS, old, {**old, "securityGroupId": "sg-2"}, op=Op.REPLACE, forced_by=("securityGroupId",))
    assert dangers(plan(*groups, moved))


def test_a_rule_of_a_replaced_group_is_reported_only_with_the_group() -> None:
    whole = update(GROUP, {"description": "a"}, {"description": "b"}, op=Op.REPLACE, name="g", id="sg-1")
    old = alone("a", Op.CREATE, A).new or {}
    new = {**old, "securityGroupId": UNKNOWN}
    rule_of_it = update(INGRESS, old, new, op=Op.REPLACE, depends={"securityGroupId": (urn(GROUP, "g"),)})
    assert [each.urn for each in dangers(plan(whole, rule_of_it))] == [whole.urn]


ITSELF = [
    (RULE, {"type": "ingress", "protocol": "tcp", "self": True}),
    (RULE, {"type": "ingress", "protocol": "tcp", "sourceSecurityGroupId": "sg-1"}),
    (INGRESS, {"ipProtocol": "tcp", "referencedSecurityGroupId": "sg-1"}),
]


def its_own(number: int, op: Op, name: str) -> Change:
    type, more = ITSELF[number]
    return change(type, op, name=name, inputs={"securityGroupId": "sg-1", "fromPort": 443, "toPort": 443, **more})


@pytest.mark.parametrize("came", range(len(ITSELF)))
@pytest.mark.parametrize("went", range(len(ITSELF)))
def test_the_id_of_its_own_group_means_the_group_itself(went: int, came: int) -> None:
    assert dangers(plan(its_own(went, Op.DELETE, "a"), its_own(came, Op.CREATE, "b"))) == ()
    inline = update(GROUP, {"ingress": []}, {"ingress": [rule(self=True)]}, id="sg-1")
    assert dangers(plan(its_own(went, Op.DELETE, "a"), inline)) == ()


def test_the_owner_of_its_own_group_has_no_meaning() -> None:
    inputs = {"groupId": "sg-1", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "sourceSecurityGroupId": "sg-1"}
    went = change(NATIVE_RULE, Op.DELETE, name="a", inputs=inputs)
    came = change(NATIVE_RULE, Op.CREATE, name="b", inputs={**inputs, "sourceSecurityGroupOwnerId": "123456789012"})
    assert dangers(plan(went, came)) == ()


def test_the_id_before_a_replacement_is_another_group_after_it() -> None:
    old, new = {"ingress": [rule(self=True)]}, {"ingress": [rule(securityGroups=["sg-1"])]}
    replaced = change(GROUP, Op.REPLACE, old=old, new=new, id="sg-1", forced_by=("name",))
    reaches = Reaches([replaced], Targets(plan(replaced), {"sg-1": replaced}, lambda change, name: ()))
    assert not reaches.keeps(replaced, "ingress")
    updated = replace(replaced, op=Op.UPDATE)
    reaches = Reaches([updated], Targets(plan(updated), {"sg-1": updated}, lambda change, name: ()))
    assert reaches.keeps(updated, "ingress")
