"""Route tables, routes and VPC endpoints."""

from collections.abc import Sequence
from typing import Any, Final

from pulumi_aws import ec2

from mlsandbox.providers.aws.api import Api, ApiError, Passing
from mlsandbox.providers.aws.conventions import conventional
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.ec2_network import tags
from mlsandbox.providers.aws.steps import Create, Delete, State, Update, uses
from mlsandbox.providers.protocol import Failure, Properties

ROUTE_TABLE: Final = Declaration(
    resource=ec2.RouteTable,
    cloudformation="AWS::EC2::RouteTable",
    **conventional(
        "ec2",
        "RouteTable",
        "RouteTableId",
        listed=True,
        more=lambda api, id, table: {
            "ownerId": table.get("OwnerId") or api.account,
            "routes": None,
            "propagatingVgws": [gateway["GatewayId"] for gateway in table.get("PropagatingVgws", ())],
        },
    ),
    tags=tags("route-table"),
    arn="route-table/{id}",
    replaces=frozenset({"vpcId"}),
    refused={
        "propagatingVgws": "VPN gateways are not supported",
        "routes": "use an aws.ec2.Route for each route; inline routes and aws.ec2.Route conflict in one table",
    },
)

_DESTINATIONS: Final = {
    "destinationCidrBlock": "DestinationCidrBlock",
    "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
TARGETS: Final = {
    "carrierGatewayId": "CarrierGatewayId",
    "coreNetworkArn": "CoreNetworkArn",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "gatewayId": "GatewayId",
    "localGatewayId": "LocalGatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "odbNetworkArn": "OdbNetworkArn",
    "transitGatewayId": "TransitGatewayId",
    "vpcEndpointId": "VpcEndpointId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
}


def _one_of_each(inputs: Properties) -> Sequence[Failure]:
    failures = []
    for what, names in (("destination", _DESTINATIONS), ("target", TARGETS)):
        given = [name for name in names if inputs.get(name) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} are set" if given else "none is set"
            failures.append(Failure(given[-1] if given else "", f"must have one {what} ({', '.join(names)}); {found}"))
    return failures


def _destination(id: str) -> tuple[str, dict[str, str]]:
    """The route table and the destination parameter in a route's ID."""
    table, destination = id.split("_", 1)
    if destination.startswith("pl-"):
        return table, {"DestinationPrefixListId": destination}
    return table, {"DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock": destination}


def _route_of(tables: dict[str, Any] | None, destination: dict[str, str]) -> dict[str, Any] | None:
    routes = tables["RouteTables"][0]["Routes"] if tables and tables["RouteTables"] else []
    return next((route for route in routes if destination.items() <= route.items()), None)


@uses("describe_route_tables", "create_route")
def _create_route(api: Api, inputs: Properties) -> str:
    table = str(inputs["routeTableId"])
    id = f"{table}_{next(inputs[name] for name in _DESTINATIONS if inputs.get(name))}"
    made = ROUTE.request("create_route", inputs).parameters
    api.call("create_route", **made)
    return id


@uses("describe_route_tables")
def _read_route(api: Api, id: str) -> Properties | None:
    table, destination = _destination(id)
    route = _route_of(api.find("describe_route_tables", RouteTableIds=[table]), destination)
    if route is None:
        return None
    # AWS returns a gateway endpoint as the route's gateway.
    return {"routeTableId": table, **ROUTE.found(route)}


@uses("replace_route")
def _replace_route(api: Api, id: str, olds: Properties, news: Properties) -> None:
    table, destination = _destination(id)
    target = ROUTE.request("replace_route", news, only=TARGETS).parameters
    api.call("replace_route", RouteTableId=table, **destination, **target)


@uses("delete_route")
def _delete_route(api: Api, id: str, outputs: Properties) -> None:
    table, destination = _destination(id)
    api.call("delete_route", RouteTableId=table, **destination)


ROUTE: Final = Declaration(
    resource=ec2.Route,
    cloudformation="AWS::EC2::Route",
    service="ec2",
    key=("RouteTableId", "Destination"),
    separator="_",
    names={"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"},
    create=_create_route,
    read=_read_route,
    updates=(Update(*TARGETS, by=_replace_route, checked_as="replace_route"),),
    delete=_delete_route,
    check=_one_of_each,
    replaces=frozenset({"routeTableId", *_DESTINATIONS}),
    absent={
        "instanceId": "a route to a network interface without an instance has none",
        "instanceOwnerId": "a route to a network interface without an instance has none",
    },
)


@uses("describe_route_tables")
def _association(api: Api, id: str) -> Properties | None:
    filters = [{"Name": "association.route-table-association-id", "Values": [id]}]
    for table in api.call("describe_route_tables", Filters=filters)["RouteTables"]:
        for association in table["Associations"]:
            if association["RouteTableAssociationId"] == id:
                return {
                    "routeTableId": table["RouteTableId"],
                    "subnetId": association.get("SubnetId"),
                    "gatewayId": association.get("GatewayId"),
                }
    return None


def _subnet_or_gateway(inputs: Properties) -> Sequence[Failure]:
    given = [name for name in ("subnetId", "gatewayId") if inputs.get(name) is not None]
    return [] if len(given) == 1 else [Failure("subnetId", "must have either subnetId or gatewayId")]


ROUTE_TABLE_ASSOCIATION: Final = Declaration(
    resource=ec2.RouteTableAssociation,
    cloudformation="AWS::EC2::SubnetRouteTableAssociation",
    service="ec2",
    key="AssociationId",
    create=Create("associate_route_table", id="AssociationId"),
    read=_association,
    delete=Delete("disassociate_route_table"),
    passing=(Passing("associate_route_table", "InvalidRouteTableID.NotFound"),),
    check=_subnet_or_gateway,
    # Terraform's provider changes the route table in place; the ID changes with it, which the engine does not support.
    replaces=frozenset({"routeTableId", "subnetId", "gatewayId"}),
    delete_first=True,
    unlike_cloudformation={"gatewayId": "CloudFormation has a different type for gateways"},
)

_LISTS: Final = {
    "routeTableIds": "RouteTableIds",
    "subnetIds": "SubnetIds",
    "securityGroupIds": "SecurityGroupIds",
}


@uses("describe_prefix_lists")
def endpoint_details(api: Api, id: str, endpoint: dict[str, Any]) -> Properties:
    """Properties of an endpoint that its describe response has in another format or does not have."""
    details: Properties = {
        "securityGroupIds": [group["GroupId"] for group in endpoint.get("Groups", ())],
        "ownerId": endpoint.get("OwnerId") or api.account,
        "dnsEntries": [
            {"dnsName": entry.get("DnsName"), "hostedZoneId": entry.get("HostedZoneId")}
            for entry in endpoint.get("DnsEntries", ())
        ],
    }
    if endpoint["VpcEndpointType"] == "Gateway":
        filters = [{"Name": "prefix-list-name", "Values": [endpoint["ServiceName"]]}]
        lists = api.call("describe_prefix_lists", Filters=filters)["PrefixLists"]
        named = next((item for item in lists if item["PrefixListName"] == endpoint["ServiceName"]), None)
        if named:
            details |= {"prefixListId": named["PrefixListId"], "cidrBlocks": named.get("Cidrs", [])}
    return details


@uses("modify_vpc_endpoint")
def _modify_endpoint(api: Api, id: str, olds: Properties, news: Properties) -> None:
    changes: dict[str, Any] = {}
    for name, member in _LISTS.items():
        before, after = set(olds.get(name) or ()), set(news.get(name) or ())
        if after - before:
            changes[f"Add{member}"] = sorted(after - before)
        if before - after:
            changes[f"Remove{member}"] = sorted(before - after)
    if olds.get("policy") != news.get("policy"):
        changes |= {"PolicyDocument": news["policy"]} if news.get("policy") else {"ResetPolicy": True}
    for name in ("privateDnsEnabled", "ipAddressType", "dnsOptions"):
        if olds.get(name) != news.get(name):
            changes |= VPC_ENDPOINT.request("modify_vpc_endpoint", news, only={name}).parameters
    if changes:
        api.call("modify_vpc_endpoint", VpcEndpointId=id, **changes)


@uses("delete_vpc_endpoints")
def _delete_endpoint(api: Api, id: str, outputs: Properties) -> None:
    for refused in api.call("delete_vpc_endpoints", VpcEndpointIds=[id]).get("Unsuccessful", ()):
        error = refused["Error"]
        raise ApiError(api.name, "DeleteVpcEndpoints", error["Code"], error["Message"])


_NO_LATTICE: Final = "the local AWS API has only endpoints of services"

VPC_ENDPOINT: Final = Declaration(
    resource=ec2.VpcEndpoint,
    cloudformation="AWS::EC2::VPCEndpoint",
    **conventional("ec2", "VpcEndpoint", "VpcEndpointId", listed=True, more=endpoint_details, delete=_delete_endpoint),
    names={"policy": "PolicyDocument"},
    defaults={"vpcEndpointType": "Gateway"},
    updates=(
        Update(
            *_LISTS,
            "policy",
            "privateDnsEnabled",
            "ipAddressType",
            "dnsOptions",
            by=_modify_endpoint,
            checked_as="create_vpc_endpoint",
        ),
    ),
    tags=tags("vpc-endpoint"),
    state=State("State", ready=("available", "pendingAcceptance"), failed=("failed", "rejected"), gone=("deleted",)),
    waits_until_gone=True,
    arn="vpc-endpoint/{id}",
    replaces=frozenset(
        {
            "dnsOptions.privateDnsPreference",
            "dnsOptions.privateDnsSpecifiedDomains",
            "serviceName",
            "vpcEndpointType",
            "vpcId",
        }
    ),
    local=frozenset({"autoAccept"}),
    refused={
        "resourceConfigurationArn": _NO_LATTICE,
        "serviceNetworkArn": _NO_LATTICE,
        "serviceRegion": "the local AWS API has only endpoints of services in the same region",
        "subnetConfigurations": "the local AWS API chooses the addresses of an endpoint",
    },
    absent={
        "cidrBlocks": "an interface endpoint has none",
        "networkInterfaceIds": "a gateway endpoint has none",
        "dnsEntries": "a gateway endpoint has none",
        "prefixListId": "an interface endpoint has none",
    },
)

DECLARATIONS: Final = (ROUTE_TABLE, ROUTE, ROUTE_TABLE_ASSOCIATION, VPC_ENDPOINT)
