"""The targets that the rules of one firewall apply to, and the rules for each of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlpctl.review.firewalls.combined import combined
from mlpctl.review.firewalls.opened import Contribution, Opened, Opens
from mlpctl.review.firewalls.openings import Layer, Opening
from mlpctl.review.plan.model import Change
from mlpctl.review.values import addresses


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
        self._everywhere: tuple[list[Layer], list[Layer]] = ([], [])
        self._named: dict[str, tuple[list[Layer], list[Layer]]] = {"": ([], [])}
        for member in members:
            for side, found in enumerate((member.old, member.new)):
                for layer in found:
                    if not layer.targets:
                        self._everywhere[side].append(layer)
                    for target in sorted(layer.targets):
                        self._named.setdefault(target, ([], []))[side].append(layer)
        self._around = _around(self._named)
        self._inside: dict[str, list[str]] = {}
        for target, names in self._around.items():
            for name in names:
                self._inside.setdefault(name, []).append(target)
        self._is_doubtful = any(each.doubtful for member in members for each in (*member.old, *member.new))
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
        old, new = _by_target(member.old), _by_target(member.new)
        changed = {name: Contribution(old.get(name, ()), new.get(name, ())) for name in {"", *old, *new}}
        found = {*everything.touched(changed[""])}
        for name in changed:
            for target in (name, *self._inside.get(name, ())) if name else ():
                if target in opens:
                    found |= {*opens[target].touched(changed[name])}
        return sorted(found, key=everything.places.__getitem__)

    def _all(self, doubtful: bool) -> tuple[Mapping[str, Opens], Opens]:
        """What becomes open on each target, without those on which nothing does, and on all together."""
        doubtful = doubtful and self._is_doubtful
        if doubtful not in self._opens:
            every = combined(self._everywhere, self._named, self._around, doubtful)
            opens = {target: Opens(found) for target, found in every.items() if found}
            self._opens[doubtful] = opens, Opens(found for each in opens.values() for found in each.found)
        return self._opens[doubtful]


def _by_target(layers: Iterable[Layer]) -> Mapping[str, Sequence[Layer]]:
    """The rules by their targets; those for everything under an empty target."""
    found: dict[str, list[Layer]] = {}
    for layer in layers:
        for target in layer.targets or ("",):
            found.setdefault(target, []).append(layer)
    return found


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
