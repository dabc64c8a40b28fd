"""Finds the ports that rules of a firewall newly open to the internet, in one sweep over all ports.

The time is n log n in the number of rules unless many rules that let in large ranges, or deny some, overlap.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from heapq import heappop, heappush
from typing import Final

from mlpctl.review import addresses
from mlpctl.review.addresses import Addresses
from mlpctl.review.openings import PORTS, Layer
from mlpctl.review.ranges import Ranges

OTHERS: Final = ("tcp", "udp", "icmp", "any other protocol")
"""The protocols for which a rule for all protocols is checked, besides those that other rules name."""

_FAMILIES: Final = (4, 6)


@dataclass(frozen=True)
class Opened:
    """Ports that become open to the internet."""

    protocol: str
    low: int
    high: int
    family: int
    whole: bool
    """Whether to the whole internet; otherwise to a large part of it."""


def newly(old: Sequence[Layer], new: Sequence[Layer]) -> list[Opened]:
    """What the new rules open to the internet and the old ones did not, by protocol and in ascending order of ports."""
    found: list[Opened] = []
    last: dict[tuple[str, int, bool], int] = {}
    named: dict[str, tuple[list[Layer], list[Layer]]] = {each: ([], []) for each in OTHERS}
    for protocol in sorted({each.protocol for each in (*old, *new) if each.protocol}):
        named.setdefault(protocol, ([], []))
    every: tuple[list[Layer], list[Layer]] = ([], [])
    for side, layers in enumerate((old, new)):
        for layer in layers:
            (named[layer.protocol] if layer.protocol else every)[side].append(layer)
    for protocol, (before, after) in named.items():
        if not (before or after or every[0] or every[1]):
            continue
        sides = _Side([*before, *every[0]]), _Side([*after, *every[1]])
        starts = sorted({PORTS[0], *sides[0].starts, *sides[1].starts})
        for number, low in enumerate(starts):
            high = starts[number + 1] - 1 if number + 1 < len(starts) else PORTS[1]
            if low > PORTS[1]:
                continue
            for each in sides:
                each.move(low)
            for family in _FAMILIES:
                if (whole := _opened(*sides, family)) is not None:
                    _append(found, last, Opened(protocol, low, high, family, whole))
    return found


class _Side:
    """The old or the new rules of one firewall for one protocol, of which those for one port are active."""

    def __init__(self, rules: Sequence[Layer]) -> None:
        self._rules = sorted(rules, key=lambda each: (each.order, each.allows))
        self._coming = sorted(range(len(rules)), key=lambda number: self._rules[number].low, reverse=True)
        self._leaving: list[tuple[int, int]] = []
        self._active: dict[int, None] = {}
        self._known: dict[tuple[int, ...], Mapping[int, Addresses]] = {}
        self.denies = 0
        """Number of active rules that deny something."""

        self.most = dict.fromkeys(_FAMILIES, 0)
        """Number of addresses in all active rules that allow some, by family: not fewer than are let in."""

        self.internets = dict.fromkeys(_FAMILIES, 0)
        """Number of active rules that allow the whole internet, by family."""

    @property
    def starts(self) -> Iterator[int]:
        """The ports at which other rules become active."""
        for each in self._rules:
            yield from (each.low, each.high + 1)

    def move(self, port: int) -> None:
        """Go to a higher port."""
        while self._coming and self._rules[self._coming[-1]].low <= port:
            number = self._coming.pop()
            self._count(number, 1)
            self._active[number] = None
            heappush(self._leaving, (self._rules[number].high, number))
        while self._leaving and self._leaving[0][0] < port:
            number = heappop(self._leaving)[1]
            self._count(number, -1)
            del self._active[number]

    def _count(self, number: int, sign: int) -> None:
        rule = self._rules[number]
        self.denies += 0 if rule.allows else sign
        for family, some in rule.sources.items() if rule.allows else ():
            self.most[family] += sign * some.size
            self.internets[family] += sign * _is_internet(some, family)

    def let_in(self) -> Mapping[int, Addresses]:
        """The addresses, by family, that may connect."""
        fitting = tuple(sorted(self._active))
        if fitting not in self._known:
            rules = [self._rules[number] for number in fitting]
            self._known[fitting] = {
                family: addresses.let_in([(each.allows, each.sources.get(family, Addresses())) for each in rules])
                for family in _FAMILIES
            }
        return self._known[fitting]


@cache
def _is_internet(some: Addresses, family: int) -> bool:
    return addresses.is_internet(some, family)


def _opened(old: _Side, new: _Side, family: int) -> bool | None:
    """True if the whole internet is newly allowed, False if a large part is, None otherwise."""
    # Most rules are for few addresses; what they let in together does not have to be determined.
    if not addresses.may_be_large(new.most[family], family) or (old.internets[family] and not old.denies):
        return None
    if new.internets[family] and not new.denies and old.most[family] < addresses.public(family).size:
        return True
    before, after = old.let_in()[family], new.let_in()[family]
    fresh = after - before
    if not fresh or addresses.is_internet(before, family):
        return None
    if addresses.is_internet(after, family):
        return True
    return False if addresses.is_large(fresh, family) else None


def _append(found: list[Opened], last: dict[tuple[str, int, bool], int], more: Opened) -> None:
    """Add ports in ascending order per protocol; adjacent ports of the same kind form one range."""
    kind = more.protocol, more.family, more.whole
    number = last.get(kind)
    if number is not None and found[number].high + 1 == more.low:
        found[number] = replace(found[number], high=more.high)
        return
    last[kind] = len(found)
    found.append(more)


class Opens:
    """What a firewall newly opens, with an index of the ports."""

    def __init__(self, found: Iterable[Opened]) -> None:
        """Use results of `newly`, each once."""
        self.found = [*dict.fromkeys(found)]
        kinds: dict[str, dict[int, list[Opened]]] = {}
        for each in self.found:
            kinds.setdefault(each.protocol, {}).setdefault(each.family, []).append(each)
        self._rows = {
            protocol: {family: Ranges(row) for family, row in families.items()} for protocol, families in kinds.items()
        }

    def touched(self, contribution: "Contribution") -> Iterator[Opened]:
        """What some rules contribute to."""
        if len(contribution.layers) > len(self.found):
            yield from (each for each in self.found if contribution.touches(each))
            return
        for layer in contribution.layers:
            for protocol in [layer.protocol] if layer.protocol else self._rows:
                for family, row in self._rows.get(protocol, {}).items():
                    if layer.sources.get(family):
                        yield from row.overlapping(layer.low, layer.high)


class Contribution:
    """The rules of one resource that can open something: new allow rules and removed deny rules."""

    def __init__(self, old: Iterable[Layer], new: Iterable[Layer]) -> None:
        """Use the rules before and after the update."""
        self.layers = [each for each in new if each.allows] + [each for each in old if not each.allows]

    @cached_property
    def _rows(self) -> Mapping[tuple[str, int], Ranges[Layer]]:
        return {key: Ranges(layers) for key, layers in self._by_kind().items()}

    def touches(self, opened: Opened) -> bool:
        """Whether one of them is for some of these ports."""
        rows = (self._rows.get((protocol, opened.family)) for protocol in ("", opened.protocol))
        return any(row and row.overlaps(opened.low, opened.high) for row in rows)

    def _by_kind(self) -> Mapping[tuple[str, int], list[Layer]]:
        found: dict[tuple[str, int], list[Layer]] = {}
        for layer in self.layers:
            for family, some in layer.sources.items():
                if some:
                    found.setdefault((layer.protocol, family), []).append(layer)
        return found
