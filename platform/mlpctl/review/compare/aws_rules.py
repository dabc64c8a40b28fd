"""Normalizes AWS firewall rules to one rule per protocol, port range and source.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html: a permission with several ranges is
several rules, a protocol may be a name or a number, and ports apply only to TCP, UDP and ICMP.
"""

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mlpctl.review.values.plain import Value, is_hidden, whole

_PROTOCOLS: Final = ("protocol", "ipProtocol")
_NUMBERS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
"""https://www.iana.org/assignments/protocol-numbers, and AWS's value for all protocols."""

_WITH_PORTS: Final = frozenset({"tcp", "udp", "icmp", "icmpv6"})
_PORTS: Final = ("fromPort", "toPort")
_MESSAGES: Final = ("icmpType", "icmpCode")

_SOURCES: Final = (
    *("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroups", "self"),
    *("cidrBlock", "ipv6CidrBlock", "cidrIp", "cidrIpv6", "cidrIpv4"),
)
"""Properties with sources of a rule; the order of their lists is insignificant."""

_LISTS: Final = frozenset(_SOURCES[:4])

NOTATION: Final = frozenset({*_PROTOCOLS, *_PORTS, *_MESSAGES, *_SOURCES})
"""Properties that together define a rule."""

Atoms = frozenset[str]


def same(old: Value, new: Value) -> bool:
    """Whether two rules, or two rule resources, are equivalent, apart from properties outside of `NOTATION`."""
    before, after = _notation(old), _notation(new)
    return bool(before) and before == after


def left(old: Sequence[Value], new: Sequence[Value]) -> tuple[list[tuple[int, Value]], list[tuple[int, Value]]] | None:
    """Rules, with their positions, that only one side has, regardless of grouping; None if the items are not rules."""
    if not (old or new) or not all(_notation(side[0]) for side in (old, new) if side):
        return None
    before, after = [_atoms(each) for each in old], [_atoms(each) for each in new]
    if not all((*before, *after)):
        return None
    had, has = frozenset[str]().union(*before), frozenset[str]().union(*after)
    gone = [(number, item) for number, item in enumerate(old) if before[number] - has]
    come = [(number, item) for number, item in enumerate(new) if after[number] - had]
    return gone, come


def _atoms(rule: Value) -> Atoms:
    """The normalized rules of one rule, with its other properties; empty if it is not a rule or is unknown."""
    found = _notation(rule)
    others = {key: each for key, each in rule.items() if key not in NOTATION and each} if found else {}
    rest = json.dumps(others, sort_keys=True, default=repr)
    return frozenset(f"{each} {rest}" for each in found)


def _notation(rule: Value) -> Atoms:
    if not isinstance(rule, Mapping) or not any(key in rule for key in (*_PORTS, *_SOURCES)):
        return frozenset()
    protocol = next((rule[key] for key in _PROTOCOLS if key in rule), None)
    if protocol is None or any(is_hidden(each) for key, each in rule.items() if key in NOTATION):
        return frozenset()
    word = protocol_of(protocol)
    ports = tuple(whole(rule.get(key)) for key in (*_PORTS, *_MESSAGES)) if word in _WITH_PORTS else ()
    sources = [*_sources(rule)] or ["nowhere"]
    return frozenset(f"{word} {ports} {source}" for source in sources)


def protocol_of(value: Value) -> str:
    """The name of a protocol in any notation; `-1` for all protocols."""
    word = str(value).lower()
    return _NUMBERS.get(word, word)


def _sources(rule: Mapping[str, Value]) -> Iterator[str]:
    for key in _SOURCES:
        value = rule.get(key)
        if key in _LISTS:
            yield from (_source(each) for each in (value if isinstance(value, list) else []))
        elif key == "self":
            yield from ["itself"] if value is True or value == "true" else []
        elif value:
            yield _source(value)


def _source(value: Value) -> str:
    """An address range in normal form; any other value unchanged."""
    try:
        return str(ipaddress.ip_network(str(value), strict=False))
    except ValueError:
        return str(value)
