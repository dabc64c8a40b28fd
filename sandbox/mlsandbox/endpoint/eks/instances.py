"""The instances of a node group, as a pure function of its size, its subnets and its previous instances."""

import ipaddress
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

from mlsandbox.endpoint.eks.backend import Instance, random_id
from mlsandbox.endpoint.eks.network import Place


class LaunchError(Exception):
    """EC2 cannot launch an instance. The Auto Scaling group gets this error, not the caller of EKS's operation."""

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
    """The group's instances after scaling to `desired`, oldest first.

    Scaling in terminates the newest instances first. New instances have the launch configuration `launch`; each is
    placed in the subnet of `places` with the fewest instances, with an address that is not in `taken`. Raises
    `LaunchError` if a subnet has no free address.
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
    # AWS reserves the first four addresses and the last one of a subnet.
    for index in range(4, network.num_addresses - 1):
        yield str(network[index])
