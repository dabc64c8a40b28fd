"""Pieces of a text that has a limit: each can be shown shorter, and says then how much of it is left out."""

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
        """The least that is shown of it."""

    def fitted(self, room: int) -> str:
        """As much of it as there is room for, in bytes of UTF-8; never less than the least."""


@dataclass(frozen=True)
class Whole:
    """A piece that is shown whole or in its short form."""

    text: str
    smallest: str = ""

    def fitted(self, room: int) -> str:
        """Return the whole, if there is room."""
        return self.text if size(self.text) <= room else self.smallest


@dataclass(frozen=True)
class Listing:
    """A piece of a head, items and a foot; the last items are left out first."""

    head: str
    items: Sequence[str]
    foot: str
    left_out: Callable[[int], str]
    """What is said, before the foot, of so many items that are left out."""

    smallest: str
    """What stays of it where there is no room for any item."""

    def fitted(self, room: int) -> str:
        """Return as many items as there is room for."""
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
    """A piece that is shown in its fuller form where there is room for all of that, else in the other."""

    full: Piece
    other: Piece

    @property
    def smallest(self) -> str:
        """Return the least of the other form."""
        return self.other.smallest

    def fitted(self, room: int) -> str:
        """Return the fuller form, or as much of the other as there is room for."""
        whole = everything(self.full)
        return whole if size(whole) <= room else self.other.fitted(room)


@dataclass(frozen=True)
class Sequel:
    """Pieces of one kind, one after the other; they share the room, and the last ones are left out first."""

    head: str
    pieces: Sequence[Piece]
    left_out: Callable[[int], str]
    """What is said of so many pieces that are left out."""

    @property
    def smallest(self) -> str:
        """Return the head and how many pieces there are."""
        return self.head + self.left_out(len(self.pieces)) if self.pieces else ""

    def fitted(self, room: int) -> str:
        """Return all pieces as long as there is room for the least of each, else the first of them."""
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
    """Share the room among pieces: the least of each, then up to its share of what is free, then what is left over.

    A share of 1 is an equal part of what is free for itself and those after it.
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
    """All of a piece."""
    return piece.fitted(sys.maxsize)


def size(text: str) -> int:
    """Bytes of a text in UTF-8: never fewer than its letters, nor than its units of UTF-16."""
    return len(text.encode())


def folded(names: Sequence[str]) -> list[str]:
    """Names in the braces of a shell, so that each can still be read: `shard-{0001..0040}-bucket`, `net-{a,b}`."""
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
    """Lines of heads with their names below, of at most `most` bytes; a head says how many it has, and how many lack.

    `fold` writes the names in braces; it is of no use together with `most`.
    """
    heads = {head: folded(found) if fold else [*found] for head, found in names.items()}
    room = None if most is None else most - sum(size(_head(head, len(found))) + 40 for head, found in names.items())
    lines: list[str] = []
    for number, (head, found) in enumerate(heads.items()):
        lines.append(_head(head, len(names[head])))
        if room is None:
            lines += [f"  {name}" for name in found]
            continue
        # Each head has its part of the room, so that no long list takes that of the others.
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
    """Numbers in order, those that follow each other as `1..9`."""
    start = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or int(numbers[place]) != int(numbers[place - 1]) + 1:
            first, last = numbers[start], numbers[place - 1]
            yield from (first, last)[: place - start] if place - start < 3 else (f"{first}..{last}",)
            start = place


def _branches(names: Sequence[str]) -> list[str]:
    """Names that begin alike, up to a hyphen, as `net-{a,b}`."""
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
