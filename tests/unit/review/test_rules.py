"""AWS firewall rules that are equivalent in another order, grouping or notation, and others."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.compare.diff import differences
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.values.plain import UNKNOWN

GROUP, RULE = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS, ACL = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:ec2/networkAcl:NetworkAcl"
NATIVE, ACL_RULE = "aws-native:ec2:SecurityGroup", "aws:ec2/networkAclRule:NetworkAclRule"

A, B, C = "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"


def rule(*cidrs: str, port: Any = 443, last: Any = None, protocol: Any = "tcp", **more: Any) -> dict[str, Any]:
    last = port if last is None else last
    return {"protocol": protocol, "fromPort": port, "toPort": last, "cidrBlocks": [*cidrs], **more}


EVERY = {"port": 0, "last": 0, "protocol": "-1"}

SAME: dict[str, tuple[list[Any], list[Any]]] = {
    "addresses in another order": ([rule(A, B)], [rule(B, A)]),
    "rules in another order": ([rule(A), rule(B, port=80)], [rule(B, port=80), rule(A)]),
    "one rule of two addresses as two": ([rule(A, B)], [rule(A), rule(B)]),
    "two rules as one": ([rule(A), rule(B)], [rule(B, A)]),
    "grouped in another way": ([rule(A, B), rule(C)], [rule(A), rule(B, C)]),
    "an address twice": ([rule(A), rule(A, B)], [rule(A, B)]),
    "TCP by its number": ([rule(A)], [rule(A, protocol="6")]),
    "UDP by its number": ([rule(A, protocol="udp")], [rule(A, protocol=17)]),
    "in capitals": ([rule(A)], [rule(A, protocol="TCP")]),
    "all protocols by a word": ([rule(A, **EVERY)], [rule(A, port=0, last=0, protocol="all")]),
    "ports of all protocols": ([rule(A, **EVERY)], [rule(A, port=-1, last=-1, protocol="-1")]),
    "ports of all protocols, every one": ([rule(A, **EVERY)], [rule(A, port=0, last=65535, protocol="-1")]),
    "ports of another protocol": ([rule(A, port=0, protocol="50")], [rule(A, port=-1, protocol="50")]),
    "numbers as texts": ([rule(A)], [rule(A, port="443")]),
    "an address in the middle of its range": ([rule(A)], [rule("10.1.2.3/16")]),
    "IPv6 at length": ([rule(ipv6CidrBlocks=["2001:db8::/32"])], [rule(ipv6CidrBlocks=["2001:0DB8:0::/32"])]),
    "IPv6 and IPv4": ([rule(A, ipv6CidrBlocks=["::/0"])], [rule(ipv6CidrBlocks=["::/0"]), rule(A)]),
    "groups in another order": ([rule(securityGroups=["sg-1", "sg-2"])], [rule(securityGroups=["sg-2", "sg-1"])]),
    "itself apart": ([rule(A, self=True)], [rule(self=True), rule(A)]),
    "defaults that say nothing": ([rule(A)], [rule(A, description="", self=False, prefixListIds=[])]),
}

OTHER: dict[str, tuple[list[Any], list[Any]]] = {
    "an address more": ([rule(A)], [rule(A, B)]),
    "an address less, and grouped in another way": ([rule(A, B), rule(C)], [rule(B, C)]),
    "another address": ([rule(A)], [rule(B)]),
    "another port": ([rule(A)], [rule(A, port=80)]),
    "a wider range": ([rule(A)], [rule(A, port=443, last=444)]),
    "another protocol": ([rule(A)], [rule(A, protocol="udp")]),
    "another number": ([rule(A)], [rule(A, protocol="17")]),
    "a type of ICMP": ([rule(A, protocol="icmp", port=8, last=0)], [rule(A, protocol="icmp", port=-1, last=-1)]),
    "another family": ([rule("0.0.0.0/0")], [rule(ipv6CidrBlocks=["::/0"])]),
    "crossed": ([rule(A), rule(B, port=80)], [rule(B), rule(A, port=80)]),
    "no itself": ([rule(A, self=True)], [rule(A)]),
    "another description": ([rule(A, description="a")], [rule(A, description="b")]),
    "an unknown address": ([rule(A)], [{**rule(A), "cidrBlocks": [UNKNOWN]}]),
    "nothing": ([rule(A)], []),
}


@pytest.mark.parametrize("side", ["ingress", "egress"])
@pytest.mark.parametrize("name", SAME)
def test_equivalent_rules_are_not_a_change(name: str, side: str) -> None:
    for old, new in (SAME[name], SAME[name][::-1]):
        both = update(GROUP, {side: old}, {side: new}, reported=(f"{side}[0].protocol",))
        assert (differences(both).shown, dangers(plan(both))) == ((), ())
        assert differences(both).noise > 0


@pytest.mark.parametrize("side", ["ingress", "egress"])
@pytest.mark.parametrize("name", OTHER)
def test_different_rules_are_a_change(name: str, side: str) -> None:
    for old, new in (OTHER[name], OTHER[name][::-1]):
        if "not known" in name and new == OTHER[name][0]:
            continue
        assert differences(update(GROUP, {side: old}, {side: new})).shown
        assert bool(dangers(plan(update(GROUP, {side: old}, {side: new})))) is (name != "another description")


def test_only_differences_are_shown_regardless_of_grouping() -> None:
    old, new = [rule(A, B), rule(C, port=80)], [rule(C, port=80), rule(B), rule(A), rule(C, port=22)]
    (shown,) = differences(update(GROUP, {"ingress": old}, {"ingress": new})).shown
    assert shown.old is None and shown.new and "22" in shown.new


@pytest.mark.parametrize(
    ("type", "old", "new"),
    [
        (RULE, rule(A, B, type="ingress"), rule(B, A, type="ingress", protocol="6")),
        (RULE, rule(A, **EVERY), rule(A, port=0, last=65535, protocol="all")),
        (INGRESS, {"ipProtocol": "-1", "cidrIpv4": A}, {"ipProtocol": "all", "cidrIpv4": A}),
        (
            INGRESS,
            {"ipProtocol": "6", "cidrIpv4": A, "fromPort": 1},
            {"ipProtocol": "tcp", "cidrIpv4": A, "fromPort": 1},
        ),
        (
            ACL_RULE,
            {"protocol": "6", "cidrBlock": A, "fromPort": 1, "toPort": 2},
            {"protocol": "tcp", "cidrBlock": A, "fromPort": "1", "toPort": "2"},
        ),
        (
            ACL,
            {
                "ingress": [
                    {"ruleNo": 1, "protocol": "6", "cidrBlock": A, "fromPort": 1, "toPort": 1, "action": "allow"}
                ]
            },
            {
                "ingress": [
                    {"ruleNo": 1, "protocol": "tcp", "cidrBlock": A, "fromPort": 1, "toPort": 1, "action": "allow"}
                ]
            },
        ),
        (
            NATIVE,
            {"securityGroupIngress": [{"ipProtocol": "6", "cidrIp": A, "fromPort": 1, "toPort": 1}]},
            {"securityGroupIngress": [{"ipProtocol": "tcp", "cidrIp": A, "fromPort": 1, "toPort": 1}]},
        ),
    ],
)
def test_equivalent_separate_rules_are_not_a_change(type: str, old: Any, new: Any) -> None:
    both = update(type, old, new)
    assert (differences(both).shown, dangers(plan(both))) == ((), ())


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (rule(A, type="ingress"), rule(A, type="ingress", protocol="-1"), "protocol"),
        (rule(A, type="ingress"), rule(B, type="ingress", protocol="6"), "cidrBlocks[0]"),
        (rule(A, type="ingress"), rule(A, type="egress"), "type"),
        (rule(A, sourceSecurityGroupId="a"), rule(A, sourceSecurityGroupId="b"), "sourceSecurityGroupId"),
    ],
)
def test_a_different_separate_rule_is_a_change(old: Any, new: Any, name: str) -> None:
    assert name in [each.path for each in differences(update(RULE, old, new)).shown]
    assert dangers(plan(update(RULE, old, new)))


def test_values_that_only_look_like_rules_are_compared_unchanged() -> None:
    old = {"spec": {"ports": [{"protocol": "TCP", "port": 1}]}}
    new = {"spec": {"ports": [{"protocol": "6", "port": 1}]}}
    assert differences(update("kubernetes:core/v1:Service", old, new)).shown
    entry = {"ruleNo": 1, "protocol": "6", "cidrBlock": A, "fromPort": 1, "toPort": 1, "action": "allow"}
    both = update(ACL, {"ingress": [entry]}, {"ingress": [{**entry, "action": "deny"}]})
    assert differences(both).shown and change(ACL, Op.SAME)
