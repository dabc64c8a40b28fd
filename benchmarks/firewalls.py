"""Generated previews of one firewall with thousands of inline rules."""

from typing import Any, Final

from benchmarks.plans import PREFIX, STACK, digest, stack, step

_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_PORTS: Final = 50_000


def firewall_plan_of(rules: int) -> dict[str, Any]:
    """A preview in which a security group with this number of rules gets other ports for all of them.

    Every tenth rule is for the whole internet.
    """
    before, after = ({"name": "gate", "ingress": [_rule(number, shift) for number in range(rules)]} for shift in (0, 1))
    return digest([stack(), step("update", f"{PREFIX}{_GROUP}::gate", STACK, before, after)])


def _rule(number: int, shift: int) -> dict[str, Any]:
    port = 1024 + (2 * number + shift) % _PORTS
    source = "0.0.0.0/0" if number % 10 == 0 else f"10.{number >> 8 & 255}.{number & 255}.0/24"
    rule = {"protocol": "tcp", "fromPort": port, "toPort": port, "cidrBlocks": [source]}
    return rule | {"description": f"service {number}"}
