"""Sets of IP addresses, as whoever opens a port writes them: what all of them together leave out."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from mlpctl.review.values import Value

EVERYWHERE: Final = frozenset({"*", "any", "internet", "all", "world"})
"""How providers write every address there is, apart from ranges."""

LARGE: Final = 256
"""One part in so many of all public addresses is a large part: a /8 of IPv4."""

# What no packet from the internet comes from. https://www.iana.org/assignments/iana-ipv4-special-registry
_NOT_PUBLIC: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
)

# https://www.iana.org/assignments/ipv6-address-space: only this part is given out.
_PUBLIC_6: Final = "2000::/3"

_Span = tuple[int, int]


@dataclass(frozen=True)
class Addresses:
    """Addresses of one family, as disjoint spans in order."""

    spans: tuple[_Span, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self.spans)

    def __or__(self, other: "Addresses") -> "Addresses":
        """Return those of either."""
        return Addresses(_joined([*self.spans, *other.spans]))

    def __sub__(self, other: "Addresses") -> "Addresses":
        """Return those that the other has not."""
        left = [*self.spans]
        for low, high in other.spans:
            left = [
                span
                for first, last in left
                for span in ((first, min(last, low - 1)), (max(first, high + 1), last))
                if span[0] <= span[1]
            ]
        return Addresses(tuple(left))

    @property
    def size(self) -> int:
        """How many there are."""
        return sum(high - low + 1 for low, high in self.spans)


def parsed(texts: Iterable[Value]) -> dict[int, Addresses]:
    """What ranges are, by family (4 and 6); what is not an address, such as a tag of a cloud's, is left out."""
    found: dict[int, list[_Span]] = {4: [], 6: []}
    for text in texts:
        if isinstance(text, str):
            for family, span in _spans(text.strip()):
                found[family].append(span)
    return {family: Addresses(_joined(spans)) for family, spans in found.items()}


def everything() -> dict[int, Addresses]:
    """Every address."""
    return parsed(["*"])


@cache
def public(family: int) -> Addresses:
    """The addresses that the internet has."""
    if family == 6:
        return parsed([_PUBLIC_6])[6]
    return everything()[4] - parsed(_NOT_PUBLIC)[4]


def is_internet(some: Addresses, family: int) -> bool:
    """Whether every public address is among them."""
    return not public(family) - some


def is_large(some: Addresses, family: int) -> bool:
    """Whether a large part of the public addresses is among them."""
    every = public(family)
    return (every.size - (every - some).size) * LARGE >= every.size


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
    """Spans in order, those that touch each other as one."""
    found: list[_Span] = []
    for low, high in sorted(each for each in spans if each[0] <= each[1]):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)
