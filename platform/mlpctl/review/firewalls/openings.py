"""Parses firewall rules of all types into allowed and denied protocols, ports and sources: `openings.yaml`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any, Final, Literal

from awsfacts.tables import Row, read_table
from mlpctl.review.compare.equality import word
from mlpctl.review.compare.paths import holds, value_at
from mlpctl.review.types import records
from mlpctl.review.values import addresses
from mlpctl.review.values.addresses import Addresses
from mlpctl.review.values.plain import Unknown, Value, finite, items, whole

PORTS: Final = (0, 65_535)

MESSAGES: Final = 256
"""Number of ICMP types, and of codes per type: https://www.iana.org/assignments/icmp-parameters."""

_ANY: Final = frozenset({"-1", "all", "any", "*", "", "none"})
_EVERY_PORT: Final = frozenset({"*", "all", "0-65535"})
_ALL_TARGETS: Final = frozenset({"*", "0.0.0.0/0", "::/0", "Any", "VirtualNetwork"})
"""Values of providers for a rule that applies to everything behind its firewall."""

_NUMBERS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "132": "sctp"}
"""https://www.iana.org/assignments/protocol-numbers"""

_SPAN: Final = re.compile(r"\s*([0-9]{1,9})\s*(?:-\s*([0-9]{1,9})\s*)?")
"""A port or a range of ports."""

PORTLESS: Final = frozenset({"icmp", "icmpv6", "any other protocol"})
"""Protocols without ports, and the placeholder for protocols that no rule names."""


class Opening(Row):
    """The format of firewall rules that some types share."""

    parts: bool = False
    """Whether its rules may also be separate resources."""

    whole: Sequence[str] = ()
    """Properties that refer to the firewall of a rule; the first one that is set shows whether it already exists."""

    anew: bool = False
    """Whether a new firewall that is open to the internet is also reported, except for web ports."""

    anew_named: bool = False
    """Whether a new firewall is reported only for the well-known ports of `openings.yaml`: others may be public."""

    rules: str = ""
    """Path of the list of rules; empty if the resource is a rule."""

    when: Mapping[str, Any] = {}
    """Inputs that it must have to allow any connection."""

    when_any: Sequence[Mapping[str, Any]] = ()
    """Alternatives of further inputs, one of which it must have; null matches an input that is not set."""

    unless: Sequence[Mapping[str, Any]] = ()
    """Inputs with which it allows no connections."""

    disabled: Mapping[str, Any] = {}
    """Values that disable a rule."""

    sources: Sequence[str] = ()
    """Paths of the address ranges in a rule."""

    lowest: Sequence[str] = ()
    """Paths of the first address, if a rule has a first and a last address."""

    highest: Sequence[str] = ()
    open: Sequence[str] = ()
    """Paths of sources: if none of them is set, a rule applies to every source. If empty, it then applies to none."""

    open_family: Literal[4, 6] | None = None
    """The only address family of a rule without sources; None for both."""

    services: str = ""
    """Path of the protocols and ports in a rule, if it has several."""

    refusals: str = ""
    """Path of the protocols and ports that it denies."""

    protocol: str = ""
    assumed: str = ""
    """The default protocol; empty for all protocols."""

    with_ports: Sequence[str] = ()
    """Protocols that a rule for all protocols is limited to if it names ports; otherwise such a rule has no ports."""

    ported: Sequence[str] = ("tcp", "udp", "sctp")
    """Protocols with ports; a provider ignores those of a rule for another one.

    https://cloud.google.com/firewall/docs/firewalls#protocols_and_ports
    """

    ports: Sequence[str] = ()
    """Paths of ports, and of port ranges such as `80-90`."""

    first: str = ""
    last: str = ""
    deny: Mapping[str, Any] = {}
    """Values that make a rule a deny rule."""

    order: str = ""
    """Property with the priority: the first matching rule applies; a deny rule precedes others of its priority."""

    assumed_order: float = inf
    """The default priority."""

    targets: Sequence[str] = ()
    """Paths of the targets of a rule; if none of them is set, it applies to everything behind its firewall."""

    labels: Sequence[str] = ()
    """Properties of a rule that have no effect on what it allows. Formats without them are not compared as a whole."""

    defaults: Mapping[str, Any] = {}
    """Default values of other properties of a rule."""

    pairs: Sequence[Sequence[str]] = ()
    """Properties with one value and with several, of which a rule has one."""

    caseless: bool = False
    """Whether the API ignores the case of values."""

    icmp_type: str = ""
    """Path of the ICMP type; a negative value means all types."""

    icmp_code: str = ""

    portless: bool = False
    """Whether the rules have no ports."""

    says: str = "can connect"
    """What the allowed sources can do, after their name in a sentence."""


