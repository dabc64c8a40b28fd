"""Ranges of numbers, such as ports, that are found by their overlap."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Generic, Protocol, TypeVar

Span = tuple[int, int]
"""The lowest and the highest number of a range."""


class _HasEnds(Protocol):
    @property
    def low(self) -> int: ...

    @property
    def high(self) -> int: ...


_Ranged = TypeVar("_Ranged", bound=_HasEnds)


class Ranges(Generic[_Ranged]):
    """Ranges, with an index of those that overlap with another."""

    def __init__(self, ranges: Iterable[_Ranged]) -> None:
        self._ranges = sorted(ranges, key=lambda each: each.low)
        self._lows = [each.low for each in self._ranges]
        self._highest = [*accumulate((each.high for each in self._ranges), max)]
        """For each range, the highest port of it and of those before it."""

    def overlaps(self, low: int, high: int) -> bool:
        """Whether any range overlaps with another."""
        number = bisect_right(self._lows, high)
        return number > 0 and self._highest[number - 1] >= low

    def overlapping(self, low: int, high: int) -> Iterator[_Ranged]:
        """All ranges that overlap with another."""
        number = bisect_right(self._lows, high) - 1
        while number >= 0 and self._highest[number] >= low:
            if self._ranges[number].high >= low:
                yield self._ranges[number]
            number -= 1


class Highest:
    """Numbers, with an index of the highest one between two positions."""

    def __init__(self, values: Sequence[int]) -> None:
        self._rows = [[*values]]
        width = 1
        while 2 * width <= len(values):
            row = self._rows[-1]
            self._rows.append([max(row[each], row[each + width]) for each in range(len(row) - width)])
            width *= 2

    def over(self, first: int, last: int) -> int:
        """The highest number from one position to another, inclusive."""
        number = (last - first + 1).bit_length() - 1
        row = self._rows[number]
        return max(row[first], row[last - (1 << number) + 1])


def joined(ranges: Iterable[Span]) -> list[Span]:
    """Ascending ranges, with adjacent and overlapping ones merged, and without empty ones."""
    found: list[Span] = []
    for low, high in sorted(each for each in ranges if each[0] <= each[1]):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def common(ranges: Sequence[Span], others: Sequence[Span]) -> Iterator[tuple[int, int, int]]:
    """The parts of ascending disjoint ranges that others contain, each with the position of its range."""
    number = 0
    for place, (low, high) in enumerate(ranges):
        number = bisect_left(others, low, number, key=lambda each: each[1])
        while number < len(others) and others[number][0] <= high:
            yield max(low, others[number][0]), min(high, others[number][1]), place
            if others[number][1] > high:
                break
            number += 1


def without(ranges: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The parts of ascending disjoint ranges that others do not contain."""
    if not others or not ranges:
        return [*ranges]
    lows = [min(ranges[0][0], others[0][0]), *(high + 1 for _, high in others)]
    highs = [*(low - 1 for low, _ in others), max(ranges[-1][1], others[-1][1])]
    gaps = [each for each in zip(lows, highs, strict=True) if each[0] <= each[1]]
    return [(low, high) for low, high, _ in common(ranges, gaps)]
