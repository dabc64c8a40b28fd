"""Sources and ports of firewall rules, for rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi_aws as aws

from awsfacts.addresses import WIDEST
from mlpctl.policies.checks import any_of, number, parts
from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.review.values import addresses
from mlpctl.review.values.plain import Secret, Unknown, items

RANGES: Final = ("cidrBlocks", "ipv6CidrBlocks")
"""Inputs with address ranges, of rules in a security group and of rules of the older form."""

_NUMBERS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "-1": "all"}
"""https://www.iana.org/assignments/protocol-numbers"""

_LAST_PORT: Final = 65_535
_PREFIX_LIST: Final = token(aws.ec2.ManagedPrefixList)


@dataclass(frozen=True)
class Ports:
    """Ports of a rule."""

    protocol: str
    """`tcp`, `udp`, `icmp`, another one's name or number, or `all`."""

    low: int
    high: int

    def __str__(self) -> str:
        """Return the ports as the object of a sentence: `TCP port 22`."""
        if self.protocol == "all":
            return "all ports"
        if self.protocol not in ("tcp", "udp"):
            return f"the protocol {self.protocol}"
        named = self.protocol.upper()
        return f"{named} port {self.low}" if self.low == self.high else f"{named} ports {self.low}-{self.high}"

    def include(self, protocol: str, port: int) -> bool:
        """Whether a port is among them."""
        return self.protocol == "all" or (self.protocol == protocol and self.low <= port <= self.high)


def ports(rule: Resource, protocol: str) -> Ports:
    """The ports of a rule, whose protocol is in the input `protocol`.

    Raises:
        NotEvaluated: they are not known yet.
    """
    given = str(rule.get(protocol, "all")).lower()
    named = _NUMBERS.get(given, given)
    if named not in ("tcp", "udp"):
        return Ports(named, 0, _LAST_PORT)
    low, high = number(rule.get("fromPort")), number(rule.get("toPort"))
    return Ports(named, int(low or 0), _LAST_PORT if high is None else int(high))


def internet(rule: Resource, *ways: str, lists: Iterable[Resource | None] = ()) -> str:
    """The sources of a rule that are the internet or a large part of it, joined by commas; empty if there are none.

    Args:
        rule: the rule.
        ways: its inputs with address ranges.
        lists: the prefix lists that it refers to; None for one that is not part of the stack.

    Raises:
        NotEvaluated: none is, but one is not known yet.
    """
    values = [value for way in ways for value in items(rule.inputs.get(way))]
    late: NotEvaluated | None = None
    for each in lists:
        try:
            values += _entries(each)
        except NotEvaluated as error:
            late = error
    known = [value for value in values if isinstance(value, str)]
    wide = [value for value in known if is_wide([value])] or (known if is_wide(known) else [])
    if not wide and any(isinstance(value, Unknown | Secret) for value in values):
        raise NotEvaluated(f"{' or '.join(ways)} is not known yet")
    if not wide and late:
        raise late
    return ", ".join(wide)


def is_wide(cidrs: Iterable[Any]) -> bool:
    """Whether address ranges together contain a large part of all public addresses."""
    found = addresses.parsed(cidrs)
    return any(_public(found[version], version) > WIDEST[version] for version in found)


def _public(some: addresses.Addresses, version: int) -> int:
    every = addresses.public(version)
    return every.size - (every - some).size


def prefix_lists(rule: Resource, way: str, within: str = "") -> list[Resource | None]:
    """The prefix lists that a rule refers to; None for those that are not part of the stack.

    Args:
        rule: the rule, or the security group that contains it.
        way: the input with the IDs of prefix lists.
        within: the input with the group's rules; empty if the rule is a resource of its own.
    """
    holders = (
        [each for each in items(rule.inputs.get(within)) if isinstance(each, Mapping)] if within else [rule.inputs]
    )
    given = [id for each in holders for id in items(each.get(way)) if id]
    if not given:
        return []
    found: list[Resource | None] = [each for each in rule.referred(within or way) if each.type == _PREFIX_LIST]
    # The engine names each list that an input depends on once.
    return [*found, *[None] * (len({*map(str, given)}) > len(found))]


def admits_internet(group: Resource) -> bool:
    """Whether a security group admits the internet on any port.

    Raises:
        NotEvaluated: no rule that is known does, but one is not known yet.
    """
    lists = prefix_lists(group, "prefixListIds", within="ingress")
    ways: Sequence[Callable[[], bool]] = (
        lambda: any_of(parts(group, "ingress"), lambda each: bool(internet(each, *RANGES, lists=lists))),
        lambda: any_of(group.referring(aws.vpc.SecurityGroupIngressRule, "securityGroupId"), _admits),
        lambda: any_of(group.referring(aws.ec2.SecurityGroupRule, "securityGroupId"), _admits_by_older_form),
    )
    return any_of(ways, lambda way: way())


def _admits(rule: Resource) -> bool:
    return bool(internet(rule, "cidrIpv4", "cidrIpv6", lists=prefix_lists(rule, "prefixListId")))


def _admits_by_older_form(rule: Resource) -> bool:
    ingress = rule.get("type") != "egress"
    return ingress and bool(internet(rule, *RANGES, lists=prefix_lists(rule, "prefixListIds")))


def _entries(prefix_list: Resource | None) -> Iterator[Any]:
    if prefix_list is None:
        raise NotEvaluated("its prefix list is not part of the stack")
    for entry in parts(prefix_list, "entries"):
        yield entry.get("cidr")
    for entry in prefix_list.referring(aws.ec2.ManagedPrefixListEntry, "prefixListId"):
        yield entry.get("cidr")
