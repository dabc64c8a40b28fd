"""Lookups of an existing VPC, its subnets and its endpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from awsfacts import zones
from mlplatform.component import STACK_TAG, this_stack
from mlplatform.foundation.network import endpoint_services
from mlplatform.foundation.network.spec import ExistingVpc, NetworkSpec
from mlplatform.lookups import caller, find, look_up

ANYWHERE: Final = "0.0.0.0/0"
WAYS_OUT: Final = (
    "nat_gateway_id",
    "transit_gateway_id",
    "network_interface_id",
    "vpc_endpoint_id",
    "core_network_arn",
)
"""Targets of a default route by which traffic can leave a private subnet."""


@dataclass(frozen=True)
class FoundSubnet:
    """A subnet as AWS describes it."""

    id: str
    vpc_id: str
    zone: zones.Zone
    cidr: str
    free: int
    """Addresses that are not in use."""

    table_id: str
    """Its route table: its own, or the VPC's main one."""

    leaves: bool
    """Whether its default route leads out of the network, but not to an internet gateway."""

    public: bool
    """Whether its default route leads to an internet gateway."""

    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """An existing VPC as AWS describes it."""

    vpc_id: str
    cidrs: Sequence[str]
    dns_support: bool
    dns_hostnames: bool
    private: Mapping[str, FoundSubnet]
    public: Mapping[str, FoundSubnet]
    pods: Mapping[str, FoundSubnet]
    """Subnets by their zones, in the spelling of the spec."""

    shared: bool = False
    """Whether the VPC belongs to another account. Its tags and endpoints are then not visible:
    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing-permissions.html"""

    in_use: bool = False
    """Whether network interfaces of this stack are in it already."""

    endpoints: Mapping[str, "FoundEndpoint"] = field(default_factory=dict)
    """The existing ones of the endpoints that were looked up, by service."""

    @property
    def subnets(self) -> list[FoundSubnet]:
        """All subnets."""
        return [*self.private.values(), *self.public.values(), *self.pods.values()]


@dataclass(frozen=True)
class FoundEndpoint:
    """A VPC endpoint as AWS describes it."""

    id: str
    gateway: bool
    private_dns: bool
    ours: bool
    """Whether this stack created it."""

    table_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Wanted:
    """What the platform needs and creates in an existing VPC."""

    services: Mapping[str, str]
    """Services that nodes and pods use, with the reason."""

    created: Sequence[str]
    """Services for which the platform creates interface endpoints."""

    nodes: Mapping[str, int]
    """Initial number of nodes in each zone."""

    outside: Sequence[str] = ()
    """Reasons why the network needs a route to the internet, one sentence each."""

    @classmethod
    def of(
        cls, vpc: NetworkSpec, services: Mapping[str, str], outside: Sequence[str], nodes: Mapping[str, int]
    ) -> "Wanted":
        """The needs of a network's spec, for a platform that uses `services` in addition to those of every cluster."""
        return cls({**endpoint_services.NODES_NEED, **services}, vpc.services([*services]), nodes, outside)


def look(
    existing: ExistingVpc,
    region: str,
    wanted: Wanted,
    there: Sequence[zones.Zone],
    opts: pulumi.InvokeOptions | None = None,
) -> Found:
    """Look up an existing VPC.

    Args:
        existing: its IDs.
        region: the region.
        wanted: what the platform needs and creates in it.
        there: the account's availability zones.
        opts: options that choose the provider. Default: the program's provider.

    Raises:
        pulumi.RunError: a lookup fails, or there is no such VPC or subnet.
    """
    vpc = look_up(
        lambda: aws.ec2.get_vpc(id=existing.vpc_id, region=region, opts=opts),
        f"the VPC {existing.vpc_id} of network.existing",
        "Correct the ID, the region or the account. Lookups need ec2:DescribeVpcs and ec2:DescribeVpcAttribute.",
    )
    ids = {zone.name: zone.id for zone in there}

    def subnets(given: Mapping[str, str]) -> dict[str, FoundSubnet]:
        return {key: _subnet(id, region, vpc.main_route_table_id, ids, opts) for key, id in given.items()}

    private, public, pods = map(subnets, (existing.private_subnets, existing.public_subnets, existing.pod_subnets))
    closed = any(not subnet.leaves for subnet in private.values())
    asked = [*wanted.created, *((*wanted.services, endpoint_services.LAYERS) if closed else ())]
    asked += endpoint_services.GATEWAY_SERVICES if existing.gateway_endpoints else ()
    return Found(
        vpc_id=vpc.id,
        cidrs=[str(each.cidr_block) for each in vpc.cidr_block_associations if each.state == "associated"],
        shared=vpc.owner_id != caller(opts=opts)[0],
        dns_support=vpc.enable_dns_support,
        dns_hostnames=vpc.enable_dns_hostnames,
        private=private,
        public=public,
        pods=pods,
        in_use=_in_use([*existing.private_subnets.values(), *existing.pod_subnets.values()], region, opts),
        endpoints={
            service: endpoint
            for service in dict.fromkeys(asked)
            if (endpoint := _endpoint(service, existing.vpc_id, region, opts))
        },
    )


