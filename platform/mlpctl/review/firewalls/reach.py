"""Determines whether AWS security groups allow the same traffic as before, regardless of the form of their rules.

All rules of a group, inline and separate resources, are combined for each direction into a set of addresses and other
peers per protocol and port. Rules that are split, joined or moved result in the same set.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from awsfacts.tables import Row, read_table
from mlpctl.review.compare.aws_rules import protocol_of
from mlpctl.review.firewalls.openings import PORTS, messages
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.relations.targets import Targets
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values import addresses
from mlpctl.review.values.addresses import Addresses
from mlpctl.review.values.plain import Value, is_hidden, items, whole

MOST: Final = 50_000
"""Maximum number of rules that are combined for all ports together.

Of 5,000 rules for a port each, every one is combined once; AWS allows at most 1,000 for a group.
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
"""

_EVERY: Final = "-1"


class _Alone(Row):
    """Rules that are separate resources."""

    group: str
    direction: str


class _Table(Row):
    """`reach.yaml`, which explains its fields."""

    groups: Mapping[str, Mapping[str, str]]
    rules: Mapping[str, _Alone]
    protocol: Sequence[str]
    ports: Sequence[str]
    addresses: Sequence[str]
    peers: Sequence[str]
    group_ids: Sequence[str]
    owner: str
    silent: Sequence[str]


@cache
def _table() -> _Table:
    return _Table.model_validate(read_table("reach.yaml", "mlpctl.review.firewalls"))


@dataclass(frozen=True)
class _Way:
    """The traffic that one rule allows."""

    protocol: str
    low: int
    high: int
    spans: Mapping[int, Addresses]
    peers: frozenset[str]


_Reach = frozenset[tuple[Any, ...]]


class Reaches:
    """The old and new traffic that the groups of a plan allow."""

    def __init__(
        self,
        changes: Iterable[Change],
        targets: Targets,
    ) -> None:
        """Combine the rules; `targets` finds the groups of the rules that are separate resources."""
        self._targets = targets
        self._rules: dict[tuple[str, str], tuple[list[Value], list[Value]]] = {}
        self._keys: dict[str, set[tuple[str, str]]] = {}
        self._same: dict[tuple[str, str], bool] = {}
        for change in changes:
            if change.custom and change.op is not Op.READ:
                for side, inputs in enumerate((change.old, change.remaining)):
                    for key, rules in self._of(change, inputs, ("old", "new")[side]):
                        self._rules.setdefault(key, ([], []))[side].extend(rules)
                        self._keys.setdefault(change.urn, set()).add(key)

    def same(self, change: Change) -> bool:
        """Whether the groups of a rule allow the same traffic as before; False if unknown."""
        return is_rule(change) and all(map(self._is_same, self._keys.get(change.urn, [("", "")])))

    def keeps(self, change: Change, name: str) -> bool:
        """Whether a group allows the same traffic as before in the direction of the property `name`."""
        direction = _table().groups.get(short_type(change.type), {}).get(name)
        return direction is not None and self._is_same((change.urn, direction))

    def _is_same(self, key: tuple[str, str]) -> bool:
        if key not in self._same:
            self._same[key] = same(*self._rules.get(key, ([None], [None])))
        return self._same[key]

    def _of(
        self, change: Change, inputs: Mapping[str, Value] | None, side: str
    ) -> Iterator[tuple[tuple[str, str], list[Value]]]:
        """The rules in a resource's inputs, by group and direction."""
        type = short_type(change.type)
        if inputs is None:
            return
        # The ID after a replacement is not known.
        own = "" if side == "new" and change.op is Op.REPLACE else change.id
        for name, direction in _table().groups.get(type, {}).items():
            yield (change.urn, direction), [_of_itself(each, own) for each in items(inputs.get(name))]
        if alone := _table().rules.get(type):
            towards = inputs.get("type") if alone.direction == "type" else alone.direction
            key = self._targets.key(change, alone.group, side), str(towards)
            yield key, [_of_itself(inputs, inputs.get(alone.group))]


