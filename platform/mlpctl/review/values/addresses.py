"""Sets of IP addresses, parsed from the sources of firewall rules."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import heappop, heappush
from itertools import pairwise
from typing import Final

from awsfacts.addresses import NOT_PUBLIC
from mlpctl.review.values.plain import Value

EVERYWHERE: Final = frozenset({"*", "any", "internet", "all", "world"})
"""Words of providers for all addresses."""

LARGE: Final = 256
"""A range of at least 1/256 of all public addresses is a large part: a /8 of IPv4."""

# https://www.iana.org/assignments/ipv6-address-space: only this range is allocated.
_PUBLIC_6: Final = "2000::/3"

_Span = tuple[int, int]


@dataclass(frozen=True)
class Addresses:
    """Addresses of one family, as sorted disjoint spans."""

    spans: tuple[_Span, ...] = ()

    def __bool__(self) -> bool:
        """Return whether it contains any address."""
        return bool(self.spans)

    def __or__(self, other: "Addresses") -> "Addresses":
        """Return the union."""
        return Addresses(_joined([*self.spans, *other.spans]))

    def __sub__(self, other: "Addresses") -> "Addresses":
        """Return the difference."""
        left: list[_Span] = []
        number = 0
        for low, last in self.spans:
            first = low
            while number < len(other.spans) and other.spans[number][1] < first:
                number += 1
            # The last span that is subtracted here may also overlap with the next span.
            taken = number
            while taken < len(other.spans) and other.spans[taken][0] <= last:
                if first < other.spans[taken][0]:
                    left.append((first, other.spans[taken][0] - 1))
                first = other.spans[taken][1] + 1
                taken += 1
            if first <= last:
                left.append((first, last))
        return Addresses(tuple(left))

    @property
    def size(self) -> int:
        """Number of addresses."""
        return sum(high - low + 1 for low, high in self.spans)


def union(parts: Iterable[Addresses]) -> Addresses:
    """All addresses of several sets."""
    return Addresses(_joined([span for each in parts for span in each.spans]))


def let_in(rules: Sequence[tuple[bool, Addresses]]) -> Addresses:
    """The addresses that a list of allow and deny rules allows; the first rule that matches an address applies."""
    starts = sorted((low, rank, high) for rank, (_, some) in enumerate(rules) for low, high in some.spans)
    points = sorted({point for low, _, high in starts for point in (low, high + 1)})
    found: list[_Span] = []
    active: list[tuple[int, int]] = []
    number = 0
    for point, following in pairwise(points):
        while number < len(starts) and starts[number][0] == point:
            heappush(active, starts[number][1:])
            number += 1
        while active and active[0][1] < point:
            heappop(active)
        if active and rules[active[0][0]][0]:
            found.append((point, following - 1))
    return Addresses(_joined(found))


def parsed(texts: Iterable[Value]) -> dict[int, Addresses]:
    """The addresses of ranges, by family (4 and 6); other texts, such as service tags, are ignored."""
    return split(texts)[0]


def split(sources: Iterable[Value]) -> tuple[dict[int, Addresses], list[Value]]:
    """The addresses of ranges, by family (4 and 6), and the sources that are not ranges, such as service tags."""
    found: dict[int, list[_Span]] = {4: [], 6: []}
    others: list[Value] = []
    for source in sources:
        spans = [*_spans(source.strip())] if isinstance(source, str) else []
        spans = [(family, (low, high)) for family, (low, high) in spans if low <= high]
        for family, span in spans:
            found[family].append(span)
        if not spans:
            others.append(source)
    return {family: Addresses(_joined(spans)) for family, spans in found.items()}, others


def everything(only: int | None = None) -> dict[int, Addresses]:
    """All addresses, or those of one family."""
    return {family: each if only in (None, family) else Addresses() for family, each in parsed(["*"]).items()}


@cache
def public(family: int) -> Addresses:
    """All public addresses."""
    if family == 6:
        return parsed([_PUBLIC_6])[6]
    return everything()[4] - parsed(map(str, NOT_PUBLIC))[4]


def is_internet(some: Addresses, family: int) -> bool:
    """Whether they contain all public addresses."""
    return not public(family) - some


def is_large(some: Addresses, family: int) -> bool:
    """Whether they contain a large part of the public addresses."""
    every = public(family)
    return (every.size - (every - some).size) * LARGE >= every.size


def may_be_large(size: int, family: int) -> bool:
    """Whether this many addresses can contain a large part of the public addresses."""
    return size * LARGE >= public(family).size


def _spans(text: str) -> Iterable[tuple[int, _Span]]:
    if text.lower() in EVERYWHERE:
        return [(4, (0, 2**32 - 1)), (6, (0, 2**128 - 1))]
    try:
        if "-" in text:
            low, high = (ipaddress.ip_address(each.strip()) for each in text.split("-", 1))
            return [(low.version, (int(low), int(high)))]
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return []
    return [(network.version, (int(network.network_address), int(network.broadcast_address)))]


def _joined(spans: Sequence[_Span]) -> tuple[_Span, ...]:
    """Sorted spans, with adjacent and overlapping ones merged."""
    found: list[_Span] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)
