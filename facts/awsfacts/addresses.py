"""Ranges of IP addresses with a special purpose, and their sizes."""

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Final

NOT_PUBLIC: Final = tuple(
    IPv4Network(cidr)
    for cidr in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        "224.0.0.0/3",
    )
)
"""IPv4 addresses that are not used on the internet, those for documentation included. EKS rejects them for clients on
the internet: https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml,
https://docs.aws.amazon.com/eks/latest/APIReference/API_VpcConfigRequest.html"""

WIDEST: Final[Mapping[int, int]] = {4: 2**24, 6: 2**117}
"""Number of public addresses, by IP version, above which a source counts as the internet: those of an IPv4 /8, which is
1/256 of all, and as large a share of IPv6. Nobody owns more of them."""