def _of_itself(rule: Value, own: Value) -> Value:
    """A rule with `self` in place of the ID of its own group."""
    if not isinstance(rule, Mapping) or not isinstance(own, str) or not own:
        return rule
    named = {key: items(rule[key]) for key in _table().group_ids if rule.get(key) and own in items(rule[key])}
    if not named:
        return rule
    rest = {key: [each for each in found if each != own] for key, found in named.items()}
    return {key: each for key, each in rule.items() if key != _table().owner} | rest | {"self": True}


def is_rule(change: Change) -> bool:
    """Whether a resource is a rule of a security group."""
    return short_type(change.type) in _table().rules


def same(old: Value, new: Value) -> bool:
    """Whether two lists of rules allow the same traffic; False if they are not such rules or a part is unknown."""
    if not isinstance(old, list) or not isinstance(new, list) or not (old or new):
        return False
    sides = [[way for rule in rules for way in _ways(rule)] for rules in (old, new)]
    if any(each is None for ways in sides for each in ways):
        return False
    before, after = ([each for each in ways if each] for ways in sides)
    reaches = [_reach(ways, {each.protocol for each in (*before, *after)} | {""}) for ways in (before, after)]
    return reaches[0] is not None and reaches[0] == reaches[1]


def _reach(ways: Sequence[_Way], protocols: Iterable[str]) -> _Reach | None:
    """The port ranges of each protocol with their peers; `""` stands for protocols that no rule names.

    None if too many rules overlap.
    """
    found: list[tuple[Any, ...]] = []
    named: dict[str, list[_Way]] = {}
    for way in ways:
        named.setdefault(way.protocol, []).append(way)
    work = 0
    for protocol in protocols:
        last: tuple[Any, ...] = ()
        for low, here in _active([way for each in {protocol, _EVERY} for way in named.get(each, ())]):
            work += len(here)
            if work > MOST:
                return None
            spans = [addresses.union(each.spans[family] for each in here) for family in (4, 6)]
            passes = (*spans, frozenset[str]().union(*(each.peers for each in here)))
            if passes != last:
                found.append((protocol, low, *passes))
                last = passes
    return frozenset(found)


def _active(ways: Sequence[_Way]) -> Iterator[tuple[int, Collection[_Way]]]:
    """The ports at which other rules apply, in ascending order, and the rules that apply from there."""
    coming: dict[int, list[int]] = {}
    leaving: dict[int, list[int]] = {}
    for number, way in enumerate(ways):
        coming.setdefault(way.low, []).append(number)
        leaving.setdefault(way.high + 1, []).append(number)
    here: dict[int, _Way] = {}
    for port in sorted({PORTS[0], *coming, *leaving}):
        for number in leaving.get(port, ()):
            here.pop(number, None)
        for number in coming.get(port, ()):
            if ways[number].high >= port:
                here[number] = ways[number]
        yield port, here.values()


def _ways(rule: Value) -> Iterator[_Way | None]:
    """The traffic that a rule allows; None if it is not such a rule or a part is unknown."""
    table = _table()
    reached = (*table.protocol, *table.ports, *table.addresses, *table.peers)
    if not isinstance(rule, Mapping) or any(
        each and key not in (*reached, *table.silent) for key, each in rule.items()
    ):
        yield None
        return
    values = [rule.get(key) for key in reached]
    if is_hidden(values):
        yield None
        return
    protocol = protocol_of(next((rule[key] for key in table.protocol if key in rule), _EVERY))
    low, high = (whole(rule.get(key)) for key in table.ports)
    ports = PORTS
    if protocol in ("tcp", "udp") and low is not None and high is not None and low >= 0:
        ports = (low, high)
    elif protocol in ("icmp", "icmpv6"):
        ports = messages(low, high)
    spans, strange = addresses.split(each for key in table.addresses for each in _listed(rule.get(key)))
    peers = {str(each) for key in table.peers for each in _listed(rule.get(key)) if each and key != "self"}
    peers |= {"itself"} if str(rule.get("self")).lower() == "true" else set()
    yield _Way(protocol, *ports, spans, frozenset({*peers, *map(str, strange)}))


def _listed(value: Value) -> list[Value]:
    return [] if value == "" else items(value)
