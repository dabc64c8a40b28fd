"""Checks of an existing VPC: what has to be changed before the platform can use it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pulumi

from awsfacts import zones
from mlplatform.foundation.network import addressing, endpoint_services
from mlplatform.foundation.network.existing import ANYWHERE, Found, FoundEndpoint, FoundSubnet, Wanted, look
from mlplatform.foundation.network.reach import Door, Subnet, unreachable
from mlplatform.foundation.network.spec import ExistingVpc, NetworkSpec

INTERNAL_BALANCERS: Final = "kubernetes.io/role/internal-elb"
PUBLIC_BALANCERS: Final = "kubernetes.io/role/elb"
"""Tags of subnets for load balancers:
https://docs.aws.amazon.com/eks/latest/userguide/network-load-balancing.html"""


def problems(existing: ExistingVpc, found: Found, wanted: Wanted) -> Iterator[str]:
    """Everything that has to be changed in the VPC or in the spec: one sentence each, with the remedy."""
    for attribute, on in (("enableDnsSupport", found.dns_support), ("enableDnsHostnames", found.dns_hostnames)):
        if not on:
            option = f"--{'enable-dns-support' if attribute.endswith('Support') else 'enable-dns-hostnames'}"
            yield (
                f"{existing.vpc_id} has {attribute} disabled; nodes can't join without it: "
                f"aws ec2 modify-vpc-attribute --vpc-id {existing.vpc_id} {option} Value=true"
            )
    for kind, given, there in (
        ("privateSubnets", existing.private_subnets, found.private),
        ("publicSubnets", existing.public_subnets, found.public),
        ("podSubnets", existing.pod_subnets, found.pods),
    ):
        for key, id in given.items():
            yield from _misplaced(f"{kind}.{key}", key, there[key], existing.vpc_id, id)
    if found.shared:
        yield from _of_the_owner(existing, wanted)
    yield from _routes(existing, found)
    yield from _ways_out(found, wanted)
    if not found.in_use:
        yield from _addresses(found, wanted.nodes)
    if not found.shared:
        yield from _tags(found)
        yield from _services(existing, found, wanted)


def suitable(
    vpc: NetworkSpec,
    existing: ExistingVpc,
    region: str,
    there: Sequence[zones.Zone],
    *,
    services: Mapping[str, str],
    outside: Sequence[str],
    nodes: Mapping[str, int],
    opts: pulumi.InvokeOptions | None = None,
) -> Found:
    """Look up an existing VPC, and reject it if the platform can't use it.

    Args:
        vpc: the network's spec.
        existing: its existing VPC.
        region: the region.
        there: the account's availability zones.
        services: services that nodes and pods use in addition to those of every cluster, with the reason.
        outside: reasons why the network needs a route to the internet, one sentence each.
        nodes: initial number of nodes in each zone.
        opts: options that choose the provider. Default: the program's provider.

    Raises:
        pulumi.RunError: lists everything that has to be changed; or a lookup fails, or there is no such VPC or subnet.
    """
    wanted = Wanted.of(vpc, services, outside, nodes)
    found = look(existing, region, wanted, there, opts)
    if wrong := [*problems(existing, found, wanted)]:
        raise pulumi.RunError("\n".join([f"the VPC {existing.vpc_id} can't be used as it is:", *wrong]))
    return found


def _of_the_owner(existing: ExistingVpc, wanted: Wanted) -> Iterator[str]:
    """What only the owner of a shared VPC can create.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html
    """
    for asked, what, field in (
        (existing.flow_logs, "flow logs", "existing.flowLogs: false"),
        (existing.gateway_endpoints, "gateway endpoints", "existing.gatewayEndpoints: false"),
        (wanted.created, f"endpoints of {', '.join(wanted.created)}", "endpointPreset: none and no interfaceEndpoints"),
    ):
        if asked:
            yield (
                f"{existing.vpc_id} is shared by another account, and only its owner can create {what} in it. Let the "
                f"owner create them, and set {field}"
            )


def _misplaced(place: str, zone: str, subnet: FoundSubnet, vpc_id: str, id: str) -> Iterator[str]:
    if subnet.vpc_id != vpc_id:
        yield f"{place} is {id}, which is in {subnet.vpc_id}; allowed: subnets of {vpc_id}"
    if zone not in (subnet.zone.name, subnet.zone.id):
        yield f"{place} is {id}, which is in {subnet.zone.name} ({subnet.zone.id}); allowed: a subnet in {zone}"
    if subnet.zone.id in zones.WITHOUT_CONTROL_PLANE:
        yield f"{place} is {id}, in {subnet.zone.id}; allowed: other zones, since EKS has no control plane there"


