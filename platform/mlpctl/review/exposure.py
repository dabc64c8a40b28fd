"""Firewalls of all kinds, compared by protocol, port and source: what the internet may reach from now on.

How the rules of a type are written is data: `openings.yaml`. Rules that belong together, inline and as resources of
their own, are put together before they are compared: a port that another rule opened already is not opened anew, and
ranges of several rules may be every address there is.
"""

import fnmatch
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from mlpctl.review import addresses
from mlpctl.review.addresses import Addresses
from mlpctl.review.finding import Finding, Tier, causes, listed
from mlpctl.review.kinds import Row, rows, short_type
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.report import Certainty, Harm
from mlpctl.review.values import Unknown, Value, root
from mlpctl.review.watches import holds, value_at

PORTS: Final = (0, 65_535)

_ANY: Final = frozenset({"-1", "all", "any", "*", "", "none"})
_NUMBERS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "132": "sctp"}
"""https://www.iana.org/assignments/protocol-numbers"""

_OTHERS: Final = ("tcp", "udp", "icmp", "any other protocol")
"""What a rule for every protocol is looked at for, besides the protocols that rules name."""

_NEARLY_EVERY: Final = 60_000
"""Ports that are opened where all are open from now on, apart from the few that were open already."""

_PORTLESS: Final = frozenset({"icmp", "icmpv6", "any other protocol"})
_HARMLESS: Final = frozenset({"icmp", "icmpv6"})


class Opening(Row):
    """How some types write what may connect."""

    types: Sequence[str]

    parts: bool = False
    """Whether it has rules that are resources of their own too."""

    whole: Sequence[str] = ()
    """Properties that name what a rule is part of; the first that is there tells whether it exists already."""

    rules: str = ""
    """Way to the list of rules; empty where the resource is one."""

    when: Mapping[str, Any] = {}
    """Inputs with which it lets anybody in."""

    unless: Sequence[Mapping[str, Any]] = ()
    """Inputs with which it lets nobody in."""

    disabled: Mapping[str, Any] = {}
    """Values with which a rule lets nobody in."""

    sources: Sequence[str] = ()
    """Ways to the ranges of addresses in a rule."""

    lowest: Sequence[str] = ()
    """Ways to the first address, where a rule names the first and the last."""

    highest: Sequence[str] = ()
    open: Sequence[str] = ()
    """Where none of these is there, a rule is for every source; without any way it then is for none."""

    services: str = ""
    """Way in a rule to its protocols and ports, where it has several."""

    refusals: str = ""
    """Way to those that it refuses."""

    protocol: str = ""
    assumed: str = ""
    """The protocol where none is given; every one where this is empty."""

    ports: Sequence[str] = ()
    """Ways to ports, and ranges of ports such as `80-90`."""

    first: str = ""
    last: str = ""
    deny: Mapping[str, Any] = {}
    """Values with which a rule refuses."""

    order: str = ""
    """Number by which the first rule that fits counts."""

    portless: bool = False
    """Whether ports are no part of it."""

    says: str = "may connect"
    """What whoever is let in may do."""


@dataclass(frozen=True)
class _Layer:
    """One thing that a rule lets in or keeps out."""

    allows: bool
    order: float
    protocol: str
    """Empty for every protocol."""

    low: int
    high: int
    sources: Mapping[int, Addresses]
    doubtful: bool = False
    """Whether its protocol or its port is not known yet."""

    def fits(self, protocol: str, port: int) -> bool:
        return self.protocol in ("", protocol) and self.low <= port <= self.high


@dataclass(frozen=True)
class _Member:
    """A resource with rules."""

    change: Change
    opening: Opening
    old: tuple[_Layer, ...]
    new: tuple[_Layer, ...]


@dataclass(frozen=True)
class _Opened:
    """Ports that are open to the internet and were not."""

    protocol: str
    low: int
    high: int
    family: int
    whole: bool
    """Whether to all of it, or a large part."""


@dataclass(frozen=True)
class Exposure:
    """What a change opens to the internet, and of which properties that speaks for all that there is to say."""

    finding: Finding
    roots: frozenset[str]


