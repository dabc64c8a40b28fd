"""Finds what the rules of one firewall newly open to the internet, on each of their targets.

The rules for all targets are looked at once per protocol; those of a target only on their own ports, where they are
added to the others. The time is n log n in the number of rules unless deny rules of many different priorities overlap,
or many rules for overlapping sets of targets do.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from mlpctl.review.opened import OTHERS, Opened, newly
from mlpctl.review.openings import PORTS, Layer
from mlpctl.review.ranges import Ranges
from mlpctl.review.sweep import Own, Piece, Rule, Scale, Sides, Timeline, rule_of

_MANY: Final = 32
"""Number of a target's rules from which they are looked at together with those for all targets, in one sweep."""

_Found = dict[str, list[Piece]]


def combined(everywhere: Sides, named: Mapping[str, Sides], doubtful: bool) -> Mapping[str, Sequence[Opened]]:
    """What becomes open, by target.

    On a named target only the protocols and ports of its own rules are compared: for all others it is like the empty
    target, to which the rules for all targets apply.

    Args:
        everywhere: The rules for all targets.
        named: The rules of each target, besides those; none for the empty target.
        doubtful: Whether rules count of which a part is unknown.
    """
    return _Firewall(everywhere, named, doubtful).opened(named)


class _Firewall:
    def __init__(self, everywhere: Sides, named: Mapping[str, Sides], doubtful: bool) -> None:
        self._doubtful = doubtful
        self._wide = self._counted(everywhere)
        sides = [self._counted(each) for each in (everywhere, *named.values())]
        self._scale = Scale(([x for each in sides for x in each[0]], [x for each in sides for x in each[1]]))
        self._timelines: dict[str, Timeline] = {}
        layers = [each for side in self._wide for each in side]
        self._protocols = [*dict.fromkeys(each.protocol for each in layers)]
        self._ports = {
            protocol: Ranges(each for each in layers if each.protocol == protocol)
            for protocol in self._protocols
            if protocol
        }

    def opened(self, named: Mapping[str, Sides]) -> Mapping[str, Sequence[Opened]]:
        """What becomes open, by target; targets with the same rules share it."""
        kinds: dict[object, list[str]] = {}
        for target, sides in named.items():
            kind = tuple(frozenset((rule_of(x), x.protocol, x.low, x.high, x.doubtful) for x in side) for side in sides)
            kinds.setdefault(kind if target else "", []).append(target)
        wanted: dict[str, dict[Own, list[tuple[str, str]]]] = {}
        pieces: dict[str, _Found] = {}
        for first, *_ in kinds.values():
            pieces[first] = found = {}
            sides = named[first]
            for protocol in self._of(first, sides):
                if not first:
                    found[protocol] = [*self._timeline(protocol).pieces()]
                    continue
                own = [_fitting(side, protocol) for side in sides]
                if len(own[0]) + len(own[1]) > _MANY:
                    found[protocol] = [*self._sweep(own, protocol)]
                    continue
                found[protocol] = []
                for each in _owns((own[0], own[1]), self._doubtful):
                    wanted.setdefault(self._key(protocol), {}).setdefault(each, []).append((first, protocol))
        for protocol, asked in wanted.items():
            for each, some in self._timeline(protocol).around(asked).items():
                for target, name in asked[each]:
                    pieces[target][name] += some
        shared = {first: newly(pieces[first]) for first, *_ in kinds.values()}
        first_of = {target: targets[0] for targets in kinds.values() for target in targets}
        return {target: shared[first_of[target]] for target in named}

    def _of(self, target: str, sides: Sides) -> Sequence[str]:
        """The protocols for which a target is looked at."""
        if not target:
            names = {*self._protocols}
        else:
            own = [each for side in sides for each in side]
            names = {each.protocol for each in own}
            for each in own if "" in names else ():
                if not each.protocol:
                    names |= {name for name, ports in self._ports.items() if ports.overlaps(each.low, each.high)}
        others = OTHERS if "" in names else [each for each in OTHERS if each in names]
        return [*others, *sorted(names - {"", *OTHERS})]

    def _key(self, protocol: str) -> str:
        """The protocol of the rules to look at: protocols that no rule for all targets names are alike."""
        return protocol if protocol in self._protocols else ""

    def _timeline(self, protocol: str) -> Timeline:
        key = self._key(protocol)
        if key not in self._timelines:
            old, new = (_fitting(side, key) for side in self._wide)
            self._timelines[key] = Timeline((old, new), self._scale)
        return self._timelines[key]

    def _sweep(self, own: Sequence[Sequence[Layer]], protocol: str) -> Iterator[Piece]:
        """What becomes open on the ports of a target with many rules."""
        counted = self._counted((own[0], own[1]))
        old, new = ([*counted[side], *_fitting(self._wide[side], protocol)] for side in (0, 1))
        ports = _joined(each for side in own for each in side)
        number = 0
        for piece in sorted(Timeline((old, new), self._scale).pieces()):
            while number < len(ports) and ports[number][1] < piece.low:
                number += 1
            following = number
            while following < len(ports) and ports[following][0] <= piece.high:
                low, high = max(piece.low, ports[following][0]), min(piece.high, ports[following][1])
                yield Piece(low, high, piece.family, piece.whole)
                following += 1

    def _counted(self, sides: Sides) -> Sides:
        old, new = ([each for each in side if self._doubtful or not each.doubtful] for side in sides)
        return old, new


def _fitting(layers: Iterable[Layer], protocol: str) -> list[Layer]:
    return [each for each in layers if each.protocol in ("", protocol)]


def _joined(layers: Iterable[Layer]) -> list[tuple[int, int]]:
    """The ports of rules, as ascending disjoint ranges."""
    found: list[tuple[int, int]] = []
    for low, high in sorted((each.low, each.high) for each in layers if each.low <= each.high):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def _owns(sides: Sides, doubtful: bool) -> Iterator[Own]:
    """The ports of a target's rules, divided where other rules apply."""
    layers = [[(each, rule_of(each)) for each in side if each.low <= each.high] for side in sides]
    ports = _joined(each for side in layers for each, _ in side)
    starts = sorted({port for side in layers for each, _ in side for port in (each.low, each.high + 1)})
    for number, low in enumerate(starts[:-1]):
        high = min(starts[number + 1] - 1, PORTS[1])
        if low > high or not any(first <= low <= last for first, last in ports):
            continue
        rules: list[frozenset[Rule]] = []
        for side in layers:
            fitting = (rule for each, rule in side if each.low <= low <= each.high and (doubtful or not each.doubtful))
            rules.append(frozenset(fitting))
        yield Own(low, high, rules[0], rules[1])
