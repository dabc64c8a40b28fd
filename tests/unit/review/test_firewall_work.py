"""How the work to compare firewalls grows with the number of their rules, measured in calls."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from changes import plan as changed_plan
from changes import update
from mlpctl.review.dangers import risk
from mlpctl.review.plan.model import Change, Op, Plan
from unit.review.test_work import SLACK, calls

pytestmark = pytest.mark.engine  # takes seconds by itself

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


def _large(count: int, shift: int) -> dict[str, Any]:
    """Rules of which many together allow a large part of the internet."""
    rule = {"protocol": "tcp"}
    ports = [{"fromPort": 3 * number, "toPort": 3 * number + 200} for number in range(count)]
    cidrs = [[f"{number % 223 + 1}.{128 * bool(shift)}.0.0/9"] for number in range(count)]
    return {"ingress": [{**rule, **each, "cidrBlocks": cidr} for each, cidr in zip(ports, cidrs, strict=True)]}


def _nested(count: int, shift: int) -> dict[str, Any]:
    rules = [{"fromPort": each, "toPort": 60_000 + shift - each, "cidrBlocks": ["0.0.0.0/1"]} for each in range(count)]
    return {"ingress": [{"protocol": "tcp", **each} for each in rules]}


LONG: dict[str, tuple[str, Callable[[int, int], dict[str, Any]]]] = {
    "ports and sources": (GROUP, _ingress),
    "sources": (GROUP, lambda count, shift: _ingress(count, shift, fromPort=22, toPort=22)),
    "ports": (GROUP, lambda count, shift: _ingress(count, shift, cidrBlocks=["0.0.0.0/0"])),
    "ports that overlap": (GROUP, lambda count, shift: _ingress(count, shift, toPort=65535)),
    "large sources and ports that overlap": (GROUP, lambda count, shift: _large(count, shift)),
    "ports inside others": (GROUP, lambda count, shift: _nested(count, shift)),
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


def _host(number: int) -> str:
    return f"11.{number >> 8}.{number & 255}.7/32"


def _firewall(number: int, sources: Iterable[str], ports: Iterable[str] = (), **more: Any) -> dict[str, Any]:
    """A rule of a Google network, for tcp if it is for some ports."""
    allows = {"protocol": "tcp", "ports": [*ports]} if ports else {"protocol": "all"}
    return {"network": "n", "priority": 1000 + number % 3, "sourceRanges": [*sources], "allows": [allows], **more}


def _tagged(number: int, sources: Iterable[str], ports: Iterable[str] = ("22",), **more: Any) -> dict[str, Any]:
    return _firewall(number, sources, ports, targetTags=[f"t{number}"], **more)


def _denied(number: int, sources: Iterable[str], **more: Any) -> dict[str, Any]:
    found = _firewall(number, sources, **more)
    return {**found, "denies": found.pop("allows")}


ALL = ["0.0.0.0/0"]
Rules = list[dict[str, Any]]

NETWORKS: dict[str, Callable[[int], Rules]] = {
    "hosts for targets, all protocols for hosts": lambda count: [
        rule for each in range(count) for rule in (_tagged(each, [_host(each)]), _firewall(each, [_host(each)]))
    ],
    "hosts for targets, all protocols for large ranges": lambda count: [
        rule
        for each in range(count)
        for rule in (_tagged(each, [_host(each)]), _firewall(each, [f"{each % 200 + 11}.0.0.0/9"]))
    ],
    "hosts for targets on all ports, hosts on a port each": lambda count: [
        rule
        for each in range(count)
        for rule in (_tagged(each, [_host(each)], ["0-65535"]), _firewall(each, [_host(each)], [str(9 * each)]))
    ],
    "the internet for targets on all ports, hosts on a port each": lambda count: [
        rule
        for each in range(count)
        for rule in (
            _tagged(each, [*ALL, _host(each)], ["0-65535"]),
            _firewall(each, [_host(each)], [str(9 * each)]),
        )
    ],
    "the internet for targets and for a port each": lambda count: [
        rule
        for each in range(count)
        for rule in (_tagged(each, ALL, [str(1000 + each)]), _firewall(each, ALL, [str(9 * each)]))
    ],
    "denied hosts for all": lambda count: [
        rule for each in range(count) for rule in (_tagged(each, ALL, priority=2000), _denied(each, [_host(each)]))
    ],
    "denied hosts for targets": lambda count: [
        rule
        for each in range(count)
        for rule in (_denied(each, [_host(each)], targetTags=[f"t{each}"]), _firewall(each, ALL, priority=2000))
    ],
    "all denied": lambda count: [
        _denied(0, ALL, priority=65534),
        *(rule for each in range(count) for rule in (_tagged(each, ALL), _firewall(each, [_host(each)]))),
    ],
    "one target": lambda count: [
        rule
        for each in range(count)
        for rule in (
            _firewall(each, [_host(each)], [f"{each}-{each + 5000}"], targetTags=["t"]),
            _firewall(each, [_host(each)]),
        )
    ],
    "the same rule for targets, a port each": lambda count: [
        rule
        for each in range(count)
        for rule in (_tagged(each, ALL, ["0-65535"], priority=1000), _firewall(each, [_host(each)], [str(9 * each)]))
    ],
}


def _network(rules: Rules, changed: Callable[[int], bool]) -> Plan:
    changes = []
    for number, rule in enumerate(rules):
        urn = f"urn:pulumi:a::b::gcp:compute/firewall:Firewall::{number}"
        before = {**rule, "priority": rule["priority"] + 1} if changed(number) else rule
        changes.append(Change(urn, Op.UPDATE if changed(number) else Op.SAME, old=before, new=rule))
    return Plan(tuple(changes))


@pytest.mark.parametrize("changed", [lambda number: True, lambda number: number == 0], ids=["all", "one"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_time_grows_like_the_number_of_firewalls_of_a_network(name: str, changed: Callable[[int], bool]) -> None:
    plans = [_network(NETWORKS[name](count), changed) for count in (10, 50, 200)]
    risk.dangers(plans[0])
    small, large = (calls(functools.partial(risk.dangers, each)) for each in plans[1:])
    assert large < SLACK * 4 * small, f"{large / small:.1f} times for four times the rules"
