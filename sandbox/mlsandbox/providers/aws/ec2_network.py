"""EC2 networks: VPCs, subnets, gateways and addresses."""

from typing import Any, Final

from pulumi_aws import ec2

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.aws.conventions import conventional
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import Create, Delete, Describe, State, Tags, Update, uses
from mlsandbox.providers.protocol import Properties

_NO_IPAM: Final = "the local AWS API has no IPAM"
_NO_OUTPOSTS: Final = "the local AWS API has no Outposts"


def tags(resource_type: str) -> Tags:
    """EC2's tag operations, for a resource type with this name in `TagSpecifications`."""
    return Tags("create_tags", "delete_tags", key="Resources", specification=resource_type)


@uses("describe_vpc_attribute", "describe_security_groups", "describe_network_acls", "describe_route_tables")
def vpc_details(api: Api, id: str, vpc: dict[str, Any]) -> Properties:
    """Properties of a VPC from operations other than DescribeVpcs."""

    def attribute(name: str) -> Any:
        answer = api.call("describe_vpc_attribute", VpcId=id, Attribute=name)
        return answer[f"{name[0].upper()}{name[1:]}"].get("Value")

    def default(operation: str, member: str, key: str, what: str, value: str) -> str | None:
        filters = [{"Name": "vpc-id", "Values": [id]}, {"Name": what, "Values": [value]}]
        found = api.call(operation, Filters=filters)[member]
        return str(found[0][key]) if found else None

    blocks = [
        block
        for block in vpc.get("Ipv6CidrBlockAssociationSet", ())
        if block["Ipv6CidrBlockState"]["State"] == "associated"
    ]
    main = default("describe_route_tables", "RouteTables", "RouteTableId", "association.main", "true")
    return {
        "enableDnsSupport": attribute("enableDnsSupport"),
        "enableDnsHostnames": attribute("enableDnsHostnames"),
        "enableNetworkAddressUsageMetrics": attribute("enableNetworkAddressUsageMetrics"),
        "assignGeneratedIpv6CidrBlock": bool(blocks),
        "ipv6CidrBlock": blocks[0]["Ipv6CidrBlock"] if blocks else None,
        "ipv6AssociationId": blocks[0]["AssociationId"] if blocks else None,
        "ipv6CidrBlockNetworkBorderGroup": blocks[0].get("NetworkBorderGroup") if blocks else None,
        "defaultSecurityGroupId": default(
            "describe_security_groups", "SecurityGroups", "GroupId", "group-name", "default"
        ),
        "defaultNetworkAclId": default("describe_network_acls", "NetworkAcls", "NetworkAclId", "default", "true"),
        "defaultRouteTableId": main,
        "mainRouteTableId": main,
        # moto's response has no owner. In AWS, the owner of a VPC that is not shared is the account.
        "ownerId": vpc.get("OwnerId") or api.account,
    }


@uses("associate_vpc_cidr_block", "disassociate_vpc_cidr_block", "describe_vpcs")
def _assign_ipv6(api: Api, id: str, olds: Properties, news: Properties) -> None:
    if news.get("assignGeneratedIpv6CidrBlock"):
        api.call("associate_vpc_cidr_block", VpcId=id, AmazonProvidedIpv6CidrBlock=True)
        return
    vpc = api.call("describe_vpcs", VpcIds=[id])["Vpcs"][0]
    for block in vpc.get("Ipv6CidrBlockAssociationSet", ()):
        api.call("disassociate_vpc_cidr_block", AssociationId=block["AssociationId"])


VPC: Final = Declaration(
    resource=ec2.Vpc,
    cloudformation="AWS::EC2::VPC",
    **conventional("ec2", "Vpc", "VpcId", listed=True, more=vpc_details),
    names={"assignGeneratedIpv6CidrBlock": "AmazonProvidedIpv6CidrBlock"},
    defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
    updates=(
        Update("enableDnsSupport", by="modify_vpc_attribute"),
        Update("enableDnsHostnames", by="modify_vpc_attribute"),
        Update("enableNetworkAddressUsageMetrics", by="modify_vpc_attribute"),
        Update("assignGeneratedIpv6CidrBlock", by=_assign_ipv6),
    ),
    tags=tags("vpc"),
    arn="vpc/{id}",
    replaces=frozenset({"cidrBlock", "instanceTenancy"}),
    refused={
        "ipv4IpamPoolId": _NO_IPAM,
        "ipv4NetmaskLength": _NO_IPAM,
        "ipv6CidrBlock": _NO_IPAM,
        "ipv6CidrBlockNetworkBorderGroup": "the local AWS API has no local zones",
        "ipv6IpamPoolId": _NO_IPAM,
        "ipv6NetmaskLength": _NO_IPAM,
    },
    absent={"ipv6AssociationId": "a VPC without IPv6 has none"},
    unlike_cloudformation={
        "instanceTenancy": "CloudFormation and Terraform's provider change dedicated to default in place",
    },
)