def _routes(existing: ExistingVpc, found: Found) -> Iterator[str]:
    for kind, given in (("privateSubnets", found.private), ("podSubnets", found.pods)):
        for key, subnet in given.items():
            if subnet.public:
                yield (
                    f"{kind}.{key} is {subnet.id}, whose default route leads to an internet gateway; allowed: private "
                    "subnets, since nodes get no public addresses and could not use an internet gateway"
                )
    for key, subnet in found.public.items():
        if not subnet.public:
            yield (
                f"publicSubnets.{key} is {subnet.id}, whose default route does not lead to an internet gateway; "
                f"allowed: public subnets (route {ANYWHERE} to the gateway in {subnet.table_id})"
            )


def _tags(found: Found) -> Iterator[str]:
    for tag, subnets in ((INTERNAL_BALANCERS, found.private), (PUBLIC_BALANCERS, found.public)):
        if without := [subnet.id for subnet in subnets.values() if subnet.tags.get(tag) not in ("1", "")]:
            yield (
                f"{', '.join(without)}: the tag {tag}=1 is missing, and load balancers find their subnets by it: "
                f"aws ec2 create-tags --resources {' '.join(without)} --tags Key={tag},Value=1"
            )


def _ways_out(found: Found, wanted: Wanted) -> Iterator[str]:
    closed = [subnet.id for subnet in found.private.values() if not subnet.leaves and not subnet.public]
    if closed and wanted.outside:
        yield (
            f"{', '.join(closed)} {'has' if len(closed) == 1 else 'have'} no default route, but "
            f"{'; '.join(wanted.outside)}. Route {ANYWHERE} to a NAT or transit gateway, or use images in ECR of the "
            "region and models in a bucket"
        )


def _addresses(found: Found, nodes: Mapping[str, int]) -> Iterator[str]:
    for zone, subnet in found.private.items():
        count, pods = nodes.get(zone, 0), found.pods.get(zone)
        needed, for_pods = addressing.needed(count, pods_apart=pods is not None)
        if subnet.free < needed:
            remedy = "" if pods else ", or set separate subnets for pods (podSubnets)"
            yield (
                f"{subnet.id} has {subnet.free} free addresses; needed: {needed}, for the control plane and the nodes "
                f"in {zone} ({count} at first). Free some, or use a larger subnet{remedy}"
            )
        if pods and pods.free < for_pods:
            yield (
                f"{pods.id} has {pods.free} free addresses; needed: {for_pods}, for pods on the nodes in {zone} "
                f"({count} at first). Free some, or use a larger subnet"
            )


def _services(existing: ExistingVpc, found: Found, wanted: Wanted) -> Iterator[str]:
    taken = [name for name in wanted.created if name in found.endpoints and not found.endpoints[name].ours]
    if taken:
        yield (
            f"{existing.vpc_id} already has endpoints of {', '.join(taken)}; a second one of a service can't have its "
            "host name. Remove them from interfaceEndpoints, or set endpointPreset: none"
        )
    tables = {subnet.table_id for subnet in (*found.private.values(), *found.pods.values())}
    for service in endpoint_services.GATEWAY_SERVICES if existing.gateway_endpoints else ():
        endpoint = found.endpoints.get(service)
        if endpoint and not endpoint.ours and (routed := sorted(tables & endpoint.table_ids)):
            yield (
                f"{', '.join(routed)} already has a route to an endpoint of {service} ({endpoint.id}) and can't have a "
                "second one. Set existing.gatewayEndpoints: false, or remove the table from that endpoint"
            )
    doors = [
        # Their security groups have another owner and are not looked up.
        Door(service, None, endpoint.private_dns)
        for service, endpoint in found.endpoints.items()
        if not endpoint.gateway
    ]
    doors += [Door(service, found.cidrs) for service in wanted.created]
    subnets = [
        Subnet(
            subnet.id,
            subnet.cidr,
            subnet.leaves,
            frozenset(
                service
                for service in endpoint_services.GATEWAY_SERVICES
                if existing.gateway_endpoints or _has_gateway(found.endpoints.get(service), subnet)
            ),
        )
        for subnet in found.private.values()
        if not subnet.public
    ]
    needed = {**wanted.services, endpoint_services.LAYERS: "nodes pull the layers of images"}
    missing: dict[str, list[str]] = {}
    for subnet, service, _ in unreachable(subnets, doors, needed):
        missing.setdefault(subnet.name, []).append(service)
    for name, services in missing.items():
        yield (
            f"{name} has no default route, and its network has no endpoint (with private DNS names) of "
            f"{', '.join(services)}, which nodes and pods need. Route 0.0.0.0/0 to a NAT or transit gateway, or set "
            "endpointPreset: private and existing.gatewayEndpoints: true"
        )


def _has_gateway(endpoint: FoundEndpoint | None, subnet: FoundSubnet) -> bool:
    return endpoint is not None and endpoint.gateway and subnet.table_id in endpoint.table_ids
