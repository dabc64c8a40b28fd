"""What can be reached from a private subnet: routes, endpoints and their security groups as plain data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network


@dataclass(frozen=True)
class Subnet:
    """A private subnet."""

    name: str
    cidr: str

    leaves: bool
    """Whether its route table has a way out of the network: to a NAT gateway, a transit gateway or the like."""

    gateways: frozenset[str] = frozenset()
    """Services that its route table has a gateway endpoint of."""


@dataclass(frozen=True)
class Door:
    """An interface endpoint."""

    service: str

    open_to: Sequence[str] | None
    """Networks that its security groups let in on port 443; None where that is not known."""

    private_dns: bool = True
    """Whether the service's usual host name leads to it, in the whole network."""


def unreachable(
    subnets: Sequence[Subnet], doors: Sequence[Door], services: Mapping[str, str]
) -> Iterator[tuple[Subnet, str, str]]:
    """What is missing: for each subnet each service that can't be reached from it, and why.

    A door that takes over a service's host name is the only way to the service, also where there is a way out.

    Args:
        subnets: the private subnets.
        doors: the network's interface endpoints.
        services: services that have to be reached, and what for.
    """
    by_service = {door.service: door for door in doors if door.private_dns}
    for subnet in subnets:
        for service, purpose in services.items():
            door = by_service.get(service)
            if door is not None and door.open_to is not None and not _opens(door.open_to, subnet.cidr):
                lets_in = ", ".join(door.open_to) or "nothing"
                yield subnet, service, f"its endpoint lets in {lets_in} on port 443, not {subnet.cidr} ({purpose})"
            elif door is None and service not in subnet.gateways and not subnet.leaves:
                yield subnet, service, f"it has no endpoint and no route leads out of the network ({purpose})"


def _opens(open_to: Sequence[str], cidr: str) -> bool:
    subnet = IPv4Network(cidr)
    return any(subnet.subnet_of(IPv4Network(each)) for each in open_to)
