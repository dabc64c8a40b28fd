"""The targets that the rules of one firewall apply to, and the rules for each of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mlpctl.review import addresses
from mlpctl.review.opened import Contribution, Opened, Opens, newly
from mlpctl.review.openings import Layer, Opening
from mlpctl.review.plan import Change
from mlpctl.review.ranges import Ranges

_NARROW: Final = 1_024
"""Number of ports from which a rule is looked at for each target, and not found by its ports."""

_Sides = tuple[list[Layer], list[Layer]]


@dataclass(frozen=True)
class Member:
    """A resource with rules."""

    change: Change
    opening: Opening
    old: tuple[Layer, ...]
    new: tuple[Layer, ...]


class Guarded:
    """The targets of one firewall's rules; an empty target stands for everything that no rule names."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Use all resources with rules of the firewall."""
        self._everywhere: _Sides = ([], [])
        self._named: dict[str, _Sides] = {"": ([], [])}
        for member in members:
            for side, found in enumerate((member.old, member.new)):
                for layer in found:
                    if not layer.targets:
                        self._everywhere[side].append(layer)
                    for target in layer.targets:
                        self._named.setdefault(target, ([], []))[side].append(layer)
        self._around = _around(self._named)
        self._inside: dict[str, list[str]] = {}
        for target, names in self._around.items():
            for name in names:
                self._inside.setdefault(name, []).append(target)
        self._ports = tuple(map(_Ports, self._everywhere))
        self._opens: dict[bool, tuple[Mapping[str, Opens], Opens]] = {}

    def opened(self, member: Member, doubtful: bool) -> Sequence[Opened]:
        """What becomes open by the rules of a resource, on any target.

        Args:
            member: The resource.
            doubtful: Whether rules count of which a part is unknown.
        """
        opens, everything = self._all(doubtful)
        if not opens:
            return ()
        rules = _by_target(member.old), _by_target(member.new)
        found = {*everything.touched(Contribution(*(side.get("", ()) for side in rules)))}
        names = {name for side in rules for name in side if name}
        names |= {target for name in names for target in self._inside.get(name, ())}
        for target in names & opens.keys():
            around = (target, *self._around.get(target, ()))
            own = [[layer for name in around for layer in side.get(name, ())] for side in rules]
            found |= {*opens[target].touched(Contribution(*own))}
        return [each for each in everything.found if each in found] if found else ()

    def _all(self, doubtful: bool) -> tuple[Mapping[str, Opens], Opens]:
        """What becomes open on each target, without those on which nothing does, and on all together."""
        if doubtful not in self._opens:
            opens = {target: Opens(newly(*self._layers(target, doubtful))) for target in self._named}
            opens = {target: each for target, each in opens.items() if each.found}
            self._opens[doubtful] = opens, Opens(found for each in opens.values() for found in each.found)
        return self._opens[doubtful]

    def _layers(self, target: str, doubtful: bool) -> _Sides:
        """The old and new layers for a target.

        For a named target, only the protocols and ports of its own rules: for all others it is like the empty target.
        """
        old, new = self._everywhere
        if target:
            names = (target, *self._around.get(target, ()))
            own = [[layer for each in names for layer in self._named[each][side]] for side in (0, 1)]
            named = [*own[0], *own[1]]
            old, new = ([*own[side], *self._ports[side].within(named)] for side in (0, 1))
        return [each for each in old if doubtful or not each.doubtful], [
            each for each in new if doubtful or not each.doubtful
        ]


def _by_target(layers: Iterable[Layer]) -> Mapping[str, Sequence[Layer]]:
    """The rules by their targets; those for everything under an empty target."""
    found: dict[str, list[Layer]] = {}
    for layer in layers:
        for target in layer.targets or ("",):
            found.setdefault(target, []).append(layer)
    return found


class _Ports:
    """Rules with an index of their ports."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._wide = [each for each in layers if each.high - each.low >= _NARROW]
        self._narrow = Ranges(each for each in layers if each.high - each.low < _NARROW)

    def within(self, others: Iterable[Layer]) -> Iterator[Layer]:
        """The parts of the rules that overlap with the protocols and ports of others."""
        for each in others:
            for layer in (*self._wide, *self._narrow.overlapping(each.low, each.high)):
                low, high = max(layer.low, each.low), min(layer.high, each.high)
                if low <= high and (not layer.protocol or not each.protocol or layer.protocol == each.protocol):
                    yield replace(layer, protocol=layer.protocol or each.protocol, low=low, high=high)


def _around(targets: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """The other targets whose addresses contain all those of a target, by target."""
    found: dict[str, dict[str, None]] = {}
    for family in (4, 6):
        outer: list[tuple[int, int, str]] = []
        spans = ((low, -high, each) for each in targets for low, high in addresses.parsed([each])[family].spans)
        for low, negative, target in sorted(spans):
            high = -negative
            outer = [each for each in outer if each[1] >= low]
            for first, last, name in outer:
                if last >= high:
                    found.setdefault(target, {})[name] = None
                if (first, last) == (low, high):
                    # Another notation of the same addresses.
                    found.setdefault(name, {})[target] = None
            outer.append((low, high, target))
    return {target: [*names] for target, names in found.items()}
