"""Which instances a node group has: pure arithmetic over its size, its subnets and what it had before."""

import ipaddress
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

from mlsandbox.endpoint.eks.backend import Instance, random_id
from mlsandbox.endpoint.eks.network import Place


class LaunchError(Exception):
    """EC2 does not start an instance; the scaling group hears of it, not whoever asked for the group."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def scale(
    current: Sequence[Instance],
    desired: int,
    instance_type: str,
    places: Sequence[Place],
    taken: Set[str],
    revision: int,
    launch: str = "",
) -> list[Instance]:
    """The group's instances at the size `desired`, oldest first.

    The newest ones go first. New ones, with the launch configuration `launch`, spread over `places`, each to the place
    that has the fewest, with addresses that are not in `taken`. Raises `LaunchError` when a subnet has no address
    left.
    """
    kept = [replace(instance) for instance in current[:desired]]
    used = {*taken, *(instance.private_ip for instance in kept)}
    while len(kept) < desired:
        counts = {place: sum(one.subnet_id == place.subnet_id for one in kept) for place in places}
        place = min(places, key=lambda place: counts[place])
        address = next((address for address in _addresses(place.cidr) if address not in used), None)
        if address is None:
            raise LaunchError(
                "InsufficientFreeAddressesInSubnet",
                f"There are not enough free addresses in subnet '{place.subnet_id}' to satisfy the requested number of "
                "instances.",
            )
        used.add(address)
        id = f"i-0{random_id(16, '0123456789abcdef')}"
        kept.append(Instance(id, instance_type, address, place.subnet_id, place.zone, revision, launch))
    return kept


def _addresses(cidr: str) -> Iterator[str]:
    network = ipaddress.ip_network(cidr)
    # AWS keeps the first four addresses of a subnet and the last one.
    for index in range(4, network.num_addresses - 1):
        yield str(network[index])
