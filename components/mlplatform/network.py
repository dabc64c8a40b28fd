"""The private network that everything runs in."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from mlplatform import addressing, iam
from mlplatform.component import Component
from mlplatform.spec import spec
from mlplatform.vpcs import GATEWAY_SERVICES, Nat, Vpc, endpoint_service, flow_log_policy


class NetworkArgs(TypedDict):
    """What a `Network` is given."""

    vpc: Vpc
    """The network."""

    region: str
    """AWS region of the network, e.g. `us-east-1`."""

    logs_key_arn: pulumi.Input[str]
    """Key that flow logs are encrypted with."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Policy that bounds the IAM roles. Default: none."""

    protect: NotRequired[bool]
    """Refuse to delete or replace the addresses of NAT gateways, which others may have allowed. Default: false."""

    tags: NotRequired[dict[str, str]]
    """Tags for every taggable child."""


class Network(Component):
    """A VPC with private subnets over zones, NAT and public subnets where wanted, endpoints, and flow logs."""

    vpc_id: pulumi.Output[str]
    """Id of the VPC."""

    private_subnet_ids: pulumi.Output[Sequence[str]]
    """A private subnet in each zone, in the order of `zones`."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        layout = spec(Vpc, args["vpc"])
        zones = addressing.zones(layout.cidr, layout.zones)

        vpc = self._vpc(name, layout.cidr)
        self._flow_log(name, vpc, layout.flow_log_days, args["logs_key_arn"])
        nat_ids = self._nat(name, vpc, layout.nat, zones)
        private = {zone.name: self._private_subnet(name, vpc, zone) for zone in zones}
        tables = {zone.name: self._private_routes(name, private[zone.name], vpc, zone, nat_ids) for zone in zones}
        self._gateway_endpoints(name, vpc, args["region"], list(tables.values()))
        self._interface_endpoints(name, vpc, layout, args["region"], list(private.values()))

        self.vpc_id = vpc.id
        self.private_subnet_ids = pulumi.Output.all(*(subnet.id for subnet in private.values()))
        self._private = {zone: subnet.id for zone, subnet in private.items()}
        self._done()

    def private_subnets_in(self, zones: Sequence[str]) -> list[pulumi.Output[str]]:
        """The private subnets of `zones`, or of every zone where `zones` is empty.

        Raises:
            KeyError: the network has no such zone.
        """
        return [self._private[zone] for zone in zones or self._private]

    def _vpc(self, name: str, cidr: str) -> "aws.ec2.Vpc":
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self.tags_for(f"{name}-vpc"),
            opts=self.child(),
        )
        # Without rules: whatever is started without a security group of its own reaches nothing.
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags=self.tags_for(f"{name}-default"),
            opts=self.child(),
        )
        return vpc

    def _flow_log(self, name: str, vpc: "aws.ec2.Vpc", days: int, key_arn: pulumi.Input[str]) -> None:
        group = aws.cloudwatch.LogGroup(
            f"{name}-flow-logs",
            retention_in_days=days,
            kms_key_id=key_arn,
            tags=self.tags_for(f"{name}-flow-logs"),
            opts=self.child(),
        )
        role = aws.iam.Role(
            f"{name}-flow-log-writer",
            assume_role_policy=iam.trust("vpc-flow-logs.amazonaws.com"),
            permissions_boundary=self.permissions_boundary,
            tags=self.tags_for(f"{name}-flow-log-writer"),
            opts=self.child(),
        )
        aws.iam.RolePolicy(
            f"{name}-flow-log-writes",
            role=role.id,
            policy=group.arn.apply(flow_log_policy),
            opts=self.child(),
        )
        aws.ec2.FlowLog(
            f"{name}-flow-log",
            vpc_id=vpc.id,
            traffic_type="ALL",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=self.tags_for(f"{name}-flow-log"),
            opts=self.child(),
        )

    def _nat(
        self, name: str, vpc: "aws.ec2.Vpc", nat: Nat, zones: Sequence[addressing.Zone]
    ) -> dict[str, pulumi.Output[str]]:
        """The NAT gateway of each zone that has a way to the internet, by the zone's name."""
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
        ids = {}
        for zone in zones if nat is Nat.PER_ZONE else zones[:1]:
            subnet = self._subnet(f"{name}-public-{zone.name}", vpc, zone.name, zone.public_cidr, "elb")
            aws.ec2.RouteTableAssociation(
                f"{name}-public-{zone.name}-routes",
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self.child(),
            )
            address = aws.ec2.Eip(
                f"{name}-nat-{zone.name}-address",
                domain="vpc",
                tags=self.tags_for(f"{name}-nat-{zone.name}-address"),
                opts=self.guarded(depends_on=[gateway]),
            )
            # A gateway whose subnet has no route out yet comes up, and drops what it is sent.
            ids[zone.name] = aws.ec2.NatGateway(
                f"{name}-nat-{zone.name}",
                subnet_id=subnet.id,
                allocation_id=address.id,
                tags=self.tags_for(f"{name}-nat-{zone.name}"),
                opts=self.child(depends_on=[route]),
            ).id
        return {zone.name: ids.get(zone.name, ids[zones[0].name]) for zone in zones}

    def _private_subnet(self, name: str, vpc: "aws.ec2.Vpc", zone: addressing.Zone) -> "aws.ec2.Subnet":
        return self._subnet(f"{name}-private-{zone.name}", vpc, zone.name, zone.private_cidr, "internal-elb")

    def _subnet(self, subnet_name: str, vpc: "aws.ec2.Vpc", zone: str, cidr: str, balancer: str) -> "aws.ec2.Subnet":
        return aws.ec2.Subnet(
            subnet_name,
            vpc_id=vpc.id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            # Where load balancers are put: https://docs.aws.amazon.com/eks/latest/userguide/network-load-balancing.html
            tags={**self.tags_for(subnet_name), f"kubernetes.io/role/{balancer}": "1"},
            opts=self.child(),
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

    def _gateway_endpoints(
        self, name: str, vpc: "aws.ec2.Vpc", region: str, tables: "Sequence[aws.ec2.RouteTable]"
    ) -> None:
        for service in GATEWAY_SERVICES:
            aws.ec2.VpcEndpoint(
                f"{name}-{service}-endpoint",
                vpc_id=vpc.id,
                service_name=endpoint_service(service, region),
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables],
                tags=self.tags_for(f"{name}-{service}-endpoint"),
                opts=self.child(),
            )

    def _interface_endpoints(
        self, name: str, vpc: "aws.ec2.Vpc", layout: Vpc, region: str, subnets: "Sequence[aws.ec2.Subnet]"
    ) -> None:
        if not layout.interface_endpoints:
            return
        group = aws.ec2.SecurityGroup(
            f"{name}-endpoints",
            vpc_id=vpc.id,
            description="AWS services, reached from inside the network",
            tags=self.tags_for(f"{name}-endpoints"),
            opts=self.child(),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-endpoints-https",
            security_group_id=group.id,
            description="HTTPS from inside the network",
            cidr_ipv4=layout.cidr,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            tags=self.tags_for(f"{name}-endpoints-https"),
            opts=self.child(),
        )
        for service in layout.interface_endpoints:
            endpoint_name = f"{name}-{service.replace('.', '-')}-endpoint"
            aws.ec2.VpcEndpoint(
                endpoint_name,
                vpc_id=vpc.id,
                service_name=endpoint_service(service, region),
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[group.id],
                tags=self.tags_for(endpoint_name),
                opts=self.child(),
            )
