"""Compares firewalls of all kinds by protocol, port and source, to find what becomes reachable from the internet.

The format of a type's rules is data: `openings.yaml`. All rules of a firewall, inline or separate resources, are
combined before the comparison: a port that another rule already opens is not newly opened, and the ranges of several
rules together may cover all addresses.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mlpctl.review import addresses
from mlpctl.review.addresses import Addresses
from mlpctl.review.finding import Finding, Tier, causes
from mlpctl.review.kinds import short_type
from mlpctl.review.openings import PORTLESS, PORTS, Layer, Opening, layers, lies_in, opening_of, table, ways
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.report import Certainty, Harm
from mlpctl.review.targets import Targets
from mlpctl.review.values import root
from mlpctl.review.watch_tests import value_at
from mlpctl.text import all_of

_OTHERS: Final = ("tcp", "udp", "icmp", "any other protocol")
"""The protocols for which a rule for all protocols is checked, besides those that other rules name."""

_NEARLY_EVERY: Final = 60_000
"""Number of newly opened ports that is reported as every port; a few may already have been open."""

_COMES: Final = ": (none) → "
"""Part of the text of a cause that is new."""

_HARMLESS: Final = frozenset({"icmp", "icmpv6"})


@dataclass(frozen=True)
class _Member:
    """A resource with rules."""

    change: Change
    opening: Opening
    old: tuple[Layer, ...]
    new: tuple[Layer, ...]


@dataclass(frozen=True)
class _Opened:
    """Ports that become open to the internet."""

    protocol: str
    low: int
    high: int
    family: int
    whole: bool
    """Whether to the whole internet; otherwise to a large part of it."""


@dataclass(frozen=True)
class Exposure:
    """What a change opens to the internet, and the properties whose change is thereby fully reported."""

    finding: Finding
    roots: frozenset[str]


class _Guarded:
    """The targets of one firewall's rules; an empty target stands for everything that no rule names."""

    def __init__(self, members: Sequence[_Member]) -> None:
        self._everywhere: tuple[list[Layer], list[Layer]] = ([], [])
        self._named: dict[str, tuple[list[Layer], list[Layer]]] = {"": ([], [])}
        for member in members:
            for side, found in enumerate((member.old, member.new)):
                for layer in found:
                    if not layer.targets:
                        self._everywhere[side].append(layer)
                    for target in layer.targets:
                        self._named.setdefault(target, ([], []))[side].append(layer)
        self._ranges = [each for each in self._named if any(addresses.parsed([each]).values())]

    def of(self, member: _Member) -> Iterable[str]:
        """The targets that the rules of a resource affect."""
        mine = [each.targets for each in (*member.old, *member.new)]
        return self._named if not all(mine) else sorted({target for targets in mine for target in targets})

    def layers(self, target: str) -> tuple[Sequence[Layer], Sequence[Layer]]:
        """The old and new layers for a target.

        For a named target, only the protocols and ports of its own rules: for all others it is like the empty target.
        """
        around = [each for each in self._ranges if each != target and lies_in(target, each)]
        own = [[layer for each in (target, *around) for layer in self._named[each][side]] for side in (0, 1)]
        if not target:
            return self._everywhere
        named = [*own[0], *own[1]]
        old, new = (
            [*own[side], *(part for each in self._everywhere[side] for part in _within(each, named))] for side in (0, 1)
        )
        return old, new


def _within(layer: Layer, others: Iterable[Layer]) -> Iterator[Layer]:
    """The parts of a layer that overlap with the protocols and ports of others."""
    for each in others:
        low, high = max(layer.low, each.low), min(layer.high, each.high)
        if low <= high and (not layer.protocol or not each.protocol or layer.protocol == each.protocol):
            yield replace(layer, protocol=layer.protocol or each.protocol, low=low, high=high)


