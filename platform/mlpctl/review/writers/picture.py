"""Lays out a diagram of components: used components on the left, their users on the right."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Final

WIDTH: Final = 208
HEIGHT: Final = 58
_GAP_X: Final = 72
_GAP_Y: Final = 18
_PASSES: Final = 4
"""Number of passes that sort the columns by their neighbors; more do not improve diagrams of this size."""

_ALONE_IN_A_LINE: Final = 4


@dataclass(frozen=True)
class Box:
    """A component in the diagram, with the position of its upper left corner in pixels."""

    title: str
    x: int
    y: int


@dataclass(frozen=True)
class Line:
    """A line from a component to a user of it."""

    source: Box
    target: Box

    @property
    def path(self) -> str:
        """The line as an SVG path."""
        x1, y1 = self.source.x + WIDTH, self.source.y + HEIGHT // 2
        x2, y2 = self.target.x, self.target.y + HEIGHT // 2
        bend = max(36, abs(x2 - x1) // 2)
        return f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"


@dataclass(frozen=True)
class Picture:
    """Boxes and lines, and the size of the diagram in pixels."""

    boxes: Sequence[Box]
    lines: Sequence[Line]
    width: int
    height: int


def draw(titles: Sequence[str], uses: Iterable[tuple[str, str]]) -> Picture:
    """Place components in columns; `uses` contains pairs of a user and a used component."""
    pairs = sorted({(one, other) for one, other in uses if one in titles and other in titles and one != other})
    below: dict[str, list[str]] = {title: [] for title in titles}
    above: dict[str, list[str]] = {title: [] for title in titles}
    for one, other in pairs:
        below[one].append(other)
        above[other].append(one)
    depths: dict[str, int] = {}
    for title in titles:
        _depth(title, below, depths, frozenset())
    joined = [title for title in titles if below[title] or above[title]]
    columns = [[t for t in joined if depths[t] == depth] for depth in range(max(depths.values(), default=0) + 1)]
    _untangle(columns, below, above)
    tallest = max(map(len, columns), default=0)
    places: dict[str, tuple[int, int]] = {}
    for number, column in enumerate(columns):
        start = (tallest - len(column)) * (HEIGHT + _GAP_Y) // 2
        for place, title in enumerate(column):
            places[title] = (number * (WIDTH + _GAP_X), start + place * (HEIGHT + _GAP_Y))
    alone = [title for title in titles if title not in places]
    for number, title in enumerate(alone):
        line, place = divmod(number, max(len(columns), _ALONE_IN_A_LINE) if joined else _ALONE_IN_A_LINE)
        places[title] = (place * (WIDTH + _GAP_X), (tallest + line) * (HEIGHT + _GAP_Y))
    boxes = {title: Box(title, *places[title]) for title in titles}
    return Picture(
        [*boxes.values()],
        [Line(boxes[other], boxes[one]) for one, other in pairs],
        max((box.x + WIDTH for box in boxes.values()), default=0),
        max((box.y + HEIGHT for box in boxes.values()), default=0),
    )


def _depth(title: str, below: Mapping[str, Sequence[str]], depths: dict[str, int], on_the_way: frozenset[str]) -> int:
    """Column of a component, from the left; cycles are cut."""
    if title in on_the_way:
        return -1
    if title not in depths:
        way = on_the_way | {title}
        depths[title] = 1 + max((_depth(each, below, depths, way) for each in below[title]), default=-1)
    return depths[title]


def _untangle(
    columns: Sequence[list[str]], below: Mapping[str, Sequence[str]], above: Mapping[str, Sequence[str]]
) -> None:
    """Sort each column by the positions of its neighbors, so that few lines cross."""
    for number in range(_PASSES):
        neighbours = above if number % 2 else below
        place = {title: index / len(column) for column in columns for index, title in enumerate(column)}
        wanted = {title: mean(place[each] for each in neighbours[title] or [title]) for title in place}
        for column in columns:
            column.sort(key=wanted.__getitem__)