class Exposures:
    """What a plan opens to the internet."""

    def __init__(self, plan: Plan, named: Callable[[Change, str], Sequence[Change]]) -> None:
        """Put the rules of a plan together; `named` finds what a property of a resource names."""
        self._named = named
        self._groups: dict[str, list[_Member]] = {}
        self._keys: dict[str, str] = {}
        for change in plan:
            if change.custom and change.op is not Op.READ:
                for opening in _openings(short_type(change.type)):
                    member = _Member(change, opening, _layers(opening, change.old), _layers(opening, change.new))
                    key = self._key(change, opening)
                    self._groups.setdefault(key, []).append(member)
                    self._keys[change.urn] = key
        self._opened: dict[tuple[str, bool], list[_Opened]] = {}

    def of(self, change: Change, exists: Callable[[str], bool]) -> Iterator[Exposure]:
        """What a change opens; `exists` tells whether what a property of a new resource names is there already."""
        key = self._keys.get(change.urn)
        if key is None or change.op in (Op.SAME, Op.IMPORT, Op.FORGET):
            return
        for member in self._groups[key]:
            if member.change.urn == change.urn and member.old != member.new:
                names = [name for name in member.opening.whole if name in change.inputs]
                if change.op is not Op.CREATE or (names and exists(names[0])):
                    yield from self._exposed(key, member)

    def _exposed(self, key: str, member: _Member) -> Iterator[Exposure]:
        for doubtful in (False, True):
            mine = [each for each in self._newly(key, doubtful) if _touches(member, each)]
            if not mine:
                continue
            because = tuple(_because(member))
            for whole in (True, False):
                if found := [each for each in mine if each.whole is whole]:
                    certainty = Certainty.MAY if doubtful else Certainty.WILL
                    mild = all(each.protocol in _HARMLESS for each in found)
                    tier = Tier.WEAKER if mild else Tier.WORST
                    says = _says(member.opening, found)
                    finding = Finding(Harm.IDENTITY, tier, says, certainty, because)
                    yield Exposure(finding, frozenset(map(root, _ways(member.opening))))
            return

    def _newly(self, key: str, doubtful: bool) -> Sequence[_Opened]:
        if (key, doubtful) not in self._opened:
            members = self._groups[key]
            old = [layer for each in members for layer in each.old if doubtful or not layer.doubtful]
            new = [layer for each in members for layer in each.new if doubtful or not layer.doubtful]
            self._opened[key, doubtful] = _newly(old, new)
        return self._opened[key, doubtful]

    def _key(self, change: Change, opening: Opening) -> str:
        if opening.parts or not opening.whole:
            return change.urn
        parts = []
        for name in opening.whole:
            found = self._named(change, name)
            parts.append(found[0].urn if found else json.dumps(change.inputs.get(name), sort_keys=True, default=repr))
        # The resource that has such rules inline goes by its own URN.
        return parts[0] if len(parts) == 1 else json.dumps(parts)


def _newly(old: Sequence[_Layer], new: Sequence[_Layer]) -> list[_Opened]:
    """What is open to the internet by the new rules and not by the old ones."""
    found: list[_Opened] = []
    for protocol in dict.fromkeys([*_OTHERS, *sorted(each.protocol for each in (*old, *new) if each.protocol)]):
        layers = [each for each in (*old, *new) if each.protocol in ("", protocol)]
        starts = sorted({PORTS[0], *(each.low for each in layers), *(each.high + 1 for each in layers)})
        for number, low in enumerate(starts):
            high = starts[number + 1] - 1 if number + 1 < len(starts) else PORTS[1]
            if low > PORTS[1]:
                continue
            before, after = _let_in(old, protocol, low), _let_in(new, protocol, low)
            for family in (4, 6):
                if (whole := _opened(before[family], after[family], family)) is not None:
                    _append(found, _Opened(protocol, low, high, family, whole))
    return found


