"""How many public addresses the old and the new rules of a firewall let in, updated rule by rule.

The addresses are divided at the ends of all ranges of the firewall. A segment tree contains the active rules; its nodes
never change, so a rule is tried out by making a new root: the old root is still valid.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from math import inf
from typing import Final

from mlpctl.review.values import addresses
from mlpctl.review.values.addresses import Addresses

Rank = tuple[float, int]
"""The place of a rule in the order of evaluation, and 1 if it allows or 0 if it denies; the smallest one applies."""

_NONE: Final[Rank] = (inf, 2)
"""The rank where no rule applies."""

_ALLOWS: Final = 1

Counts = tuple[int, int, int]
"""Numbers of public addresses that the old rules let in, that the new ones do, and that only the new ones do."""

_Tops = tuple[Rank, Rank]
_Ranks = tuple[tuple[Rank, int], ...]


class Node:
    """A part of the addresses, with the rules that apply to all of it and to parts of it."""

    __slots__ = ("children", "known", "ranks", "strongest")

    def __init__(self, ranks: tuple[_Ranks, _Ranks], children: tuple["Node | None", "Node | None"]) -> None:
        self.ranks = ranks
        """The ranks of the old and of the new rules for the whole part, ascending, with their numbers."""

        self.children = children
        below = [child.strongest for child in children if child]
        own = [side[0][0] if side else _NONE for side in ranks]
        self.strongest: _Tops = (
            min((own[0], *(each[0] for each in below))),
            min((own[1], *(each[1] for each in below))),
        )
        self.known: dict[_Tops, Counts] = {}


class Space:
    """The addresses of one family, divided at the ends of ranges."""

    def __init__(self, family: int, parts: Iterable[Addresses]) -> None:
        """Use all sources of the rules of a firewall."""
        public = addresses.public(family).spans
        spans = {span for each in parts for span in each.spans} | {*public}
        self._points = sorted({point for low, high in spans for point in (low, high + 1)})
        sizes = []
        number = 0
        for low, following in pairwise(self._points):
            while number < len(public) and public[number][1] < low:
                number += 1
            sizes.append(following - low if number < len(public) and public[number][0] <= low else 0)
        self._sums = [0, *accumulate(sizes)]
        self._all = (0, len(sizes))

    def put(self, root: Node | None, side: int, rank: Rank, some: Addresses, sign: int = 1) -> Node | None:
        """The root after a rule comes (1) or goes (-1)."""
        for low, high in some.spans:
            first, last = bisect_left(self._points, low), bisect_left(self._points, high + 1)
            root = _put(root, *self._all, (first, last), (side, rank, sign))
        return root

    def counts(self, root: Node | None) -> Counts:
        """What the rules let in."""
        return self._counts(root, *self._all, (_NONE, _NONE))

    def _counts(self, node: Node | None, low: int, high: int, outer: _Tops) -> Counts:
        """What the rules of a part let in if the ones for larger parts have these ranks."""
        if node is None or (outer[0] <= node.strongest[0] and outer[1] <= node.strongest[1]):
            size = self._sums[high] - self._sums[low]
            before, after = outer[0][1] == _ALLOWS, outer[1][1] == _ALLOWS
            return size * before, size * after, size * (after and not before)
        if outer not in node.known:
            old, new = node.ranks
            tops = min(outer[0], old[0][0]) if old else outer[0], min(outer[1], new[0][0]) if new else outer[1]
            left, right = node.children
            middle = (low + high) // 2
            if left is None and right is None:
                node.known[outer] = self._counts(None, low, high, tops)
            else:
                one, other = self._counts(left, low, middle, tops), self._counts(right, middle, high, tops)
                node.known[outer] = one[0] + other[0], one[1] + other[1], one[2] + other[2]
        return node.known[outer]


def _put(node: Node | None, low: int, high: int, span: tuple[int, int], change: tuple[int, Rank, int]) -> Node | None:
    ranks, children = (node.ranks, node.children) if node else (((), ()), (None, None))
    if span[0] <= low and high <= span[1]:
        side, rank, sign = change
        changed = _counted(ranks[side], rank, sign)
        ranks = (changed, ranks[1]) if side == 0 else (ranks[0], changed)
    else:
        middle = (low + high) // 2
        left, right = children
        children = (
            _put(left, low, middle, span, change) if span[0] < middle else left,
            _put(right, middle, high, span, change) if span[1] > middle else right,
        )
    return Node(ranks, children) if any(ranks) or any(children) else None


def _counted(ranks: _Ranks, rank: Rank, sign: int) -> _Ranks:
    number = bisect_left(ranks, (rank, 0))
    if number < len(ranks) and ranks[number][0] == rank:
        count = ranks[number][1] + sign
        return (*ranks[:number], *([(rank, count)] if count else []), *ranks[number + 1 :])
    return (*ranks[:number], (rank, sign), *ranks[number:])


class Ranks:
    """The ranks of the rules of one side of a firewall.

    Rules of the same kind that follow each other have the same rank, and deny rules after all allow rules have none:
    without them nothing is let in either.
    """

    def __init__(self, rules: Iterable[tuple[float, bool]]) -> None:
        """Use the orders of all rules, and whether they allow; of one order, deny rules come first."""
        self._ranks: dict[tuple[float, bool], Rank | None] = {}
        level = 0
        last = None
        found: Sequence[tuple[float, bool]] = sorted(set(rules))
        for order, allows in found:
            level += last is not None and last != allows
            last = allows
            self._ranks[order, allows] = level, int(allows)
        for each in reversed(found):
            if each[1]:
                break
            self._ranks[each] = None

    def of(self, order: float, allows: bool) -> Rank | None:
        """The rank of a rule."""
        return self._ranks[order, allows]
