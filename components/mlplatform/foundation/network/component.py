"""The platform's private network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, Self

import pulumi
import pulumi_aws as aws

from awsfacts import zones
from mlplatform import grammar
from mlplatform.args import AccountArgs, BoundaryArgs, PartitionArgs, TagArgs
from mlplatform.checks.arguments import ArgumentsError, Problem, checked, what_is
from mlplatform.component import Component
from mlplatform.foundation.network import addressing, adoption, endpoint_services, flow_log, vpc_endpoints
from mlplatform.foundation.network.existing import Found, FoundSubnet
from mlplatform.foundation.network.ground import Ground
from mlplatform.foundation.network.spec import ExistingVpc, Nat, NetworkSpec
from mlplatform.foundation.network.survey import Question, Survey, survey


class NetworkArgs(AccountArgs, PartitionArgs, BoundaryArgs, TagArgs):
    """Arguments of `Network`."""

    vpc: NetworkSpec
    """The network."""

    region: str
    """AWS region of the network, e.g. `us-east-1`."""

    logs_key_arn: pulumi.Input[str]
    """ARN of the KMS key for flow logs."""

    services: NotRequired[dict[str, str]]
    """AWS services that nodes and pods use in addition to those of every cluster, with the reason, e.g.
    `{"sqs": "queues"}`. The endpoint preset `private` includes them, and in an existing VPC they must be reachable.
    Default: none."""

    outside: NotRequired[list[str]]
    """Reasons why the network needs a route to the internet, one sentence each, e.g. `the image of chat is in Docker
    Hub`. An existing VPC must then have such a route. Default: none."""

    nodes: NotRequired[dict[str, int]]
    """Initial number of nodes in each zone, with the zones' names or IDs as in `vpc`. An existing VPC must have free
    addresses for them. Default: none."""

    protect: NotRequired[bool]
    """Protect the Elastic IP addresses of NAT gateways, which may be in allowlists of others, from deletion and
    replacement. Default: false."""


def _problems(layout: NetworkSpec, args: NetworkArgs) -> Iterator[Problem]:
    """Problems of the arguments together with the spec."""
    for sentence in endpoint_services.unknown([*args.get("services", {})]):
        service, _, allowed = sentence.partition(": ")
        yield Problem("services", f"has {service}; {allowed}")
    yield from (Problem("vpc.interfaceEndpoints", each) for each in layout.without_endpoint(args.get("services", {})))
    nodes, wrong = args.get("nodes", {}), False
    for zone, count in nodes.items():
        if zone not in layout.zone_names:
            wrong = True
            yield Problem(f"nodes.{zone}", f"is unknown; allowed: zones of vpc ({', '.join(layout.zone_names)})")
        elif count < 0:
            wrong = True
            yield Problem(f"nodes.{zone}", f"is {count}; allowed: 0 or more")
    if not wrong and layout.existing is None:
        for field, reason in addressing.too_few(layout.cidr, layout.pod_cidr, layout.zone_names, nodes).items():
            yield Problem(f"vpc.{field}", reason)


class Network(Component):
    """A VPC with private subnets in several zones, optional NAT gateways and public subnets, endpoints and flow logs.

    With `existing`, it creates only the endpoints and flow logs of the spec, and checks the existing VPC and its
    subnets.
    """

    vpc_id: pulumi.Output[str]
    """ID of the VPC."""

    vpc_cidrs: pulumi.Output[Sequence[str]]
    """CIDR blocks of the VPC: the primary and the secondary ones."""

    private_subnet_ids: pulumi.Output[Sequence[str]]
    """IDs of the private subnets, one per zone, in the order of `zones`."""

    public_subnet_ids: pulumi.Output[Sequence[str]]
    """IDs of the public subnets, one per zone, for internet-facing load balancers. Empty if the network has none."""

    pod_subnet_ids: pulumi.Output[Mapping[str, str]]
    """ID of the pods' subnet in each zone, by the zone's name. Empty if pods share the private subnets."""

    _survey: Survey | None = None

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(NetworkArgs, self, name, args)
        layout = args["vpc"]
        allowed = grammar.group_name_problem(name) if layout.services([*args.get("services", {})]) else None
        if allowed:
            raise ArgumentsError(what_is(self, name), [Problem("name", f"is {name}; allowed: {allowed}")])
        if problems := [*_problems(layout, args)]:
            raise ArgumentsError(what_is(self, name), problems)
        super().__init__(name, args, opts)
        self._region = args["region"]
        question = Question(
            layout, self._region, args.get("services", {}), args.get("outside", []), args.get("nodes", {})
        )

        # All lookups and checks happen before the first child is created.
        known = self._survey
        found = known if known and known.question == question else survey(question, self.asking())
        if layout.existing and found.found:
            ground = self._adopt(layout.existing, found.found)
        else:
            ground = self._create(name, layout, layout.zones)

        if ground.flow_log:
            flow_log.create(
                self,
                name,
                ground.vpc_id,
                layout.flow_log_days,
                account_id=args["account_id"],
                partition=args.get("partition", "aws"),
                region=self._region,
                logs_key_arn=args["logs_key_arn"],
            )
        vpc_endpoints.create(
            self,
            name,
            layout,
            ground,
            layout.services([*args.get("services", {})]),
            account_id=args["account_id"],
            partition=args.get("partition", "aws"),
            region=self._region,
        )

        self.vpc_id = pulumi.Output.from_input(ground.vpc_id)
        self.vpc_cidrs = pulumi.Output.from_input([*ground.cidrs])
        self.private_subnet_ids = pulumi.Output.all(*ground.private.values())
        self.public_subnet_ids = pulumi.Output.all(*ground.public.values())
        pods = {found.zones[key].name: id for key, id in ground.pods.items()}
        self.pod_subnet_ids = pulumi.Output.all(*pods.values()).apply(lambda ids: dict(zip(pods, ids, strict=True)))
        self._private = ground.private
        self._done()

    @classmethod
    def surveyed(cls, known: Survey, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> Self:
        """A network that reuses the lookups of `preflight.check` for the same arguments.

        Args:
            known: the results of the lookups. They are not used if the arguments differ.
            name: the logical name.
            args: the arguments.
            opts: the options.
        """
        network = cls.__new__(cls)
        network._survey = known
        cls.__init__(network, name, args, opts)
        return network

    def private_subnets_in(self, zones: Sequence[str]) -> list[pulumi.Output[str]]:
        """The private subnets of `zones`, or of all zones if `zones` is empty.

        Raises:
            KeyError: the network has no such zone.
        """
        return [self._private[zone] for zone in zones or self._private]

    @property
    def private_subnets(self) -> dict[str, pulumi.Output[str]]:
        """The private subnet of each zone, by the zone's name or ID in the spec."""
        return {**self._private}

    def _adopt(self, existing: ExistingVpc, found: Found) -> Ground:
        def ids(subnets: Mapping[str, FoundSubnet]) -> dict[str, pulumi.Output[str]]:
            return {key: pulumi.Output.from_input(subnet.id) for key, subnet in subnets.items()}

        tables = dict.fromkeys(subnet.table_id for subnet in (*found.private.values(), *found.pods.values()))
        return Ground(
            vpc_id=found.vpc_id,
            cidrs=found.cidrs,
            private=ids(found.private),
            public=ids(found.public),
            pods=ids(found.pods),
            table_ids=[*tables] if existing.gateway_endpoints else [],
            flow_log=existing.flow_logs,
        )

    def _create(self, name: str, layout: NetworkSpec, names: Sequence[str]) -> Ground:
        plan = addressing.zones(layout.cidr, names)
        vpc = self._vpc(name, layout.cidr)
        public = self._public_subnets(name, vpc, layout.nat, plan)
        nat_ids = self._nat(name, layout.nat, plan, public)
        private = {zone.name: self._private_subnet(name, vpc, zone) for zone in plan}
        tables = {zone.name: self._private_routes(name, private[zone.name], vpc, zone, nat_ids) for zone in plan}
        pods = self._pod_subnets(name, vpc, layout.pod_cidr, tables)
        return Ground(
            vpc_id=vpc.id,
            cidrs=[layout.cidr, *([layout.pod_cidr] if layout.pod_cidr else [])],
            private={zone: subnet.id for zone, subnet in private.items()},
            public={zone: each.subnet.id for zone, each in public.items()},
            pods={zone: subnet.id for zone, subnet in pods.items()},
            table_ids=[table.id for table in tables.values()],
        )

    def _vpc(self, name: str, cidr: str) -> "aws.ec2.Vpc":
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self.tags_for(f"{name}-vpc"),
            opts=self.child(),
        )
        # Without rules, so that instances without another security group have no network access.
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags=self.tags_for(f"{name}-default"),
            opts=self.child(),
        )
        return vpc

    def _public_subnets(
        self, name: str, vpc: "aws.ec2.Vpc", nat: Nat, plan: Sequence[addressing.Zone]
    ) -> "dict[str, _Public]":
        """A subnet with a route to the internet in each zone: a load balancer needs two, even with a single NAT."""
        if nat is Nat.NONE:
            return {}
        gateway = aws.ec2.InternetGateway(
            f"{name}-internet", vpc_id=vpc.id, tags=self.tags_for(f"{name}-internet"), opts=self.child()
        )
        table = aws.ec2.RouteTable(
            f"{name}-public", vpc_id=vpc.id, tags=self.tags_for(f"{name}-public"), opts=self.child()
        )
        route = aws.ec2.Route(
            f"{name}-public-internet",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=self.child(),
        )
        found = {}
        for zone in plan:
            subnet = self._subnet(
                f"{name}-public-{zone.name}", vpc, zone.name, zone.public_cidr, adoption.PUBLIC_BALANCERS
            )
            aws.ec2.RouteTableAssociation(
                f"{name}-public-{zone.name}-routes",
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self.child(),
            )
            found[zone.name] = _Public(subnet, gateway, route)
        return found

    def _nat(
        self, name: str, nat: Nat, plan: Sequence[addressing.Zone], public: "Mapping[str, _Public]"
    ) -> dict[str, pulumi.Output[str]]:
        """The ID of the NAT gateway that each zone uses, by the zone's name."""
        if nat is Nat.NONE:
            return {}
        ids = {}
        for zone in plan if nat is Nat.PER_ZONE else plan[:1]:
            place = public[zone.name]
            address = aws.ec2.Eip(
                f"{name}-nat-{zone.name}-address",
                domain="vpc",
                tags=self.tags_for(f"{name}-nat-{zone.name}-address"),
                opts=self.guarded(depends_on=[place.gateway]),
            )
            # A gateway whose subnet has no route to the internet yet becomes available, but drops traffic.
            ids[zone.name] = aws.ec2.NatGateway(
                f"{name}-nat-{zone.name}",
                subnet_id=place.subnet.id,
                allocation_id=address.id,
                tags=self.tags_for(f"{name}-nat-{zone.name}"),
                # An address belongs to one gateway at a time.
                opts=self.child(depends_on=[place.route], delete_before_replace=True),
            ).id
        return {zone.name: ids.get(zone.name, ids[plan[0].name]) for zone in plan}

    def _private_subnet(self, name: str, vpc: "aws.ec2.Vpc", zone: addressing.Zone) -> "aws.ec2.Subnet":
        return self._subnet(
            f"{name}-private-{zone.name}", vpc, zone.name, zone.private_cidr, adoption.INTERNAL_BALANCERS
        )

    def _subnet(
        self,
        subnet_name: str,
        vpc: "aws.ec2.Vpc",
        zone: str,
        cidr: str,
        balancers: str | None,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> "aws.ec2.Subnet":
        is_id = bool(zones.ID.match(zone))
        return aws.ec2.Subnet(
            subnet_name,
            vpc_id=vpc.id,
            availability_zone=None if is_id else zone,
            availability_zone_id=zone if is_id else None,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags=self.tags_for(subnet_name, {balancers: "1"} if balancers else None),
            opts=self.child(depends_on=[*depends_on]),
        )

    def _private_routes(
        self,
        name: str,
        subnet: "aws.ec2.Subnet",
        vpc: "aws.ec2.Vpc",
        zone: addressing.Zone,
        nat_ids: dict[str, pulumi.Output[str]],
    ) -> "aws.ec2.RouteTable":
        table_name = f"{name}-private-{zone.name}-routes"
        table = aws.ec2.RouteTable(table_name, vpc_id=vpc.id, tags=self.tags_for(table_name), opts=self.child())
        aws.ec2.RouteTableAssociation(
            f"{name}-private-{zone.name}-association",
            subnet_id=subnet.id,
            route_table_id=table.id,
            opts=self.child(),
        )
        if zone.name in nat_ids:
            aws.ec2.Route(
                f"{name}-private-{zone.name}-internet",
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                nat_gateway_id=nat_ids[zone.name],
                opts=self.child(),
            )
        return table

    def _pod_subnets(
        self, name: str, vpc: "aws.ec2.Vpc", cidr: str | None, tables: "Mapping[str, aws.ec2.RouteTable]"
    ) -> "dict[str, aws.ec2.Subnet]":
        """Subnets of the pods' own range, with the route tables of the private subnets in their zones."""
        if cidr is None:
            return {}
        added = aws.ec2.VpcIpv4CidrBlockAssociation(
            f"{name}-pod-addresses", vpc_id=vpc.id, cidr_block=cidr, opts=self.child()
        )
        subnets = {}
        for zone, part in addressing.pods(cidr, [*tables]).items():
            subnets[zone] = self._subnet(f"{name}-pods-{zone}", vpc, zone, part, None, depends_on=[added])
            aws.ec2.RouteTableAssociation(
                f"{name}-pods-{zone}-association",
                subnet_id=subnets[zone].id,
                route_table_id=tables[zone].id,
                opts=self.child(),
            )
        return subnets


@dataclass(frozen=True)
class _Public:
    """A public subnet, with the resources that a NAT gateway in it needs."""

    subnet: "aws.ec2.Subnet"
    gateway: "aws.ec2.InternetGateway"
    route: "aws.ec2.Route"