def _opened(before: Addresses, after: Addresses, family: int) -> bool | None:
    """Whether all of the internet, or else a large part, is let in that was not; None for neither."""
    fresh = after - before
    if not fresh or addresses.is_internet(before, family):
        return None
    if addresses.is_internet(after, family):
        return True
    return False if addresses.is_large(fresh, family) else None


def _let_in(layers: Sequence[_Layer], protocol: str, port: int) -> Mapping[int, Addresses]:
    """The addresses that rules let in to a port: the first rule that fits an address counts."""
    found: dict[int, Addresses] = {}
    fitting = sorted((each for each in layers if each.fits(protocol, port)), key=lambda each: each.order)
    for family in (4, 6):
        allowed, refused = Addresses(), Addresses()
        for each in fitting:
            source = each.sources.get(family, Addresses())
            if each.allows:
                allowed |= source - refused
            else:
                refused |= source - allowed
        found[family] = allowed
    return found


def _append(found: list[_Opened], more: _Opened) -> None:
    """Add ports; those that follow on others of the same kind are one range with them."""
    for number, each in enumerate(found):
        same = (each.protocol, each.family, each.whole) == (more.protocol, more.family, more.whole)
        if same and each.high + 1 == more.low:
            found[number] = _Opened(more.protocol, each.low, more.high, more.family, more.whole)
            return
    found.append(more)


def _touches(member: _Member, opened: _Opened) -> bool:
    """Whether a resource has to do with what is opened: by what it lets in, or keeps out no more."""
    mine = [each for each in member.new if each.allows] + [each for each in member.old if not each.allows]
    return any(
        each.protocol in ("", opened.protocol)
        and each.low <= opened.high
        and each.high >= opened.low
        and each.sources.get(opened.family)
        for each in mine
    )


def _says(opening: Opening, opened: Sequence[_Opened]) -> str:
    """`the whole internet may connect on tcp 22 (SSH)`."""
    who = "the whole internet" if opened[0].whole else "a large part of the internet"
    over = " over IPv6" if {each.family for each in opened} == {6} else ""
    where = "" if opening.portless else f" on {_ports(opened)}"
    return f"{who} {opening.says}{where}{over}"


def _ports(opened: Sequence[_Opened]) -> str:
    counts = Counter[str]()
    for each in opened:
        counts[each.protocol] += each.high - each.low + 1
    if all(counts[each] >= _NEARLY_EVERY for each in _OTHERS):
        return "every port"
    names = exposure_table()[0]
    found = []
    for each in opened:
        if each.protocol in _PORTLESS or " " in each.protocol:
            found.append(each.protocol)
        elif (each.low, each.high) == PORTS:
            found.append(f"every {each.protocol} port")
        elif each.low == each.high:
            named = f" ({names[each.low]})" if each.low in names else ""
            found.append(f"{each.protocol} {each.low}{named}")
        else:
            found.append(f"{each.protocol} {each.low}-{each.high}")
    shown = [*dict.fromkeys(found)]
    return listed(shown if len(shown) <= 6 else [*shown[:5], f"{len(shown) - 5} more ranges"])


def _because(member: _Member) -> Iterator[str]:
    """What differs in the rules."""
    for way in _ways(member.opening):
        yield from causes(value_at(member.change.old or {}, way), value_at(member.change.new or {}, way), way)


def _ways(opening: Opening) -> Sequence[str]:
    """Properties of a resource that say what it lets in."""
    if opening.rules:
        return (opening.rules,)
    singles = (opening.services, opening.refusals, opening.order) if opening.services else ()
    own = () if opening.services else (opening.protocol, *opening.ports, opening.first, opening.last, opening.order)
    ways = (*opening.sources, *opening.lowest, *opening.highest, *opening.open, *singles, *own)
    conditions = [*opening.when, *opening.disabled, *opening.deny, *(way for each in opening.unless for way in each)]
    return tuple(dict.fromkeys(way.split("[]")[0] for way in (*ways, *conditions) if way))


def _layers(opening: Opening, inputs: Mapping[str, Value] | None) -> tuple[_Layer, ...]:
    """What the inputs of a resource let in and keep out."""
    if inputs is None or not holds(inputs, opening.when) or any(holds(inputs, each) for each in opening.unless):
        return ()
    found = value_at(inputs, opening.rules) if opening.rules else [inputs]
    rules = found if isinstance(found, list) else []
    return tuple(layer for rule in rules if isinstance(rule, Mapping) for layer in _rule(opening, rule))


