"""Reachability of services from a private subnet: routes, endpoints and their security groups as plain data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network


@dataclass(frozen=True)
class Subnet:
    """A private subnet."""

    name: str
    cidr: str

    leaves: bool
    """Whether its route table has a route out of the network, e.g. to a NAT gateway or a transit gateway."""

    gateways: frozenset[str] = frozenset()
    """Services for which its route table has a gateway endpoint."""


@dataclass(frozen=True)
class Door:
    """An interface endpoint."""

    service: str

    open_to: Sequence[str] | None
    """Networks that its security groups allow on port 443; None if this is not known."""

    private_dns: bool = True
    """Whether the service's usual host name resolves to the endpoint in the whole network."""


def unreachable(
    subnets: Sequence[Subnet], doors: Sequence[Door], services: Mapping[str, str]
) -> Iterator[tuple[Subnet, str, str]]:
    """Services that can't be reached from a subnet, with the reason.

    With private DNS, an interface endpoint is the only way to its service, even if there is a route out of the network.

    Args:
        subnets: the private subnets.
        doors: the network's interface endpoints.
        services: services that must be reachable, with the reason.
    """
    by_service = {door.service: door for door in doors if door.private_dns}
    for subnet in subnets:
        for service, purpose in services.items():
            door = by_service.get(service)
            if door is not None and door.open_to is not None and not _opens(door.open_to, subnet.cidr):
                lets_in = ", ".join(door.open_to) or "nothing"
                yield subnet, service, f"its endpoint allows {lets_in} on port 443, not {subnet.cidr} ({purpose})"
            elif door is None and service not in subnet.gateways and not subnet.leaves:
                yield subnet, service, f"it has no endpoint and no route leads out of the network ({purpose})"


def _opens(open_to: Sequence[str], cidr: str) -> bool:
    subnet = IPv4Network(cidr)
    return any(subnet.subnet_of(IPv4Network(each)) for each in open_to)
