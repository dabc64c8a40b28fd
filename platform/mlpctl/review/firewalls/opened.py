"""What the rules of a firewall newly open to the internet, and which rules contribute to it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from mlpctl.review.firewalls.openings import Layer
from mlpctl.review.firewalls.sweep import Piece
from mlpctl.review.values.ranges import Ranges

OTHERS: Final = ("tcp", "udp", "icmp", "any other protocol")
"""The protocols for which a rule for all protocols is checked, besides those that other rules name."""


@dataclass(frozen=True)
class Opened:
    """Ports that become open to the internet."""

    protocol: str
    low: int
    high: int
    family: int
    whole: bool
    """Whether to the whole internet; otherwise to a large part of it."""


def newly(pieces: Mapping[str, Iterable[Piece]]) -> list[Opened]:
    """What pieces by protocol amount to: adjacent ports of the same kind form one range."""
    found: list[Opened] = []
    for protocol, some in pieces.items():
        last: dict[tuple[int, bool], int] = {}
        for low, high, family, whole in sorted((each.low, each.high, each.family, each.whole) for each in some):
            number = last.get((family, whole))
            if number is not None and found[number].high + 1 == low:
                found[number] = replace(found[number], high=high)
            else:
                last[family, whole] = len(found)
                found.append(Opened(protocol, low, high, family, whole))
    return found


class Opens:
    """What a firewall newly opens, with an index of the ports."""

    def __init__(self, found: Iterable[Opened]) -> None:
        """Cache the results of `newly`."""
        self.found = [*dict.fromkeys(found)]
        self.places = {each: number for number, each in enumerate(self.found)}
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