def _rule(opening: Opening, rule: Mapping[str, Value]) -> Iterator[_Layer]:
    if opening.disabled and holds(rule, opening.disabled):
        return
    sources = _sources(opening, rule)
    refuses = bool(opening.deny) and holds(rule, opening.deny)
    order = value_at(rule, opening.order) if opening.order else 0
    number = float(order) if isinstance(order, int | float) else float("inf")
    ways = [(opening.services, not refuses)]
    if opening.refusals:
        ways.append((opening.refusals, False))
    for way, allows in ways:
        for each in _services(opening, rule, way):
            for protocol, low, high, doubtful in _service(opening, each):
                yield _Layer(allows, number, protocol, low, high, sources, doubtful)


def _services(opening: Opening, rule: Mapping[str, Value], way: str) -> list[Mapping[str, Value]]:
    """What of a rule has protocols and ports; a rule that could name some and names none is for every port."""
    found = value_at(rule, way) if way else [rule]
    if found is None and not opening.refusals:
        return [{opening.protocol: "*"}]
    return [each for each in _listed(found) if isinstance(each, Mapping)]


def _sources(opening: Opening, rule: Mapping[str, Value]) -> Mapping[int, Addresses]:
    """The addresses that a rule is for."""
    if opening.open and all(value_at(rule, way) in (None, [], "") for way in opening.open):
        return addresses.everything()
    texts: list[Value] = []
    without: list[Value] = []
    for way in opening.sources:
        for each in _listed(value_at(rule, way)):
            if isinstance(each, Mapping):
                texts.append(each.get("cidr"))
                without += _listed(each.get("except"))
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


def _service(opening: Opening, service: Mapping[str, Value]) -> Iterator[tuple[str, int, int, bool]]:
    """Protocols and ports: the protocol, the first and the last port, and whether that is not known yet."""
    given = value_at(service, opening.protocol) if opening.protocol else None
    doubtful = isinstance(given, Unknown)
    word = str(opening.assumed if given is None else given).lower()
    protocol = "" if doubtful or word in _ANY else _NUMBERS.get(word, word)
    if opening.portless or not protocol or protocol in _PORTLESS:
        yield protocol, *PORTS, doubtful
        return
    if opening.ports:
        values = [each for way in opening.ports for each in _listed(value_at(service, way))]
        last = value_at(service, opening.last) if opening.last else None
        for each in values or ["*"]:
            yield from _port(protocol, each, last)
        return
    first, last = (value_at(service, way) for way in (opening.first, opening.last))
    low, high = _integer(first, PORTS[0]), _integer(last, PORTS[1])
    if low < 0 or high < 0:
        low, high = PORTS
    yield protocol, low, high, isinstance(first, Unknown) or isinstance(last, Unknown)


def _port(protocol: str, value: Value, last: Value) -> Iterator[tuple[str, int, int, bool]]:
    """One port, a range of ports, or a port by its name."""
    if isinstance(value, Unknown):
        yield protocol, *PORTS, True
    elif match := re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", str(value)):
        end = int(match[2] or (last if isinstance(last, int) else match[1]))
        yield protocol, int(match[1]), end, False
    elif str(value) in ("*", "all"):
        yield protocol, *PORTS, False
    else:
        yield f"{protocol} {value}", *PORTS, False


def _integer(value: Value, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()) else otherwise


def _listed(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [] if value is None else [value]


@cache
def exposure_table() -> tuple[Mapping[int, str], Sequence[Opening]]:
    """The names of ports and the rows of `openings.yaml`."""
    table = rows("openings.yaml")
    return table["ports"], tuple(Opening.model_validate(each) for each in table["openings"])


@cache
def _openings(type: str) -> Sequence[Opening]:
    return tuple(row for row in exposure_table()[1] if any(fnmatch.fnmatchcase(type, each) for each in row.types))
