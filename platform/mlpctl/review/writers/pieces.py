"""Pieces of a text of limited size: each can be shortened, and then says how much it omits."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

_NUMBERED: Final = re.compile(r"(?P<before>.*?)(?P<number>\d{1,9})(?P<after>\D*)")
_FOLDABLE: Final = re.compile(r"[\w.:/-]+")


class Piece(Protocol):
    """A piece of a text."""

    @property
    def smallest(self) -> str:
        """Its shortest form."""

    def fitted(self, room: int) -> str:
        """The longest form that fits into `room` bytes of UTF-8; at least the shortest form."""


@dataclass(frozen=True)
class Whole:
    """A piece with a full and a short form."""

    text: str
    smallest: str = ""

    def fitted(self, room: int) -> str:
        """Return the full form if it fits."""
        return self.text if size(self.text) <= room else self.smallest


@dataclass(frozen=True)
class Listing:
    """A piece with a head, items and a foot; the last items are omitted first."""

    head: str
    items: Sequence[str]
    foot: str
    left_out: Callable[[int], str]
    """The text before the foot about a number of omitted items."""

    smallest: str
    """The text if no item fits."""

    def fitted(self, room: int) -> str:
        """Return as many items as fit."""
        whole = f"{self.head}{''.join(self.items)}{self.foot}"
        if size(whole) <= room:
            return whole
        left = room - size(self.head) - size(self.foot) - size(self.left_out(len(self.items)))
        shown = 0
        while shown < len(self.items) and (left := left - size(self.items[shown])) >= 0:
            shown += 1
        if not shown:
            return self.smallest
        missing = self.left_out(len(self.items) - shown)
        return f"{self.head}{''.join(self.items[:shown])}{missing}{self.foot}"


@dataclass(frozen=True)
class Fuller:
    """A piece with a long form that is used only if all of it fits, and another form."""

    full: Piece
    other: Piece

    @property
    def smallest(self) -> str:
        """Return the shortest form of the other piece."""
        return self.other.smallest

    def fitted(self, room: int) -> str:
        """Return the long form, or as much of the other as fits."""
        whole = everything(self.full)
        return whole if size(whole) <= room else self.other.fitted(room)


@dataclass(frozen=True)
class Sequel:
    """A sequence of pieces that share the available size; the last ones are omitted first."""

    head: str
    pieces: Sequence[Piece]
    left_out: Callable[[int], str]
    """The text about a number of omitted pieces."""

    @property
    def smallest(self) -> str:
        """Return the head and the number of pieces."""
        return self.head + self.left_out(len(self.pieces)) if self.pieces else ""

    def fitted(self, room: int) -> str:
        """Return all pieces if their shortest forms fit, otherwise the first ones."""
        if not self.pieces:
            return ""
        room -= size(self.head)
        least = [size(piece.smallest) for piece in self.pieces]
        shown = len(self.pieces)
        if sum(least) > room:
            room -= size(self.left_out(shown))
            while shown and sum(least[:shown]) > room:
                shown -= 1
        left = len(self.pieces) - shown
        text = share([(piece, 1.0) for piece in self.pieces[:shown]], room)
        return self.head + "".join(text) + (self.left_out(left) if left else "")


def share(pieces: Sequence[tuple[Piece, float]], room: int) -> list[str]:
    """Distribute a size among pieces: first their shortest forms, then their shares of the rest, then what remains.

    A share of 1 is an equal part of the free rest for the piece and those after it.
    """
    texts = [piece.smallest for piece, _ in pieces]
    free = room - sum(map(size, texts))
    for last in (False, True):
        for number, (piece, part) in enumerate(pieces):
            following = len(pieces) - number
            allowed = free if last else int(free * part) // (following if part == 1 else 1)
            longer = piece.fitted(size(texts[number]) + max(0, allowed))
            free -= size(longer) - size(texts[number])
            texts[number] = longer
    return texts


def everything(piece: Piece) -> str:
    """The full text of a piece."""
    return piece.fitted(sys.maxsize)


def size(text: str) -> int:
    """Size of a text in bytes of UTF-8: never less than its number of characters or of UTF-16 units."""
    return len(text.encode())


def folded(names: Sequence[str]) -> list[str]:
    """Names as shell brace patterns from which each can be read: `shard-{0001..0040}-bucket`, `net-{a,b}`."""
    numbered: dict[tuple[str, str, int], list[str]] = {}
    others: list[str] = []
    for name in dict.fromkeys(names):
        found = _NUMBERED.fullmatch(name)
        if not _FOLDABLE.fullmatch(name):
            others.append(name)
        elif found and len(found["number"]) <= 9:
            width = len(found["number"]) if found["number"].startswith("0") else 0
            numbered.setdefault((found["before"], found["after"], width), []).append(found["number"])
        else:
            others.append(name)
    lines = []
    for (before, after, _), numbers in numbered.items():
        if len(numbers) == 1:
            others.append(f"{before}{numbers[0]}{after}")
        else:
            lines.append(f"{before}{{{','.join(_ranges(sorted(numbers, key=int)))}}}{after}")
    strange = [name for name in others if not _FOLDABLE.fullmatch(name)]
    plain = sorted(name for name in others if _FOLDABLE.fullmatch(name))
    return [*lines, *_branches(plain), *strange]


def grouped(names: Mapping[str, Sequence[str]], most: int | None = None, *, fold: bool = False) -> list[str]:
    """Lines of heads with their names below, at most `most` bytes; a head has the number of its names.

    `fold` writes the names as brace patterns; it cannot be combined with `most`.
    """
    heads = {head: folded(found) if fold else [*found] for head, found in names.items()}
    room = None if most is None else most - sum(size(_head(head, len(found))) + 40 for head, found in names.items())
    lines: list[str] = []
    for number, (head, found) in enumerate(heads.items()):
        lines.append(_head(head, len(names[head])))
        if room is None:
            lines += [f"  {name}" for name in found]
            continue
        # Each head has its own share, so that a long list does not displace the others.
        allowed, shown = room // (len(heads) - number), 0
        for name in names[head]:
            if (needed := size(name) + 3) > allowed:
                break
            lines.append(f"  {name}")
            allowed, room, shown = allowed - needed, room - needed, shown + 1
        if shown < len(names[head]):
            lines.append(f"  and {len(names[head]) - shown:,} more")
    return lines


def _ranges(numbers: Sequence[str]) -> Iterator[str]:
    """Sorted numbers, with consecutive ones as `1..9`."""
    start = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or int(numbers[place]) != int(numbers[place - 1]) + 1:
            first, last = numbers[start], numbers[place - 1]
            yield from (first, last)[: place - start] if place - start < 3 else (f"{first}..{last}",)
            start = place


def _branches(names: Sequence[str]) -> list[str]:
    """Names with a common start, up to a hyphen, as `net-{a,b}`."""
    beginnings: dict[str, list[str]] = {}
    for name in names:
        head, hyphen, rest = name.partition("-")
        beginnings.setdefault(head + hyphen, []).append(rest)
    return [
        head + rests[0] if len(rests) == 1 else f"{head}{{{','.join(_branches(rests))}}}"
        for head, rests in beginnings.items()
    ]


def _head(head: str, count: int) -> str:
    return f"{head}: {count:,}"
