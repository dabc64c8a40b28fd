"""The division of a network's addresses into subnets, without any resources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

SLOTS: Final = 16
"""The network is divided into this many equal slots. A public subnet is one slot."""

LAYOUTS: Final = {3: 4, 5: 2}
"""Slots of a private subnet, by the maximum number of zones. Every pod has its own address, so private subnets get most
slots: 3 x 4 slots leave 4 for public subnets, 5 x 2 slots leave 6."""

MAX_ZONES: Final = max(LAYOUTS)
"""No region has more zones with EKS control planes: us-east-1 has six zones, and one of them has none."""

WIDEST_PREFIX: Final = 16
NARROWEST_PREFIX: Final = 24
"""A slot of a /24 is a /28, the smallest subnet of a VPC. The largest block of a VPC is a /16:
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"""

PRIVATE: Final = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""https://www.rfc-editor.org/rfc/rfc1918"""

SHARED: Final = IPv4Network("100.64.0.0/10")
"""Shared address space of carriers. Pods can use it without using addresses of a company's own address plan:
https://www.rfc-editor.org/rfc/rfc6598"""

BENCHMARKS: Final = IPv4Network("198.19.0.0/16")
"""https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html lists it as a separate kind of block."""

ALLOWED: Final = (*PRIVATE, SHARED, BENCHMARKS)
"""Ranges that may contain a network."""

_NOT_TOGETHER: Final = {
    "10.0.0.0/15": "10.0.0.0/16",
    "172.16.0.0/12": "172.31.0.0/16",
}
"""Ranges (values) that can't be added to a VPC with addresses of another range (keys):
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions"""

CONTROL_PLANE_ADDRESSES: Final = 16
"""Recommended free addresses in a cluster's subnet for EKS's network interfaces; the minimum is six:
https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html"""

POD_ADDRESSES: Final = 32
"""Addresses that a node reserves for pods at first: a block of 16 in use, and one warm block:
https://docs.aws.amazon.com/eks/latest/userguide/cni-increase-ip-addresses.html"""

RESERVED_ADDRESSES: Final = 5
"""Addresses that AWS reserves in each subnet: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""


@dataclass(frozen=True)
class Zone:
    """The addresses of one availability zone."""

    name: str
    private_cidr: str
    public_cidr: str


def zones(cidr: str, names: Sequence[str]) -> list[Zone]:
    """Subnets for each zone, in order.

    >>> zones("10.0.0.0/16", ["us-east-1a"])
    [Zone(name='us-east-1a', private_cidr='10.0.0.0/18', public_cidr='10.0.192.0/20')]
    """
    network = IPv4Network(cidr)
    most, slots = next(layout for layout in LAYOUTS.items() if len(names) <= layout[0])
    private = list(network.subnets(prefixlen_diff=(SLOTS // slots).bit_length() - 1))
    public = list(network.subnets(prefixlen_diff=SLOTS.bit_length() - 1))[most * slots :]
    return [Zone(name, str(private[index]), str(public[index])) for index, name in enumerate(names)]


def pods(cidr: str, names: Sequence[str]) -> dict[str, str]:
    """The CIDR block of the pods in each zone: equal parts of a range, as large as possible.

    >>> pods("100.64.0.0/16", ["us-east-1a", "us-east-1b"])
    {'us-east-1a': '100.64.0.0/17', 'us-east-1b': '100.64.128.0/17'}
    """
    parts = IPv4Network(cidr).subnets(prefixlen_diff=(len(names) - 1).bit_length())
    return {name: str(part) for name, part in zip(names, parts, strict=False)}


def cannot_be_added(cidr: str, pod_cidr: str) -> str | None:
    """What is allowed instead of `pod_cidr` in a VPC of `cidr`; None if it can be added.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions
    """
    first, second = IPv4Network(cidr), IPv4Network(pod_cidr)
    if first.overlaps(second):
        return f"allowed: a block outside cidr ({cidr})"
    if second.subnet_of(SHARED):
        return None
    home = next((block for block in (*PRIVATE, BENCHMARKS) if first.subnet_of(block)), None)
    if home is None or home == BENCHMARKS or not second.subnet_of(home):
        return f"allowed: a block of {SHARED}{f' or {home}' if home in PRIVATE else ''}, outside cidr ({cidr})"
    for existing, excluded in _NOT_TOGETHER.items():
        if first.subnet_of(IPv4Network(existing)) and second.overlaps(IPv4Network(excluded)):
            return f"allowed: addresses outside {excluded}, which AWS cannot add to a VPC of {cidr}"
    return None


def free(cidr: str) -> int:
    """Free addresses of an empty subnet.

    >>> free("10.0.0.0/28")
    11
    """
    return IPv4Network(cidr).num_addresses - RESERVED_ADDRESSES


def needed(nodes: int, *, pods_apart: bool) -> tuple[int, int]:
    """Addresses needed at first in a zone's private subnet and in its pod subnet, for control plane, nodes and pods.

    >>> needed(2, pods_apart=False), needed(2, pods_apart=True)
    ((82, 0), (18, 64))
    """
    pods = nodes * POD_ADDRESSES
    own = CONTROL_PLANE_ADDRESSES + nodes
    return (own, pods) if pods_apart else (own + pods, 0)


def too_few(cidr: str, pod_cidr: str | None, zone_names: Sequence[str], nodes: Mapping[str, int]) -> dict[str, str]:
    """Problems of ranges that are too small, by field (`cidr`, `podCidr`), as phrases that follow the field.

    Args:
        cidr: the network's range.
        pod_cidr: the pods' range, if they have a separate one.
        zone_names: its zones.
        nodes: the initial number of nodes in each zone.
    """
    private = {zone.name: zone.private_cidr for zone in zones(cidr, zone_names)}
    apart = pods(pod_cidr, zone_names) if pod_cidr else {}
    remedy = "a larger CIDR block" if apart else "a larger CIDR block, or podCidr"
    wrong: dict[str, str] = {}
    for zone, count in nodes.items():
        own, for_pods = needed(count, pods_apart=bool(apart))
        for field, wide, part, least in (
            ("cidr", cidr, private[zone], own),
            ("podCidr", pod_cidr, apart.get(zone), for_pods),
        ):
            if part and (there := free(part)) < least:
                whom = "pods on the nodes there" if field == "podCidr" else "the control plane and the nodes there"
                wrong.setdefault(
                    field,
                    f"is {wide}; allowed: {remedy}, since its part in {zone}, {part}, has {there} addresses, and "
                    f"{whom} ({count} initially) need {least}",
                )
    return wrong