class Exposures:
    """What a plan opens to the internet."""

    def __init__(self, plan: Plan, targets: Targets) -> None:
        """Combine the rules of a plan; `targets` finds the firewalls that they belong to."""
        self._targets = targets
        self._groups: dict[str, list[_Member]] = {}
        self._keys: dict[str, str] = {}
        for change in plan:
            form = opening_of(short_type(change.type)) if change.custom and change.op is not Op.READ else None
            if form:
                member = _Member(change, form, layers(form, change.old), layers(form, change.new))
                key, before = (self._key(change, form, side) for side in ("new", "old"))
                if before != key:
                    self._groups.setdefault(before, []).append(replace(member, new=()))
                    member = replace(member, old=())
                self._groups.setdefault(key, []).append(member)
                self._keys[change.urn] = key
        self._opened: dict[tuple[str, str, bool], list[_Opened]] = {}
        self._guarded: dict[str, _Guarded] = {}

    def of(self, change: Change, exists: Callable[[str], bool]) -> Iterator[Exposure]:
        """What a change opens; `exists` returns whether the resource that a property refers to already exists."""
        key = self._keys.get(change.urn)
        if key is None or change.op in (Op.SAME, Op.IMPORT, Op.FORGET):
            return
        for member in self._groups[key]:
            if member.change.urn == change.urn and member.old != member.new:
                names = [name for name in member.opening.whole if name in change.inputs]
                comes = change.op is Op.CREATE or (not member.old and self._moves(change, names))
                fresh = comes and not (names and exists(names[0]))
                if not fresh or member.opening.anew:
                    yield from self._exposed(key, member, fresh=fresh)

    def _exposed(self, key: str, member: _Member, *, fresh: bool) -> Iterator[Exposure]:
        for doubtful in (False,) if fresh else (False, True):
            mine = self._mine(key, member, doubtful)
            if fresh and member.opening.anew_named:
                mine = [each for each in mine if _is_named(each)]
            if not mine or (fresh and all(map(_is_meant_for_all, mine))):
                continue
            because = tuple(sorted(_because(member), key=lambda each: _COMES not in each))
            for whole in (True, False):
                if found := [each for each in mine if each.whole is whole]:
                    certainty = Certainty.MAY if doubtful else Certainty.WILL
                    mild = all(each.protocol in _HARMLESS for each in found)
                    tier = Tier.WEAKER if mild else Tier.WORST
                    says = _says(member.opening, found, doubtful=doubtful)
                    finding = Finding(Harm.IDENTITY, tier, says, certainty, because)
                    yield Exposure(finding, frozenset(map(root, ways(member.opening))))
            return

    def _mine(self, key: str, member: _Member, doubtful: bool) -> Sequence[_Opened]:
        """The newly opened ports of all targets that a resource affects, without duplicates."""
        if key not in self._guarded:
            self._guarded[key] = _Guarded(self._groups[key])
        found: dict[_Opened, None] = {}
        for target in self._guarded[key].of(member):
            # Rules for other targets do not count.
            some = _Member(
                member.change,
                member.opening,
                tuple(each for each in member.old if each.guards(target)),
                tuple(each for each in member.new if each.guards(target)),
            )
            found |= dict.fromkeys(each for each in self._newly(key, target, doubtful) if _touches(some, each))
        return [*found]

    def _newly(self, key: str, target: str, doubtful: bool) -> Sequence[_Opened]:
        place = key, target, doubtful
        if place not in self._opened:
            old, new = self._guarded[key].layers(target)
            self._opened[place] = _newly(
                [each for each in old if doubtful or not each.doubtful],
                [each for each in new if doubtful or not each.doubtful],
            )
        return self._opened[place]

    def _moves(self, change: Change, names: Iterable[str]) -> bool:
        return any(self._targets.moves(change, name) for name in names)

    def _key(self, change: Change, opening: Opening, side: str) -> str:
        """The firewall that a rule belongs to, before or after the update."""
        if opening.parts or not opening.whole:
            return change.urn
        parts = [self._targets.key(change, name, side) for name in opening.whole]
        # A resource with inline rules has its own URN as the key.
        return parts[0] if len(parts) == 1 else json.dumps(parts)


def _newly(old: Sequence[Layer], new: Sequence[Layer]) -> list[_Opened]:
    """What the new rules open to the internet and the old ones did not."""
    found: list[_Opened] = []
    last: dict[tuple[str, int, bool], int] = {}
    sides = [_Side(old), _Side(new)]
    for protocol in dict.fromkeys([*_OTHERS, *sorted(each.protocol for each in (*old, *new) if each.protocol)]):
        fitting = [each for each in (*old, *new) if each.protocol in ("", protocol)]
        starts = sorted({PORTS[0], *(each.low for each in fitting), *(each.high + 1 for each in fitting)})
        for number, low in enumerate(starts):
            high = starts[number + 1] - 1 if number + 1 < len(starts) else PORTS[1]
            if low > PORTS[1]:
                continue
            before, after = (each.let_in(protocol, low) for each in sides)
            for family in (4, 6):
                if (whole := _opened(before[family], after[family], family)) is not None:
                    _append(found, last, _Opened(protocol, low, high, family, whole))
    return found