@uses("describe_vpcs")
def _added_block(api: Api, id: str) -> Properties | None:
    filters = [{"Name": "cidr-block-association.association-id", "Values": [id]}]
    for vpc in api.call("describe_vpcs", Filters=filters)["Vpcs"]:
        for block in vpc["CidrBlockAssociationSet"]:
            if block["AssociationId"] == id and block["CidrBlockState"]["State"] == "associated":
                return {"vpcId": vpc["VpcId"], "cidrBlock": block["CidrBlock"]}
    return None


VPC_CIDR_BLOCK: Final = Declaration(
    resource=ec2.VpcIpv4CidrBlockAssociation,
    cloudformation="AWS::EC2::VPCCidrBlock",
    service="ec2",
    key="AssociationId",
    create=Create("associate_vpc_cidr_block", id="CidrBlockAssociation.AssociationId"),
    read=_added_block,
    delete=Delete("disassociate_vpc_cidr_block"),
    replaces=frozenset({"vpcId", "cidrBlock"}),
    refused={"ipv4IpamPoolId": _NO_IPAM, "ipv4NetmaskLength": _NO_IPAM},
)

_AT_LAUNCH: Final = {
    "privateDnsHostnameTypeOnLaunch": "HostnameType",
    "enableResourceNameDnsARecordOnLaunch": "EnableResourceNameDnsARecord",
    "enableResourceNameDnsAaaaRecordOnLaunch": "EnableResourceNameDnsAAAARecord",
}


def _subnet_details(api: Api, id: str, subnet: dict[str, Any]) -> Properties:
    blocks = [
        block
        for block in subnet.get("Ipv6CidrBlockAssociationSet", ())
        if block["Ipv6CidrBlockState"]["State"] == "associated"
    ]
    return {
        "ipv6CidrBlock": blocks[0]["Ipv6CidrBlock"] if blocks else None,
        "ipv6CidrBlockAssociationId": blocks[0]["AssociationId"] if blocks else None,
    }


SUBNET: Final = Declaration(
    resource=ec2.Subnet,
    cloudformation="AWS::EC2::Subnet",
    **conventional("ec2", "Subnet", "SubnetId", listed=True, more=_subnet_details),
    names={
        name: f"{name[0].upper()}{name[1:].replace('Aaaa', 'AAAA')}|PrivateDnsNameOptionsOnLaunch.{member}"
        for name, member in _AT_LAUNCH.items()
    },
    defaults={
        "assignIpv6AddressOnCreation": False,
        "enableDns64": False,
        "enableResourceNameDnsARecordOnLaunch": False,
        "enableResourceNameDnsAaaaRecordOnLaunch": False,
        "ipv6Native": False,
        "mapPublicIpOnLaunch": False,
    },
    updates=tuple(
        Update(name, by="modify_subnet_attribute")
        for name in ("assignIpv6AddressOnCreation", "enableDns64", "mapPublicIpOnLaunch", *_AT_LAUNCH)
    ),
    tags=tags("subnet"),
    state=State("State", ready=("available",)),
    arn="subnet/{id}",
    replaces=frozenset({"vpcId", "availabilityZone", "availabilityZoneId", "cidrBlock", "ipv6CidrBlock", "ipv6Native"}),
    refused={
        "customerOwnedIpv4Pool": _NO_OUTPOSTS,
        "enableLniAtDeviceIndex": _NO_OUTPOSTS,
        "ipv4IpamPoolId": _NO_IPAM,
        "ipv4NetmaskLength": _NO_IPAM,
        "ipv6IpamPoolId": _NO_IPAM,
        "ipv6NetmaskLength": _NO_IPAM,
        "mapCustomerOwnedIpOnLaunch": _NO_OUTPOSTS,
        "outpostArn": _NO_OUTPOSTS,
    },
    absent={"ipv6CidrBlockAssociationId": "a subnet without IPv6 has none"},
    unlike_cloudformation={
        "ipv6CidrBlock": "Terraform's provider associates another block in place; the local AWS API cannot",
    },
)


@uses("attach_internet_gateway", "detach_internet_gateway")
def _attach(api: Api, id: str, olds: Properties, news: Properties) -> None:
    if olds.get("vpcId"):
        api.call("detach_internet_gateway", InternetGatewayId=id, VpcId=olds["vpcId"])
    if news.get("vpcId"):
        api.call("attach_internet_gateway", InternetGatewayId=id, VpcId=news["vpcId"])


@uses("detach_internet_gateway", "delete_internet_gateway")
def _delete_internet_gateway(api: Api, id: str, outputs: Properties) -> None:
    if outputs.get("vpcId"):
        api.find("detach_internet_gateway", InternetGatewayId=id, VpcId=outputs["vpcId"])
    api.call("delete_internet_gateway", InternetGatewayId=id)


