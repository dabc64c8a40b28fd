"""How a network's addresses are shared out: arithmetic, no resources."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

SLOTS: Final = 16
"""The network is cut into this many equal slots."""

PRIVATE_SLOTS: Final = 4
"""Slots of a private subnet: every pod has an address of its own, so nodes and pods need nearly all of them."""

MAX_ZONES: Final = 3
"""Three private subnets of four slots and three public ones of one slot fill 15 of the 16 slots."""

WIDEST_PREFIX: Final = 16
NARROWEST_PREFIX: Final = 24
"""A slot of a /24 is a /28, the smallest subnet that a VPC can have; a VPC is a /16 at most:
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"""


@dataclass(frozen=True)
class Zone:
    """The addresses of one availability zone."""

    name: str
    private_cidr: str
    public_cidr: str


def zones(cidr: str, names: Sequence[str]) -> list[Zone]:
    """Subnets for each zone, in order. Adding a zone at the end moves no subnet of the others.

    >>> zones("10.0.0.0/16", ["us-east-1a"])
    [Zone(name='us-east-1a', private_cidr='10.0.0.0/18', public_cidr='10.0.192.0/20')]
    """
    network = IPv4Network(cidr)
    private = list(network.subnets(prefixlen_diff=(SLOTS // PRIVATE_SLOTS).bit_length() - 1))
    public = list(network.subnets(prefixlen_diff=SLOTS.bit_length() - 1))[MAX_ZONES * PRIVATE_SLOTS :]
    return [Zone(name, str(private[index]), str(public[index])) for index, name in enumerate(names)]
