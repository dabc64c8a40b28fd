"""Finds items by their keys and values, without a look at each item."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

_Item = TypeVar("_Item")
_Pair = tuple[str, Hashable]


class Pairs(Generic[_Item]):
    """Items with a mapping each, such as the labels of node groups or what the selectors of policies require.

    Candidates are in the order of the items. An item whose mapping is not fully known is always among them.
    """

    def __init__(self, items: Iterable[tuple[_Item, Any]]) -> None:
        """Index items by their mappings; None for one without any."""
        self._items: list[_Item] = []
        self._free: list[int] = []
        """Positions of the items that each question concerns."""

        self._by_pair: dict[_Pair, list[int]] = {}
        required: list[tuple[int, Sequence[_Pair]]] = []
        for number, (item, given) in enumerate(items):
            self._items.append(item)
            pairs = _pairs(given)
            if pairs is None:
                self._free.append(number)
                continue
            required.append((number, pairs))
            for each in pairs:
                self._by_pair.setdefault(each, []).append(number)
        self._by_rarest: dict[_Pair | None, list[int]] = {}
        for number, needed in required:
            rarest = min(needed, key=lambda each: len(self._by_pair[each]), default=None)
            self._by_rarest.setdefault(rarest, []).append(number)

    def with_all(self, wanted: Any) -> Iterator[_Item]:
        """Candidates for the items that have all of these pairs."""
        pairs = _pairs(wanted)
        if not pairs:
            return iter(self._items)
        rarest = min(pairs, key=lambda each: len(self._by_pair.get(each, ())))
        return self._at([*self._free, *self._by_pair.get(rarest, ())])

    def within(self, given: Any) -> Iterator[_Item]:
        """Candidates for the items all of whose pairs are among these."""
        pairs = _pairs(given)
        if pairs is None:
            return iter(self._items)
        return self._at(self._free + [n for pair in (None, *pairs) for n in self._by_rarest.get(pair, ())])

    def _at(self, numbers: list[int]) -> Iterator[_Item]:
        return (self._items[number] for number in sorted(numbers))


def _pairs(given: Any) -> list[_Pair] | None:
    """The pairs of a mapping; None if some are not known."""
    if given is None:
        return []
    if not isinstance(given, Mapping) or not all(type(value) in (str, int, bool) for value in given.values()):
        return None
    return [*given.items()]
