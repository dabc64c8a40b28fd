"""The rules of a firewall for one protocol, in one sweep over all ports."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from mlpctl.review.firewalls.coverage import Counts, Node, Rank, Ranks, Space
from mlpctl.review.firewalls.openings import PORTS, Layer
from mlpctl.review.values import addresses
from mlpctl.review.values.addresses import Addresses
from mlpctl.review.values.ranges import Highest, Ranges

FAMILIES: Final = (4, 6)

Sides = tuple[Sequence[Layer], Sequence[Layer]]
"""Old and new rules."""


@dataclass(frozen=True, order=True)
class Piece:
    """Ports that become open to the internet."""

    low: int
    high: int
    family: int
    whole: bool


@dataclass(frozen=True)
class Rule:
    """A rule without its protocol, ports and targets."""

    order: float
    allows: bool
    four: Addresses
    six: Addresses

    def sources(self, family: int) -> Addresses:
        """Its addresses of a family."""
        return self.four if family == FAMILIES[0] else self.six


def rule_of(layer: Layer) -> Rule:
    """The rule that a layer is a part of."""
    return Rule(layer.order, layer.allows, *(layer.sources.get(each, Addresses()) for each in FAMILIES))


class Scale:
    """The ranks and the addresses of all rules of a firewall."""

    def __init__(self, sides: Sides) -> None:
        """Use all rules, for all targets and protocols."""
        self._sides = sides
        self._ranks = [Ranks((each.order, each.allows) for each in side) for side in sides]

    @cached_property
    def spaces(self) -> Mapping[int, Space]:
        """The addresses by family."""
        rules = [each for side in self._sides for each in side]
        return {family: Space(family, (each.sources.get(family, Addresses()) for each in rules)) for family in FAMILIES}

    def rank(self, side: int, rule: Rule) -> Rank | None:
        """The rank of a rule; None if it changes nothing."""
        return self._ranks[side].of(rule.order, rule.allows)


class _Active:
    """The rules for one port, of which the sum of their addresses is known and, if asked for, what they let in."""

    def __init__(self, sides: Sides, scale: Scale) -> None:
        self._scale = scale
        self._events: dict[int, list[tuple[int, Rule, int]]] = {}
        for side, layers in enumerate(sides):
            for each in layers:
                rule = rule_of(each)
                if each.low <= each.high and scale.rank(side, rule):
                    self._events.setdefault(each.low, []).append((side, rule, 1))
                    self._events.setdefault(each.high + 1, []).append((side, rule, -1))
        self.starts = sorted({PORTS[0], *(port for port in self._events if port <= PORTS[1])})
        """The ports at which other rules become active."""

        self._waiting = {family: Counter[tuple[int, Rank, Addresses]]() for family in FAMILIES}
        self._in = {family: Counter[tuple[int, Rank, Addresses]]() for family in FAMILIES}
        self._roots: dict[int, Node | None] = dict.fromkeys(FAMILIES)
        self.denies = [0, 0]
        """Number of active old and new rules that deny something."""

        self.most = [dict.fromkeys(FAMILIES, 0) for _ in sides]
        """Number of addresses in all active rules that allow some, by family: not fewer than are let in."""

        self.internets = [dict.fromkeys(FAMILIES, 0) for _ in sides]
        """Number of active rules that allow the whole internet, by family."""

    def move(self, start: int) -> None:
        """Go to the next start."""
        for side, rule, sign in self._events.get(start, ()):
            rank = self._scale.rank(side, rule)
            self.denies[side] += 0 if rule.allows else sign
            for family in FAMILIES:
                some = rule.sources(family)
                if some and rank:
                    self._waiting[family][side, rank, some] += sign
                    if rule.allows:
                        self.most[side][family] += sign * some.size
                        self.internets[side][family] += sign * is_internet(some, family)

    def root(self, family: int) -> Node | None:
        """The tree of the active rules. Of rules with the same addresses only one is in it."""
        waiting, self._waiting[family] = self._waiting[family], Counter()
        counts, space, root = self._in[family], self._scale.spaces[family], self._roots[family]
        for key, difference in waiting.items():
            before = counts[key]
            counts[key] += difference
            if bool(before) != bool(counts[key]):
                root = space.put(root, *key, 1 if counts[key] else -1)
        self._roots[family] = root
        return root


@cache
def is_internet(some: Addresses, family: int) -> bool:
    """Whether they contain all public addresses."""
    return addresses.is_internet(some, family)


def _outcome(counts: Counts, family: int) -> bool | None:
    """True if the whole internet is newly allowed, False if a large part is, None otherwise."""
    before, after, fresh = counts
    every = addresses.public(family).size
    if before == every:
        return None
    if after == every:
        return True
    return False if addresses.may_be_large(fresh, family) else None


@dataclass(frozen=True)
class Own:
    """Ports to which the same rules of a target apply, besides those for all targets."""

    low: int
    high: int
    old: frozenset[Rule]
    new: frozenset[Rule]

    def size(self, side: int, family: int, allows: bool) -> int:
        """Number of addresses in the rules that allow or that deny."""
        rules = (self.old, self.new)[side]
        return sum(each.sources(family).size for each in rules if each.allows is allows)


class Timeline:
    """The rules of one protocol that apply to all targets, and what they newly open on which ports."""

    def __init__(self, sides: Sides, scale: Scale) -> None:
        """Use old and new rules; the scale is that of the whole firewall."""
        self._sides = sides
        self._scale = scale
        active = _Active(sides, scale)
        self._starts = active.starts
        self._outcomes: dict[int, list[bool | None]] = {family: [] for family in FAMILIES}
        bounds: dict[int, list[Counts]] = {family: [] for family in FAMILIES}
        internets: dict[int, list[int]] = {family: [] for family in FAMILIES}
        for start in self._starts:
            active.move(start)
            for family in FAMILIES:
                outcome, most, already = self._state(active, family)
                self._outcomes[family].append(outcome)
                bounds[family].append(most)
                internets[family].append(not already)
        self._bounds = {
            family: [Highest([each[number] for each in row]) for number in range(3)] for family, row in bounds.items()
        }
        """The highest numbers of addresses that are let in, as in `Counts`."""

        self._not_yet = {family: Highest(row) for family, row in internets.items()}
        """Whether the old rules did not certainly let in the whole internet."""

        self._refuses = any(not each.allows and scale.rank(1, rule_of(each)) for each in sides[1])
        difference = [Counter((rule_of(each), each.low, each.high) for each in side) for side in sides]
        changed = {*(difference[0] - difference[1]), *(difference[1] - difference[0])}
        self._changed = Ranges(_Ports(low, high) for _, low, high in changed)

    def _state(self, active: _Active, family: int) -> tuple[bool | None, Counts, bool]:
        """What is newly open at the active rules, upper bounds of what they let in, and whether all of it was before.

        Most rules are for few addresses; what they let in together does not have to be determined.
        """
        every = addresses.public(family).size
        old, new = (each[family] for each in active.most)
        if active.internets[0][family] and not active.denies[0]:
            return None, (every, min(new, every), 0), True
        if not addresses.may_be_large(new, family):
            return None, (old, new, new), False
        if active.internets[1][family] and not active.denies[1] and old < every:
            return True, (old, every, every), False
        counts = self._scale.spaces[family].counts(active.root(family))
        return _outcome(counts, family), counts, counts[0] == every

    @cached_property
    def pieces(self) -> Sequence[Piece]:
        """What the rules open, in ascending order of ports."""
        found = (
            Piece(self._starts[number], self._end(number), family, whole)
            for family, row in self._outcomes.items()
            for number, whole in enumerate(row)
            if whole is not None
        )
        return sorted(found)

    def _end(self, number: int) -> int:
        return self._starts[number + 1] - 1 if number + 1 < len(self._starts) else PORTS[1]

    def around(self, owns: Iterable[Own]) -> Mapping[Own, Sequence[Piece]]:
        """What the rules open together with those of targets."""
        found: dict[Own, list[Piece]] = {}
        asked: dict[int, list[tuple[Own, int]]] = {}
        for own in owns:
            if own in found:
                continue
            found[own] = []
            first, last = (bisect_right(self._starts, port) - 1 for port in (own.low, own.high))
            if own.old == own.new and not self._changed.overlaps(own.low, own.high):
                continue
            for family in FAMILIES:
                if self._is_closed(own, family, first, last):
                    continue
                if self._is_opened(own, family, first, last):
                    found[own].append(Piece(own.low, own.high, family, True))
                    continue
                for number in range(first, last + 1):
                    if not self._is_closed(own, family, number, number):
                        asked.setdefault(number, []).append((own, family))
        if asked:
            active = _Active(self._sides, self._scale)
            for number in range(max(asked) + 1):
                active.move(self._starts[number])
                for own, family in asked.get(number, ()):
                    whole = self._together(active, own, family)
                    if whole is not None:
                        low, high = max(own.low, self._starts[number]), min(own.high, self._end(number))
                        found[own].append(Piece(low, high, family, whole))
        return found

    def _is_closed(self, own: Own, family: int, first: int, last: int) -> bool:
        """Whether certainly nothing becomes open between two starts.

        Fresh addresses are fresh without the target's rules too, or newly allowed or no longer denied by these.
        """
        refused = own.size(0, family, False)
        if not refused and not self._not_yet[family].over(first, last):
            return True
        allowed = own.size(1, family, True)
        _, after, fresh = (each.over(first, last) for each in self._bounds[family])
        few = not addresses.may_be_large(fresh + allowed + refused, family)
        return few and after + allowed < addresses.public(family).size

    def _is_opened(self, own: Own, family: int, first: int, last: int) -> bool:
        """Whether certainly the whole internet becomes allowed between two starts."""
        if self._refuses or not all(each.allows for each in own.new):
            return False
        before = self._bounds[family][0].over(first, last) + own.size(0, family, True)
        whole = any(is_internet(each.sources(family), family) for each in own.new)
        return whole and before < addresses.public(family).size

    def _together(self, active: _Active, own: Own, family: int) -> bool | None:
        root, space = active.root(family), self._scale.spaces[family]
        for side, rules in enumerate((own.old, own.new)):
            for rule in rules:
                rank, some = self._scale.rank(side, rule), rule.sources(family)
                if rank and some:
                    root = space.put(root, side, rank, some)
        return _outcome(space.counts(root), family)


@dataclass(frozen=True)
class _Ports:
    low: int
    high: int