@dataclass(frozen=True)
class Layer:
    """One range of ports that a rule allows or denies."""

    allows: bool
    order: float
    protocol: str
    """Empty for every protocol."""

    low: int
    high: int
    sources: Mapping[int, Addresses]
    targets: frozenset[str] = frozenset()
    """Its targets; empty for everything behind its firewall."""

    doubtful: bool = False
    """Whether its protocol or port is unknown."""


def ways(opening: Opening) -> Sequence[str]:
    """Properties of a resource that define its rules."""
    if opening.rules:
        return (opening.rules,)
    singles = (opening.services, opening.refusals, opening.order) if opening.services else ()
    own = () if opening.services else (opening.protocol, *opening.ports, opening.first, opening.last, opening.order)
    found = (*opening.sources, *opening.lowest, *opening.highest, *opening.open, *singles, *own, *opening.targets)
    conditions = [*_inputs(opening), *opening.disabled, *opening.deny]
    return tuple(dict.fromkeys(way.split("[]")[0] for way in (*found, *conditions) if way))


def paths(opening: Opening) -> Iterator[str]:
    """All paths of inputs that a format reads."""
    yield from _inputs(opening)
    lead = f"{opening.rules}[]." if opening.rules else ""
    rule = (*opening.sources, *opening.lowest, *opening.highest, *opening.open, *opening.targets, opening.order)
    yield from (f"{lead}{way}" for way in (*rule, *opening.disabled, *opening.deny) if way)
    service = (opening.protocol, *opening.ports, opening.first, opening.last, opening.icmp_type, opening.icmp_code)
    for services in (opening.services, opening.refusals) if opening.services else ("",):
        below = f"{lead}{services.removesuffix('[]')}[]." if services else lead
        yield from (f"{below}{way}" for way in service if way)


def _inputs(opening: Opening) -> Iterator[str]:
    """Paths of the inputs that decide whether a resource allows any connection."""
    yield from opening.when
    yield from (way for each in (*opening.when_any, *opening.unless) for way in each)


def layers(opening: Opening, inputs: Mapping[str, Value] | None) -> tuple[Layer, ...]:
    """What the inputs of a resource allow and deny."""
    if inputs is None or not holds(inputs, opening.when) or not is_for_incoming(opening, inputs, *opening.unless):
        return ()
    if opening.when_any and not any(holds(inputs, each) for each in opening.when_any):
        return ()
    found = value_at(inputs, opening.rules) if opening.rules else [inputs]
    rules = found if isinstance(found, list) else []
    return tuple(layer for rule in rules if isinstance(rule, Mapping) for layer in _rule(opening, rule))


def denies(opening: Opening, rule: Mapping[str, Value]) -> bool:
    """Whether a rule denies what it is about; the APIs accept the word in any case."""
    return bool(opening.deny) and _holds(rule, opening.deny, caseless=True)


def is_for_incoming(opening: Opening, rule: Mapping[str, Value], *unless: Mapping[str, Any]) -> bool:
    """Whether a rule has none of the values with which it is not about incoming connections."""
    return not any(_holds(rule, each, caseless=opening.caseless) for each in (opening.disabled, *unless) if each)


def _holds(rule: Mapping[str, Value], wanted: Mapping[str, Any], *, caseless: bool) -> bool:
    if not caseless:
        return holds(rule, wanted)
    return all(word(value_at(rule, way)).lower() == word(value).lower() for way, value in wanted.items())


def _rule(opening: Opening, rule: Mapping[str, Value]) -> Iterator[Layer]:
    if not is_for_incoming(opening, rule):
        return
    sources = _sources(opening, rule)
    refuses = denies(opening, rule)
    order = value_at(rule, opening.order) if opening.order else 0
    given = finite(order)
    number = opening.assumed_order if given is None else given
    targets, unsure = targets_of(opening, rule)
    parts = [(opening.services, not refuses)]
    if opening.refusals:
        parts.append((opening.refusals, False))
    for way, allows in parts:
        for each in services_of(opening, rule, way):
            for protocol, low, high, doubtful in ports_of(opening, each):
                yield Layer(allows, number, protocol, low, high, sources, targets, doubtful or unsure)


def targets_of(opening: Opening, rule: Mapping[str, Value]) -> tuple[frozenset[str], bool]:
    """The targets of a rule for incoming connections, empty for all, and whether they are unknown."""
    found = named_targets(opening, rule)
    known = frozenset(str(each) for each in found if not isinstance(each, Unknown))
    if known & _ALL_TARGETS:
        return frozenset(), False
    return known, len(known) < len(set(map(str, found)))


def named_targets(opening: Opening, rule: Mapping[str, Value]) -> list[Value]:
    """The targets of a rule as it names them."""
    return [each for way in opening.targets for each in items(value_at(rule, way))]


def services_of(opening: Opening, rule: Mapping[str, Value], way: str) -> list[Mapping[str, Value]]:
    """The parts of a rule with protocols and ports; a rule that names none applies to all ports."""
    found = value_at(rule, way) if way else [rule]
    if not found and not isinstance(found, Unknown) and not opening.refusals:
        return [{opening.protocol: "*"}]
    return [each for each in items(found) if isinstance(each, Mapping)]