INTERNET_GATEWAY: Final = Declaration(
    resource=ec2.InternetGateway,
    cloudformation="AWS::EC2::InternetGateway",
    **conventional(
        "ec2",
        "InternetGateway",
        "InternetGatewayId",
        listed=True,
        delete=_delete_internet_gateway,
        more=lambda api, id, gateway: {
            "vpcId": next((attached["VpcId"] for attached in gateway.get("Attachments", ())), None),
            "ownerId": gateway.get("OwnerId") or api.account,
        },
    ),
    updates=(Update("vpcId", by=_attach, checked_as="attach_internet_gateway"),),
    tags=tags("internet-gateway"),
    arn="internet-gateway/{id}",
)

_NO_INSTANCES: Final = "instances are not supported; leave the address free or use it for a NAT gateway"


def _address_details(api: Api, id: str, address: dict[str, Any]) -> Properties:
    zone = "compute-1" if api.region == "us-east-1" else f"{api.region}.compute"
    dashed = str(address["PublicIp"]).replace(".", "-")
    return {"allocationId": id, "publicDns": f"ec2-{dashed}.{zone}.amazonaws.com"}


EIP: Final = Declaration(
    resource=ec2.Eip,
    cloudformation="AWS::EC2::EIP",
    service="ec2",
    key="AllocationId",
    names={"privateIp": "PrivateIpAddress", "networkInterface": "NetworkInterfaceId", "instance": "InstanceId"},
    create=Create("allocate_address", id="AllocationId"),
    read=Describe("describe_addresses", "Addresses[0]", key="AllocationIds", more=_address_details),
    delete=Delete("release_address"),
    tags=tags("elastic-ip"),
    arn="elastic-ip/{id}",
    replaces=frozenset({"domain", "networkBorderGroup", "publicIpv4Pool"}),
    refused={
        "address": "the local AWS API does not recover released addresses",
        "associateWithPrivateIp": _NO_INSTANCES,
        "customerOwnedIpv4Pool": _NO_OUTPOSTS,
        "instance": _NO_INSTANCES,
        "ipamPoolId": _NO_IPAM,
        "networkInterface": _NO_INSTANCES,
    },
    absent={
        "associationId": "an unassociated address has none",
        "carrierIp": "the local AWS API has no wavelength zones",
        "customerOwnedIp": _NO_OUTPOSTS,
        "privateDns": "an unassociated address has none",
        "privateIp": "an unassociated address has none",
        "ptrRecord": "the local AWS API has no reverse DNS",
    },
    unlike_cloudformation={
        "domain": "CloudFormation replaces without declaring createOnly; no operation changes it",
        "publicIpv4Pool": "CloudFormation replaces without declaring createOnly; no operation changes it",
    },
)

_REGIONAL: Final = "the local AWS API has only zonal NAT gateways"
_ONE_ADDRESS: Final = "in the local AWS API, a NAT gateway has one address"

NAT_GATEWAY: Final = Declaration(
    resource=ec2.NatGateway,
    cloudformation="AWS::EC2::NatGateway",
    names={"privateIp": "PrivateIpAddress"},
    defaults={"connectivityType": "public"},
    **conventional(
        "ec2",
        "NatGateway",
        "NatGatewayId",
        listed=True,
        more=lambda api, id, gateway: {
            "allocationId": gateway["NatGatewayAddresses"][0].get("AllocationId"),
            "associationId": gateway["NatGatewayAddresses"][0].get("AssociationId"),
            "networkInterfaceId": gateway["NatGatewayAddresses"][0].get("NetworkInterfaceId"),
            "privateIp": gateway["NatGatewayAddresses"][0].get("PrivateIp"),
            "publicIp": gateway["NatGatewayAddresses"][0].get("PublicIp"),
        },
    ),
    tags=tags("natgateway"),
    state=State(
        "State", ready=("available",), failed=("failed",), gone=("deleting", "deleted"), reason="FailureMessage"
    ),
    waits_until_gone=True,
    replaces=frozenset({"allocationId", "connectivityType", "privateIp", "subnetId"}),
    refused={
        "availabilityMode": _REGIONAL,
        "availabilityZoneAddresses": _REGIONAL,
        "secondaryAllocationIds": _ONE_ADDRESS,
        "secondaryPrivateIpAddressCount": _ONE_ADDRESS,
        "secondaryPrivateIpAddresses": _ONE_ADDRESS,
        "vpcId": _REGIONAL,
    },
    absent={
        "autoProvisionZones": _REGIONAL,
        "autoScalingIps": _REGIONAL,
        "regionalNatGatewayAddresses": _REGIONAL,
        "regionalNatGatewayAutoMode": _REGIONAL,
        "routeTableId": _REGIONAL,
    },
)

DECLARATIONS: Final = (VPC, VPC_CIDR_BLOCK, SUBNET, INTERNET_GATEWAY, EIP, NAT_GATEWAY)
