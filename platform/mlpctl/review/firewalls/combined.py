"""Finds what the rules of one firewall newly open to the internet, on each of their targets.

Rules that many targets share are looked at once per protocol, and the few rules of a target or a protocol only on their
own ports, where they are added to the shared ones. The time is less than quadratic in the number of rules unless deny
rules of many different priorities overlap.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from mlpctl.review.firewalls.opened import OTHERS, Opened, newly
from mlpctl.review.firewalls.openings import PORTS, Layer
from mlpctl.review.firewalls.sweep import FAMILIES, Own, Piece, Rule, Scale, Sides, Timeline, rule_of
from mlpctl.review.values.ranges import Ranges, Span, common, joined, without

_NO_RULES: Final[Sides] = ((), ())

_FEW: Final = 4
"""Number of rules that are always few, compared with the rules they are added to."""


def combined(
    everywhere: Sides, named: Mapping[str, Sides], around: Mapping[str, Sequence[str]], doubtful: bool
) -> Mapping[str, Sequence[Opened]]:
    """What becomes open, by target.

    On a named target only the protocols and ports of its rules are compared: for all others it is like the empty
    target, to which only the rules for all targets apply.

    Args:
        everywhere: The rules for all targets.
        named: The rules of each target, besides those; none for the empty target.
        around: Other targets whose rules also apply to a target.
        doubtful: Whether rules count of which a part is unknown.
    """
    scale = Scale(_counted(_all([everywhere, *named.values()]), doubtful))
    bases: dict[tuple[str, ...], _Base] = {}
    kinds: dict[object, list[str]] = {}
    asked: dict[tuple[str, ...], dict[str, Sides]] = {}
    for target in named:
        outer, own = _divided(target, named, around, _length(everywhere))
        kind = target and tuple(
            frozenset((rule_of(each), each.protocol, each.low, each.high, each.doubtful) for each in side)
            for side in own
        )
        same = kinds.setdefault((outer, kind), [])
        same.append(target)
        if len(same) == 1:
            asked.setdefault(outer, {})[target] = own
    found: dict[str, list[Opened]] = {}
    for outer, owns in asked.items():
        bases[outer] = _Base(everywhere, _all(named[each] for each in outer), scale, doubtful)
        found.update({target: newly(pieces) for target, pieces in bases[outer].opened(owns).items()})
    first = {target: same[0] for same in kinds.values() for target in same}
    return {target: found[first[target]] for target in named}


def _divided(
    target: str, named: Mapping[str, Sides], around: Mapping[str, Sequence[str]], shared: int
) -> tuple[tuple[str, ...], Sides]:
    """The outer targets of a target, whose many rules other targets share, and the few rules besides those."""
    outer = sorted(around.get(target, ()), key=lambda each: (len(around.get(each, ())), each))
    parts = [named[target]]
    count = _length(parts[0])
    while outer and _is_few(count + _length(named[outer[-1]]), shared):
        parts.append(named[outer.pop()])
        count += _length(parts[-1])
    return tuple(outer), _all(parts)


def _is_few(count: int, others: int) -> bool:
    """Whether adding rules on their own ports is less work than looking at all rules together."""
    return count <= _FEW or count * count <= others


class _Base:
    """The rules that some targets share."""

    def __init__(self, everywhere: Sides, outer: Sides, scale: Scale, doubtful: bool) -> None:
        self._outer = [*outer[0], *outer[1]]
        self._doubtful = doubtful
        self._scale = scale
        self._timelines: dict[str, Timeline] = {}
        self._rules = _by_protocol(_counted(_all([everywhere, outer]), doubtful))
        rules = {protocol: [*old, *new] for protocol, (old, new) in self._rules.items()}
        self._ports = {protocol: Ranges(layers) for protocol, layers in rules.items() if protocol}
        self._regions: dict[str, list[Span]] = {}
        self._names = {*self._near(self._outer)}

    def opened(self, owns: Mapping[str, Sides]) -> Mapping[str, Mapping[str, Sequence[Piece]]]:
        """What becomes open, by target and protocol."""
        found: dict[str, dict[str, list[Piece]]] = {}
        asked: dict[str, dict[Own, list[list[Piece]]]] = {}
        for target, own in owns.items():
            found[target] = {}
            by_protocol = _by_protocol(own)
            for protocol in self._protocols(target, own):
                pieces: list[Piece] = []
                found[target][protocol] = pieces
                mine = _all(by_protocol.get(each, _NO_RULES) for each in ("", protocol))
                region = joined([*self._region(protocol), *_ports(mine)]) if target else [PORTS]
                key, added = self._shared(protocol, mine)
                if not _is_few(_length(added), _length(self._fitting(key))):
                    together = _all([_counted(mine, self._doubtful), self._fitting(protocol)])
                    pieces += _clipped(Timeline(together, self._scale).pieces, region)
                    continue
                if self._timeline(key).pieces:
                    pieces += _clipped(self._timeline(key).pieces, without(region, joined(_ports(added))))
                for each in _owns(added, region, self._doubtful):
                    asked.setdefault(key, {}).setdefault(each, []).append(pieces)
        for key, wanted in asked.items():
            for each, more in self._timeline(key).around(wanted).items():
                for pieces in wanted[each]:
                    pieces += more
        return found

    def _protocols(self, target: str, own: Sides) -> Sequence[str]:
        """The protocols for which a target is looked at."""
        names = {*self._names, *self._near([*own[0], *own[1]])} if target else {*self._rules}
        others = OTHERS if "" in names else [each for each in OTHERS if each in names]
        return [*others, *sorted(names - {"", *OTHERS})]

    def _near(self, layers: Iterable[Layer]) -> Iterator[str]:
        """The protocols of rules; for all protocols, also those that shared rules for the same ports name."""
        for each in layers:
            yield each.protocol
            if not each.protocol:
                yield from (name for name, ports in self._ports.items() if ports.overlaps(each.low, each.high))

    def _region(self, protocol: str) -> list[Span]:
        """The ports of the outer targets' rules."""
        if protocol not in self._regions:
            self._regions[protocol] = joined(
                (each.low, each.high) for each in self._outer if each.protocol in ("", protocol)
            )
        return self._regions[protocol]

    def _shared(self, protocol: str, mine: Sides) -> tuple[str, Sides]:
        """The protocol whose shared rules are looked at once, and the rules that are added to them."""
        named = self._rules.get(protocol)
        if not named:
            return "", mine
        if _is_few(_length(named) + _length(mine), _length(self._fitting(""))):
            return "", _all([mine, named])
        return protocol, mine

    def _fitting(self, protocol: str) -> Sides:
        """The shared rules for a protocol."""
        names = ("", protocol) if protocol else ("",)
        return _all(self._rules.get(each, _NO_RULES) for each in names)

    def _timeline(self, protocol: str) -> Timeline:
        if protocol not in self._timelines:
            self._timelines[protocol] = Timeline(self._fitting(protocol), self._scale)
        return self._timelines[protocol]