def unlimited(opening: Opening, rule: Mapping[str, Value]) -> bool:
    """Whether a rule has no sources and therefore applies to every source."""
    return bool(opening.open) and all(value_at(rule, way) in (None, [], "") for way in opening.open)


def _sources(opening: Opening, rule: Mapping[str, Value]) -> Mapping[int, Addresses]:
    """The addresses that a rule applies to."""
    if unlimited(opening, rule):
        return addresses.everything(opening.open_family)
    texts: list[Value] = []
    without: list[Value] = []
    for way in opening.sources:
        for each in items(value_at(rule, way)):
            if isinstance(each, Mapping):
                texts.append(each.get("cidr"))
                without += items(each.get("except"))
            elif isinstance(each, str):
                texts += each.split(",")
    firsts, lasts = (
        next((found for way in ways if isinstance(found := value_at(rule, way), str)), "")
        for ways in (opening.lowest, opening.highest)
    )
    if firsts and lasts:
        texts.append(f"{firsts}-{lasts}")
    found, less = addresses.parsed(texts), addresses.parsed(without)
    return {family: found[family] - less[family] for family in found}


def ports_of(opening: Opening, service: Mapping[str, Value]) -> Iterator[tuple[str, int, int, bool]]:
    """Tuples of protocol, first and last port, and whether these are unknown."""
    given = value_at(service, opening.protocol) if opening.protocol else None
    doubtful = isinstance(given, Unknown)
    word = str(opening.assumed if given is None else given).lower()
    protocol = "" if doubtful or word in _ANY else _NUMBERS.get(word, word)
    if protocol in PORTLESS and opening.icmp_type:
        yield _messages(opening, service, protocol)
        return
    if protocol and protocol not in opening.ported:
        yield protocol, *PORTS, False
        return
    limited = bool(opening.with_ports) and not protocol and not doubtful
    if opening.portless or (not protocol and not limited):
        yield protocol, *PORTS, doubtful
        return
    if opening.ports:
        values = [each for way in opening.ports for each in items(value_at(service, way))] or ["*"]
        if limited and any(str(each) in _EVERY_PORT for each in values):
            yield protocol, *PORTS, False
            return
        last = value_at(service, opening.last) if opening.last else None
        for one in opening.with_ports if limited else [protocol]:
            for each in values:
                yield from _port(one, each, last)
        return
    first, last = (value_at(service, way) for way in (opening.first, opening.last))
    low, high = _integer(first, PORTS[0]), _integer(last, PORTS[1])
    if low < 0 or high < 0:
        low, high = PORTS
    yield protocol, low, high, isinstance(first, Unknown) or isinstance(last, Unknown)


def _messages(opening: Opening, service: Mapping[str, Value], protocol: str) -> tuple[str, int, int, bool]:
    """ICMP types and codes, encoded as port numbers."""
    kind, code = value_at(service, opening.icmp_type), value_at(service, opening.icmp_code)
    doubtful = isinstance(kind, Unknown) or isinstance(code, Unknown)
    if doubtful:
        return protocol, *PORTS, True
    return protocol, *messages(_integer(kind, -1), _integer(code, -1)), False


def messages(kind: int | None, code: int | None) -> tuple[int, int]:
    """The first and the last number of an ICMP type and code; without one, or if it is negative, those of all."""
    if kind is None or not 0 <= kind < MESSAGES:
        return PORTS
    start = kind * MESSAGES
    return (start, start + MESSAGES - 1) if code is None or not 0 <= code < MESSAGES else (start + code, start + code)


def _port(protocol: str, value: Value, last: Value) -> Iterator[tuple[str, int, int, bool]]:
    """A port, a port range, or a named port."""
    if isinstance(value, Unknown):
        yield protocol, *PORTS, True
    elif match := _SPAN.fullmatch(str(value)):
        start = int(match[1])
        yield protocol, start, int(match[2]) if match[2] else _integer(last, start), False
    elif str(value) in _EVERY_PORT:
        yield protocol, *PORTS, False
    else:
        yield f"{protocol} {value}", *PORTS, False


def _integer(value: Value, otherwise: int) -> int:
    found = whole(value)
    return otherwise if found is None else found


class Table(Row):
    """`openings.yaml`, which explains its fields."""

    ports: Mapping[int, str]
    web: Sequence[int]
    openings: Mapping[str, Opening]


@cache
def table() -> Table:
    """The names of ports and the formats of rules."""
    return Table.model_validate(read_table("openings.yaml", "mlpctl.review.firewalls"))


def opening_of(type: str) -> Opening | None:
    """The format of a type's rules; None if it has none."""
    name = records.record(type).opening
    return table().openings[name] if name else None
