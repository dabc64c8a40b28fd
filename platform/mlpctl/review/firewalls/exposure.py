"""Compares firewalls of all kinds by protocol, port and source, to find what becomes reachable from the internet.

The format of a type's rules is data: `openings.yaml`. All rules of a firewall, inline or separate resources, are
combined before the comparison: a port that another rule already opens is not newly opened, and the ranges of several
rules together may cover all addresses.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mlpctl.review.compare.paths import value_at
from mlpctl.review.firewalls.guarded import Guarded, Member
from mlpctl.review.firewalls.opened import OTHERS, Opened
from mlpctl.review.firewalls.openings import PORTLESS, PORTS, Opening, layers, opening_of, table, ways
from mlpctl.review.plan.finding import Finding, Tier, causes
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.relations.targets import Targets
from mlpctl.review.report.model import Certainty, Harm
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import root
from mlpctl.text import all_of

_NEARLY_EVERY: Final = 60_000
"""Number of newly opened ports that is reported as every port; a few may already have been open."""

_COMES: Final = ": (none) → "
"""Part of the text of a cause that is new."""

_HARMLESS: Final = frozenset({"icmp", "icmpv6"})


@dataclass(frozen=True)
class Exposure:
    """What a change opens to the internet, and the properties whose change is thereby fully reported."""

    finding: Finding
    roots: frozenset[str]


class Exposures:
    """What a plan opens to the internet."""

    def __init__(self, plan: Plan, targets: Targets) -> None:
        """Combine the rules of a plan; `targets` finds the firewalls that they belong to."""
        self._targets = targets
        self._groups: dict[str, list[Member]] = {}
        self._keys: dict[str, str] = {}
        for change in plan:
            form = opening_of(short_type(change.type)) if change.custom and change.op is not Op.READ else None
            if form:
                member = Member(change, form, layers(form, change.old), layers(form, change.new))
                key, before = (self._key(change, form, side) for side in ("new", "old"))
                if before != key:
                    self._groups.setdefault(before, []).append(replace(member, new=()))
                    member = replace(member, old=())
                self._groups.setdefault(key, []).append(member)
                self._keys[change.urn] = key
        self._guarded: dict[str, Guarded] = {}

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

    def _exposed(self, key: str, member: Member, *, fresh: bool) -> Iterator[Exposure]:
        for doubtful in (False,) if fresh else (False, True):
            mine = self._guards(key).opened(member, doubtful)
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

    def _guards(self, key: str) -> Guarded:
        if key not in self._guarded:
            self._guarded[key] = Guarded(self._groups[key])
        return self._guarded[key]

    def _moves(self, change: Change, names: Iterable[str]) -> bool:
        return any(self._targets.moves(change, name) for name in names)

    def _key(self, change: Change, opening: Opening, side: str) -> str:
        """The firewall that a rule belongs to, before or after the update."""
        if opening.parts or not opening.whole:
            return change.urn
        parts = [self._targets.key(change, name, side) for name in opening.whole]
        # A resource with inline rules has its own URN as the key.
        return parts[0] if len(parts) == 1 else json.dumps(parts)


def _is_meant_for_all(opened: Opened) -> bool:
    """Whether a new firewall may open this to the internet without a finding."""
    if opened.protocol in _HARMLESS:
        return True
    return opened.protocol in ("tcp", "udp") and opened.low == opened.high and opened.low in table().web


def _is_named(opened: Opened) -> bool:
    """Whether it contains a well-known port that is not a web port."""
    return any(opened.low <= port <= opened.high for port in table().ports if port not in table().web)


def _says(opening: Opening, opened: Sequence[Opened], *, doubtful: bool) -> str:
    """`the whole internet can connect on tcp 22 (SSH)`."""
    who = "the whole internet" if opened[0].whole else "a large part of the internet"
    over = " over IPv6" if {each.family for each in opened} == {6} else ""
    ports = "an unknown port" if doubtful else _ports(opening, opened)
    where = "" if opening.portless else f" on {ports}"
    return f"{who} {opening.says}{where}{over}"


def _ports(opening: Opening, opened: Sequence[Opened]) -> str:
    counts = Counter[str]()
    for each in opened:
        counts[each.protocol] += each.high - each.low + 1
    if all(counts[each] >= _NEARLY_EVERY for each in OTHERS):
        return "every port"
    names = table().ports
    found = []
    for each in opened:
        if each.protocol in PORTLESS or " " in each.protocol:
            found.append(each.protocol)
        elif each.protocol not in opening.ported:
            found.append(f"protocol {each.protocol}")
        elif (each.low, each.high) == PORTS:
            found.append(f"every {each.protocol} port")
        elif each.low == each.high:
            named = f" ({names[each.low]})" if each.low in names else ""
            found.append(f"{each.protocol} {each.low}{named}")
        else:
            found.append(f"{each.protocol} {each.low}-{each.high}")
    shown = [*dict.fromkeys(found)]
    return all_of(shown if len(shown) <= 6 else [*shown[:5], f"{len(shown) - 5} more ranges"])


def _because(member: Member) -> Iterator[str]:
    """Describe what changed in the rules."""
    for way in ways(member.opening):
        yield from causes(value_at(member.change.old or {}, way), value_at(member.change.new or {}, way), way)
