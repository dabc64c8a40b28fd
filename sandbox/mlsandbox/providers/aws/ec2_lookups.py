"""Lookups of EC2: zones and their instance types, existing networks, prefix lists."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_aws import ec2, get_availability_zones

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.aws.declaration import Declaration, Lookup, filters_of
from mlsandbox.providers.aws.ec2_network import SUBNET, VPC, vpc_details
from mlsandbox.providers.aws.ec2_routing import TARGETS, VPC_ENDPOINT, endpoint_details
from mlsandbox.providers.aws.steps import uses
from mlsandbox.providers.protocol import Properties, ProviderError


def _one(found: Sequence[Any], what: str) -> Any:
    """The only match. Raises the error of the official provider if there is none or several."""
    if not found:
        raise ProviderError(f"no matching {what} found")
    if len(found) > 1:
        raise ProviderError(
            f"multiple {what}s matched; use additional constraints to reduce matches to a single {what}"
        )
    return found[0]


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}


def _found(declaration: Declaration, api: Api, id: str, item: Mapping[str, Any]) -> Properties:
    return {
        **declaration.found(dict(item)),
        "id": id,
        "arn": api.arn(f"{declaration.arn}".format(id=id)),
        "region": api.region,
        "tags": _tags(item),
        "ownerId": item.get("OwnerId") or api.account,
    }


@uses("describe_vpcs")
def _vpc(api: Api, args: Properties) -> Properties:
    filters = filters_of(args, id="vpc-id", cidrBlock="cidr", state="state", dhcpOptionsId="dhcp-options-id")
    vpc = _one(api.call("describe_vpcs", Filters=filters)["Vpcs"], "EC2 VPC")
    blocks = vpc.get("CidrBlockAssociationSet", ())
    return {
        **_found(VPC, api, vpc["VpcId"], vpc),
        **vpc_details(api, vpc["VpcId"], vpc),
        "default": vpc.get("IsDefault", False),
        "state": vpc.get("State", "available"),
        "dhcpOptionsId": vpc.get("DhcpOptionsId", ""),
        "instanceTenancy": vpc.get("InstanceTenancy", "default"),
        "cidrBlockAssociations": [
            {
                "associationId": block["AssociationId"],
                "cidrBlock": block["CidrBlock"],
                "state": block["CidrBlockState"]["State"],
            }
            for block in blocks
        ],
        "ipv6CidrBlockAssociations": [],
    }


@uses("describe_subnets")
def _subnet(api: Api, args: Properties) -> Properties:
    filters = filters_of(
        args,
        id="subnet-id",
        vpcId="vpc-id",
        cidrBlock="cidr-block",
        availabilityZone="availability-zone",
        availabilityZoneId="availability-zone-id",
        state="state",
    )
    subnet = _one(api.call("describe_subnets", Filters=filters)["Subnets"], "EC2 Subnet")
    return {
        **_found(SUBNET, api, subnet["SubnetId"], subnet),
        "availableIpAddressCount": subnet["AvailableIpAddressCount"],
        "defaultForAz": subnet.get("DefaultForAz", False),
        "state": subnet["State"],
    }


@uses("describe_route_tables")
def _route_tables(api: Api, args: Properties) -> Properties:
    tables = api.call("describe_route_tables", Filters=filters_of(args, vpcId="vpc-id"))["RouteTables"]
    return {**args, "id": api.region, "region": api.region, "ids": sorted(table["RouteTableId"] for table in tables)}


@uses("describe_route_tables")
def _route_table(api: Api, args: Properties) -> Properties:
    filters = filters_of(
        args,
        routeTableId="route-table-id",
        vpcId="vpc-id",
        subnetId="association.subnet-id",
        gatewayId="association.gateway-id",
    )
    table = _one(api.call("describe_route_tables", Filters=filters)["RouteTables"], "EC2 Route Table")
    id = table["RouteTableId"]
    return {
        "id": id,
        "routeTableId": id,
        "arn": api.arn(f"route-table/{id}"),
        "region": api.region,
        "vpcId": table["VpcId"],
        "ownerId": table.get("OwnerId") or api.account,
        "tags": _tags(table),
        "subnetId": args.get("subnetId", ""),
        "gatewayId": args.get("gatewayId", ""),
        # Routes to gateway endpoints belong to the endpoints, as in the official provider.
        "routes": [_route(route) for route in table["Routes"] if not str(route.get("GatewayId")).startswith("vpce-")],
        "associations": [
            {
                "main": association.get("Main", False),
                "routeTableAssociationId": association["RouteTableAssociationId"],
                "routeTableId": id,
                "subnetId": association.get("SubnetId", ""),
                "gatewayId": association.get("GatewayId", ""),
            }
            for association in table["Associations"]
        ],
    }


def _route(route: Mapping[str, Any]) -> Properties:
    targets = {name: route.get(member, "") for name, member in TARGETS.items() if name != "odbNetworkArn"}
    return {
        **targets,
        "cidrBlock": route.get("DestinationCidrBlock", ""),
        "ipv6CidrBlock": route.get("DestinationIpv6CidrBlock", ""),
        "destinationPrefixListId": route.get("DestinationPrefixListId", ""),
        "instanceId": route.get("InstanceId", ""),
    }


@uses("describe_vpc_endpoints")
def _vpc_endpoint(api: Api, args: Properties) -> Properties:
    filters = filters_of(
        args,
        id="vpc-endpoint-id",
        vpcId="vpc-id",
        serviceName="service-name",
        state="vpc-endpoint-state",
        vpcEndpointType="vpc-endpoint-type",
    )
    endpoint = _one(api.call("describe_vpc_endpoints", Filters=filters)["VpcEndpoints"], "EC2 VPC Endpoint")
    id = endpoint["VpcEndpointId"]
    return {
        "routeTableIds": [],
        "subnetIds": [],
        "networkInterfaceIds": [],
        "privateDnsEnabled": False,
        "requesterManaged": False,
        **_found(VPC_ENDPOINT, api, id, endpoint),
        **endpoint_details(api, id, endpoint),
    }


@uses("describe_availability_zones")
def _vpc_endpoint_service(api: Api, args: Properties) -> Properties:
    name = args.get("serviceName") or f"com.amazonaws.{api.region}.{args['service']}"
    # The local AWS API has an older list of services, of one region only, but accepts endpoints of any service.
    if f"com.amazonaws.{api.region}." not in name:
        raise ProviderError(f"{api.name}: InvalidServiceName: The Vpc Endpoint Service '{name}' does not exist")
    zones = [zone["ZoneName"] for zone in api.call("describe_availability_zones")["AvailabilityZones"]]
    services = api.call("describe_vpc_endpoint_services")["ServiceDetails"]
    known = [each for each in services if each["ServiceName"] == name]
    host = ".".join(reversed(name.split(".")[3:])) + f".{api.region}.amazonaws.com"
    return {
        **args,
        "id": name,
        "privateDnsName": known[0].get("PrivateDnsName", "") if known else host,
        "region": api.region,
        "serviceName": name,
        "serviceType": args.get("serviceType") or "Interface",
        "availabilityZones": sorted(zones),
        "owner": "amazon",
        "acceptanceRequired": False,
        "managesVpcEndpoints": False,
        "vpcEndpointPolicySupported": True,
        "tags": {},
    }


@uses("describe_network_interfaces")
def _network_interfaces(api: Api, args: Properties) -> Properties:
    found = api.call("describe_network_interfaces", Filters=filters_of(args))["NetworkInterfaces"]
    ids = sorted(interface["NetworkInterfaceId"] for interface in found)
    return {**args, "id": api.region, "region": api.region, "ids": ids}


@uses("describe_instance_type_offerings", "describe_availability_zones")
def _offerings(api: Api, args: Properties) -> Properties:
    where = args.get("locationType") or "region"
    call = {"LocationType": where, "Filters": filters_of(args)}
    offers = [
        (offer["InstanceType"], offer["Location"])
        for offer in api.call("describe_instance_type_offerings", **call)["InstanceTypeOfferings"]
    ]
    # The local AWS API has an older list of offerings, without the regions of GovCloud and China.
    asked = {value for one in args.get("filters") or () if one["name"] == "instance-type" for value in one["values"]}
    newer = asked - {type for type, _ in offers}
    if newer and where == "availability-zone":
        zones = [zone["ZoneName"] for zone in api.call("describe_availability_zones")["AvailabilityZones"]]
        offers += [(type, zone) for type in sorted(newer) for zone in zones]
    offers.sort()
    return {
        **args,
        "id": api.region,
        "region": api.region,
        "instanceTypes": [type for type, _ in offers],
        "locations": [location for _, location in offers],
        "locationTypes": [where for _ in offers],
    }


@uses("describe_availability_zones")
def _zones(api: Api, args: Properties) -> Properties:
    answer = api.call(
        "describe_availability_zones",
        Filters=filters_of(args, state="state"),
        **({"AllAvailabilityZones": True} if args.get("allAvailabilityZones") else {}),
    )
    names, ids = args.get("excludeNames") or (), args.get("excludeZoneIds") or ()
    zones = sorted(
        (zone for zone in answer["AvailabilityZones"] if zone["ZoneName"] not in names and zone["ZoneId"] not in ids),
        key=lambda zone: zone["ZoneName"],
    )
    return {
        **args,
        "id": api.region,
        "region": api.region,
        "groupNames": sorted({zone.get("GroupName") or api.region for zone in zones}),
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
    }


@uses("describe_managed_prefix_lists", "get_managed_prefix_list_entries")
def _prefix_list(api: Api, args: Properties) -> Properties:
    filters = filters_of(args, name="prefix-list-name")
    given = {"PrefixListIds": [args["id"]]} if args.get("id") else {}
    found = api.call("describe_managed_prefix_lists", Filters=filters, **given)["PrefixLists"]
    if len(found) != 1:
        raise ProviderError(f"{api.name}: {len(found)} managed prefix lists match; exactly one must match")
    (one,) = found
    entries = api.call("get_managed_prefix_list_entries", PrefixListId=one["PrefixListId"])["Entries"]
    return {
        **args,
        "id": one["PrefixListId"],
        "name": one["PrefixListName"],
        "arn": one["PrefixListArn"],
        "addressFamily": one.get("AddressFamily", ""),
        "entries": [{"cidr": entry["Cidr"], "description": entry.get("Description", "")} for entry in entries],
        "maxEntries": one.get("MaxEntries", 0),
        "ownerId": one.get("OwnerId", ""),
        "region": api.region,
        "tags": _tags(one),
        "version": one.get("Version", 0),
    }


LOOKUPS: Final = (
    Lookup(ec2.get_vpc, "aws:ec2/getVpc:getVpc", _vpc, "ec2"),
    Lookup(ec2.get_subnet, "aws:ec2/getSubnet:getSubnet", _subnet, "ec2"),
    Lookup(ec2.get_route_tables, "aws:ec2/getRouteTables:getRouteTables", _route_tables, "ec2"),
    Lookup(ec2.get_route_table, "aws:ec2/getRouteTable:getRouteTable", _route_table, "ec2"),
    Lookup(ec2.get_vpc_endpoint, "aws:ec2/getVpcEndpoint:getVpcEndpoint", _vpc_endpoint, "ec2"),
    Lookup(
        ec2.get_vpc_endpoint_service,
        "aws:ec2/getVpcEndpointService:getVpcEndpointService",
        _vpc_endpoint_service,
        "ec2",
    ),
    Lookup(
        ec2.get_network_interfaces,
        "aws:ec2/getNetworkInterfaces:getNetworkInterfaces",
        _network_interfaces,
        "ec2",
    ),
    Lookup(
        ec2.get_instance_type_offerings,
        "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings",
        _offerings,
        "ec2",
    ),
    Lookup(get_availability_zones, "aws:index/getAvailabilityZones:getAvailabilityZones", _zones, "ec2"),
    Lookup(ec2.get_managed_prefix_list, "aws:ec2/getManagedPrefixList:getManagedPrefixList", _prefix_list, "ec2"),
)