def _length(sides: Sides) -> int:
    return len(sides[0]) + len(sides[1])


def _all(parts: Iterable[Sides]) -> Sides:
    found = [*parts]
    return [each for old, _ in found for each in old], [each for _, new in found for each in new]


def _counted(sides: Sides, doubtful: bool) -> Sides:
    old, new = ([each for each in side if doubtful or not each.doubtful] for side in sides)
    return old, new


def _by_protocol(sides: Sides) -> dict[str, tuple[list[Layer], list[Layer]]]:
    found: dict[str, tuple[list[Layer], list[Layer]]] = {}
    for side, layers in enumerate(sides):
        for each in layers:
            found.setdefault(each.protocol, ([], []))[side].append(each)
    return found


def _ports(sides: Sides) -> Iterator[Span]:
    return ((each.low, each.high) for side in sides for each in side)


def _clipped(pieces: Sequence[Piece], ports: Sequence[Span]) -> Iterator[Piece]:
    """The parts of pieces on some ports."""
    for family in FAMILIES:
        some = [each for each in pieces if each.family == family]
        for low, high, number in common([(each.low, each.high) for each in some], ports):
            yield Piece(low, high, family, some[number].whole)


def _owns(sides: Sides, ports: Sequence[Span], doubtful: bool) -> Iterator[Own]:
    """Some ports of rules, divided where other rules apply."""
    layers = [[(each, rule_of(each)) for each in side if each.low <= each.high] for side in sides]
    mine = joined(_ports(sides))
    starts = sorted({port for side in layers for each, _ in side for port in (each.low, each.high + 1)})
    parts = [(low, following - 1) for low, following in pairwise(starts)]
    inside = [(low, high) for low, high, _ in common(parts, mine)]
    for low, high, _ in common(inside, ports):
        rules: list[frozenset[Rule]] = []
        for side in layers:
            fitting = (rule for each, rule in side if each.low <= low <= each.high and (doubtful or not each.doubtful))
            rules.append(frozenset(fitting))
        if low <= PORTS[1]:
            yield Own(low, min(high, PORTS[1]), rules[0], rules[1])