def _opened(before: Addresses, after: Addresses, family: int) -> bool | None:
    """True if the whole internet is newly allowed, False if a large part is, None otherwise."""
    fresh = after - before
    if not fresh or addresses.is_internet(before, family):
        return None
    if addresses.is_internet(after, family):
        return True
    return False if addresses.is_large(fresh, family) else None


class _Side:
    """The old or the new rules of one firewall, in order of precedence."""

    def __init__(self, rules: Sequence[Layer]) -> None:
        self._rules = sorted(rules, key=lambda each: (each.order, each.allows))
        self._known: dict[tuple[int, ...], Mapping[int, Addresses]] = {}

    def let_in(self, protocol: str, port: int) -> Mapping[int, Addresses]:
        """The addresses, by family, that may connect to a port."""
        fitting = tuple(number for number, each in enumerate(self._rules) if each.fits(protocol, port))
        if fitting not in self._known:
            rules = [self._rules[number] for number in fitting]
            self._known[fitting] = {
                family: addresses.let_in([(each.allows, each.sources.get(family, Addresses())) for each in rules])
                for family in (4, 6)
            }
        return self._known[fitting]


def _append(found: list[_Opened], last: dict[tuple[str, int, bool], int], more: _Opened) -> None:
    """Add ports in ascending order per protocol; adjacent ports of the same kind form one range."""
    kind = more.protocol, more.family, more.whole
    number = last.get(kind)
    if number is not None and found[number].high + 1 == more.low:
        found[number] = replace(found[number], high=more.high)
        return
    last[kind] = len(found)
    found.append(more)


def _is_meant_for_all(opened: _Opened) -> bool:
    """Whether a new firewall may open this to the internet without a finding."""
    if opened.protocol in _HARMLESS:
        return True
    return opened.protocol in ("tcp", "udp") and opened.low == opened.high and opened.low in table().web


def _is_named(opened: _Opened) -> bool:
    """Whether it contains a well-known port that is not a web port."""
    return any(opened.low <= port <= opened.high for port in table().ports if port not in table().web)


def _touches(member: _Member, opened: _Opened) -> bool:
    """Whether a resource contributes to what is opened: by a new allow rule or a removed deny rule."""
    mine = [each for each in member.new if each.allows] + [each for each in member.old if not each.allows]
    return any(
        each.protocol in ("", opened.protocol)
        and each.low <= opened.high
        and each.high >= opened.low
        and each.sources.get(opened.family)
        for each in mine
    )


def _says(opening: Opening, opened: Sequence[_Opened], *, doubtful: bool) -> str:
    """`the whole internet can connect on tcp 22 (SSH)`."""
    who = "the whole internet" if opened[0].whole else "a large part of the internet"
    over = " over IPv6" if {each.family for each in opened} == {6} else ""
    ports = "an unknown port" if doubtful else _ports(opened)
    where = "" if opening.portless else f" on {ports}"
    return f"{who} {opening.says}{where}{over}"


def _ports(opened: Sequence[_Opened]) -> str:
    counts = Counter[str]()
    for each in opened:
        counts[each.protocol] += each.high - each.low + 1
    if all(counts[each] >= _NEARLY_EVERY for each in _OTHERS):
        return "every port"
    names = table().ports
    found = []
    for each in opened:
        if each.protocol in PORTLESS or " " in each.protocol:
            found.append(each.protocol)
        elif (each.low, each.high) == PORTS:
            found.append(f"every {each.protocol} port")
        elif each.low == each.high:
            named = f" ({names[each.low]})" if each.low in names else ""
            found.append(f"{each.protocol} {each.low}{named}")
        else:
            found.append(f"{each.protocol} {each.low}-{each.high}")
    shown = [*dict.fromkeys(found)]
    return all_of(shown if len(shown) <= 6 else [*shown[:5], f"{len(shown) - 5} more ranges"])


def _because(member: _Member) -> Iterator[str]:
    """The differences of the rules."""
    for way in ways(member.opening):
        yield from causes(value_at(member.change.old or {}, way), value_at(member.change.new or {}, way), way)