def _subnet(
    id: str, region: str, main_table_id: str, zone_ids: Mapping[str, str], opts: pulumi.InvokeOptions | None
) -> FoundSubnet:
    remedy = "Correct the ID, the region or the account. Lookups need ec2:DescribeSubnets and ec2:DescribeRouteTables."
    subnet = look_up(
        lambda: aws.ec2.get_subnet(id=id, region=region, opts=opts), f"the subnet {id} of network.existing", remedy
    )
    own = look_up(
        lambda: (
            aws.ec2.get_route_tables(
                region=region, filters=[{"name": "association.subnet-id", "values": [id]}], opts=opts
            ).ids
        ),
        f"the route table of {id}",
        remedy,
    )
    table_id = own[0] if own else main_table_id
    routes: Sequence[Any] = look_up(
        lambda: aws.ec2.get_route_table(route_table_id=table_id, region=region, opts=opts).routes,
        f"the route table {table_id}",
        remedy,
    )
    default = [route for route in routes if route.cidr_block == ANYWHERE]
    return FoundSubnet(
        id=subnet.id,
        vpc_id=subnet.vpc_id,
        zone=zones.Zone(subnet.availability_zone, zone_ids.get(subnet.availability_zone, subnet.availability_zone_id)),
        cidr=subnet.cidr_block,
        free=subnet.available_ip_address_count,
        table_id=table_id,
        leaves=any(getattr(route, way) for route in default for way in WAYS_OUT)
        or any(route.gateway_id.startswith("vgw-") for route in default),
        public=any(route.gateway_id.startswith("igw-") for route in default),
        tags=subnet.tags,
    )


def _endpoint(service: str, vpc_id: str, region: str, opts: pulumi.InvokeOptions | None) -> FoundEndpoint | None:
    name = endpoint_services.service_name(service, region)
    # S3 may have an interface endpoint too, but it does not serve S3's usual host name.
    kind = "Gateway" if service in endpoint_services.GATEWAY_SERVICES else "Interface"
    endpoint = find(
        lambda: aws.ec2.get_vpc_endpoint(
            vpc_id=vpc_id, service_name=name, region=region, vpc_endpoint_type=kind, opts=opts
        ),
        f"the endpoint of {service} in {vpc_id}",
        "Lookups need ec2:DescribeVpcEndpoints.",
    )
    return endpoint and FoundEndpoint(
        id=endpoint.id,
        gateway=kind == "Gateway",
        private_dns=endpoint.private_dns_enabled,
        ours=endpoint.tags.get(STACK_TAG) == this_stack(),
        table_ids=frozenset(endpoint.route_table_ids),
    )


def _in_use(subnet_ids: Sequence[str], region: str, opts: pulumi.InvokeOptions | None) -> bool:
    """Whether this stack's nodes are in the subnets already. Then the free addresses do not show what it needs."""
    filters = [{"name": "subnet-id", "values": [*subnet_ids]}, {"name": f"tag:{STACK_TAG}", "values": [this_stack()]}]
    return bool(
        look_up(
            lambda: aws.ec2.get_network_interfaces(region=region, filters=filters, opts=opts).ids,
            "the network interfaces of this stack",
            "Lookups need ec2:DescribeNetworkInterfaces.",
        )
    )
