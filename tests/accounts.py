"""An account with an existing VPC, as a source for lookups."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc

from mlplatform.foundation.network.spec import ExistingVpc
from mlplatform.testing import ACCOUNT_ID

VPC: Final = "vpc-0a1b2c3d4e5f60718"


class Refused(grpc.RpcError):
    """The engine's response if the provider finds no endpoint."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return "invocation of aws:ec2/getVpcEndpoint returned an error: no matching EC2 VPC Endpoint found"


class Account:
    """An account with a suitable VPC, in the format of lookup results."""

    def __init__(self, region: str = "us-east-1") -> None:
        self.region = region
        self.vpc: dict[str, Any] = {
            "id": VPC,
            "enableDnsSupport": True,
            "enableDnsHostnames": True,
            "mainRouteTableId": "rtb-main",
            "ownerId": ACCOUNT_ID,
            "cidrBlockAssociations": [{"associationId": "a", "cidrBlock": "10.8.0.0/16", "state": "associated"}],
        }
        internal, public = ({f"kubernetes.io/role/{kind}": "1"} for kind in ("internal-elb", "elb"))
        self.subnets: dict[str, dict[str, Any]] = {
            "subnet-aaaaaaaa": self.subnet("us-east-1a", "use1-az6", "10.8.0.0/18", internal),
            "subnet-bbbbbbbb": self.subnet("us-east-1b", "use1-az1", "10.8.64.0/18", internal),
            "subnet-cccccccc": self.subnet("us-east-1a", "use1-az6", "10.8.192.0/20", public),
            "subnet-dddddddd": self.subnet("us-east-1a", "use1-az6", "10.8.208.0/21", {}),
            "subnet-eeeeeeee": self.subnet("us-east-1b", "use1-az1", "10.8.216.0/21", {}),
        }
        self.tables = {"subnet-cccccccc": "rtb-public", "subnet-aaaaaaaa": "rtb-a"}
        out = {"cidrBlock": "0.0.0.0/0"}
        self.routes: dict[str, list[dict[str, Any]]] = {
            "rtb-main": [{**out, "transitGatewayId": "tgw-1"}],
            "rtb-a": [{**out, "natGatewayId": "nat-1"}],
            "rtb-public": [{**out, "gatewayId": "igw-1"}],
        }
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.interfaces: list[str] = []

    @classmethod
    def of(cls, existing: ExistingVpc, region: str) -> "Account":
        """An account with the VPC that a stack file describes, with addresses for any number of nodes."""
        account = cls(region)
        groups = [
            (existing.private_subnets, {"kubernetes.io/role/internal-elb": "1"}, 0),
            (existing.public_subnets, {"kubernetes.io/role/elb": "1"}, 64),
            (existing.pod_subnets, {}, 128),
        ]
        account.subnets = {
            id: {
                **account.subnet(zone, "", f"10.8.{base + 16 * place}.0/20", tags),
                "availableIpAddressCount": 1_000_000,
            }
            for ids, tags, base in groups
            for place, (zone, id) in enumerate(ids.items())
        }
        account.tables = dict.fromkeys(existing.public_subnets.values(), "rtb-public")
        return account

    def subnet(self, zone: str, zone_id: str, cidr: str, tags: Mapping[str, str]) -> dict[str, Any]:
        return {
            "vpcId": VPC,
            "availabilityZone": zone,
            "availabilityZoneId": zone_id,
            "cidrBlock": cidr,
            "availableIpAddressCount": 4000,
            "tags": dict(tags),
        }

    def endpoint(self, service: str, **more: Any) -> None:
        self.endpoints[f"com.amazonaws.{self.region}.{service}"] = {
            "id": f"vpce-{service}",
            "privateDnsEnabled": True,
            "tags": {},
            "routeTableIds": [],
            **more,
        }

    def closed(self) -> None:
        """Remove the internet access of the private subnets."""
        self.routes["rtb-main"], self.routes["rtb-a"] = [], []

    def look_ups(self) -> dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        targets = ("gatewayId", "natGatewayId", "transitGatewayId", "networkInterfaceId")
        empty = dict.fromkeys((*targets, "vpcEndpointId", "coreNetworkArn", "cidrBlock"), "")

        def tables(args: Mapping[str, Any]) -> Mapping[str, Any]:
            (subnet,) = args["filters"][0]["values"]
            return {"id": "r", "ids": [self.tables[subnet]] if subnet in self.tables else []}

        def endpoint(args: Mapping[str, Any]) -> Mapping[str, Any]:
            assert args["vpcId"] == VPC
            if args["serviceName"] not in self.endpoints:
                raise Refused
            return self.endpoints[args["serviceName"]]

        return {
            "aws:ec2/getVpc:getVpc": lambda args: self.vpc,
            "aws:ec2/getSubnet:getSubnet": lambda args: {"id": args["id"], **self.subnets[args["id"]]},
            "aws:ec2/getRouteTables:getRouteTables": tables,
            "aws:ec2/getRouteTable:getRouteTable": lambda args: {
                "id": args["routeTableId"],
                "routes": [{**empty, **route} for route in self.routes[args["routeTableId"]]],
            },
            "aws:ec2/getVpcEndpoint:getVpcEndpoint": endpoint,
            "aws:ec2/getNetworkInterfaces:getNetworkInterfaces": lambda args: {"id": "r", "ids": self.interfaces},
        }
