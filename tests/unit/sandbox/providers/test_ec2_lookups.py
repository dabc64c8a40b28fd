"""Lookups of networks and scaling groups, in the format of the official provider."""

from typing import Any

import pytest

from mlsandbox.providers.protocol import Properties, ProviderError

REGION = "eu-central-1"


def ask(bench: Any, name: str, **args: Any) -> Properties:
    answer: Properties = bench.provider.invoke(bench.client, f"aws:ec2/{name}:{name}", args, False)
    return answer


@pytest.mark.engine  # takes seconds
def test_a_vpc_has_its_cidr_blocks_and_dns_settings(bench: Any) -> None:
    ec2 = bench.boto("ec2")
    id = ec2.create_vpc(CidrBlock="10.70.0.0/16")["Vpc"]["VpcId"]
    ec2.associate_vpc_cidr_block(VpcId=id, CidrBlock="100.70.0.0/16")
    found = ask(bench, "getVpc", id=id)
    assert (found["id"], found["enableDnsSupport"], found["enableDnsHostnames"]) == (id, True, False)
    assert [each["cidrBlock"] for each in found["cidrBlockAssociations"]] == ["10.70.0.0/16", "100.70.0.0/16"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [id]}])["RouteTables"]
    assert found["mainRouteTableId"] == tables[0]["RouteTableId"]
    with pytest.raises(ProviderError, match="no matching EC2 VPC found"):
        ask(bench, "getVpc", id="vpc-00000000")


def test_a_subnet_has_its_zone_and_free_addresses(bench: Any) -> None:
    ec2, id = bench.boto("ec2"), bench.subnet(0)
    ec2.create_tags(Resources=[id], Tags=[{"Key": "kubernetes.io/role/internal-elb", "Value": "1"}])
    found = ask(bench, "getSubnet", id=id)
    wanted = ec2.describe_subnets(SubnetIds=[id])["Subnets"][0]
    assert (found["vpcId"], found["cidrBlock"]) == (bench.vpc(), "10.0.0.0/24")
    assert (found["availabilityZone"], found["availabilityZoneId"]) == (f"{REGION}a", wanted["AvailabilityZoneId"])
    assert found["availableIpAddressCount"] == wanted["AvailableIpAddressCount"]
    assert found["tags"]["kubernetes.io/role/internal-elb"] == "1"
    with pytest.raises(ProviderError, match="no matching EC2 Subnet found"):
        ask(bench, "getSubnet", id="subnet-00000000")


def test_the_route_table_of_a_subnet_has_its_routes(bench: Any) -> None:
    ec2 = bench.boto("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.71.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.71.0.0/24")["Subnet"]["SubnetId"]
    own = [{"name": "association.subnet-id", "values": [subnet]}]
    assert ask(bench, "getRouteTables", filters=own)["ids"] == []

    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    gateway = bench.nat_gateway()
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", RouteTableIds=[table])
    assert ask(bench, "getRouteTables", filters=own)["ids"] == [table]
    routes = ask(bench, "getRouteTable", routeTableId=table)["routes"]
    (default,) = [route for route in routes if route["cidrBlock"] == "0.0.0.0/0"]
    assert (default["natGatewayId"], default["gatewayId"], default["transitGatewayId"]) == (gateway, "", "")
    assert not [route for route in routes if str(route["gatewayId"]).startswith("vpce-")]


def test_an_endpoint_is_found_if_it_exists(bench: Any) -> None:
    ec2, vpc, name = bench.boto("ec2"), bench.vpc(), f"com.amazonaws.{REGION}.dynamodb"
    with pytest.raises(ProviderError, match="no matching EC2 VPC Endpoint found"):
        ask(bench, "getVpcEndpoint", vpcId=vpc, serviceName=name, vpcEndpointType="Gateway")
    table = bench.route_table()
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, RouteTableIds=[table])
    found = ask(bench, "getVpcEndpoint", vpcId=vpc, serviceName=name, vpcEndpointType="Gateway")
    assert (found["routeTableIds"], found["tags"]) == ([table], {})


def test_an_endpoint_service_has_its_zones(bench: Any) -> None:
    name = f"com.amazonaws.{REGION}.sts"
    found = ask(bench, "getVpcEndpointService", serviceName=name, serviceType="Interface")
    assert (found["serviceName"], found["availabilityZones"]) == (name, [f"{REGION}{letter}" for letter in "abc"])
    assert found["privateDnsName"] == f"sts.{REGION}.amazonaws.com"
    without = ask(bench, "getVpcEndpointService", serviceName=f"com.amazonaws.{REGION}.iot.data")
    assert without["privateDnsName"] == ""
    with pytest.raises(ProviderError, match=r"InvalidServiceName: The Vpc Endpoint Service .* does not exist"):
        ask(bench, "getVpcEndpointService", serviceName="com.amazonaws.mars-1.sts")


def test_network_interfaces_are_found_by_tag(bench: Any) -> None:
    ec2, subnet = bench.boto("ec2"), bench.subnet(2)
    id = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    filters = [{"name": "subnet-id", "values": [subnet]}, {"name": "tag:mlplatform:stack", "values": ["ml/dev"]}]
    assert ask(bench, "getNetworkInterfaces", filters=filters)["ids"] == []
    ec2.create_tags(Resources=[id], Tags=[{"Key": "mlplatform:stack", "Value": "ml/dev"}])
    assert ask(bench, "getNetworkInterfaces", filters=filters)["ids"] == [id]


def test_an_instance_type_has_its_zones_and_an_unknown_type_all_zones(bench: Any) -> None:
    types = [{"name": "instance-type", "values": ["p5.48xlarge", "p99.48xlarge"]}]
    found = ask(bench, "getInstanceTypeOfferings", locationType="availability-zone", filters=types, region="us-east-1")
    offers = set(zip(found["instanceTypes"], found["locations"], strict=True))
    assert ("p5.48xlarge", "us-east-1a") in offers
    assert {zone for type, zone in offers if type == "p99.48xlarge"} == {f"us-east-1{letter}" for letter in "abcdef"}


def test_scaling_groups_are_found_by_tag_and_by_name(bench: Any) -> None:
    def asked(function: str, **args: Any) -> Properties:
        answer: Properties = bench.provider.invoke(bench.client, f"aws:autoscaling/{function}:{function}", args, False)
        return answer

    scaling, name = bench.boto("autoscaling"), bench.scaling_group()
    tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": "mlplatform:stack", "Value": "ml/scaled"}
    scaling.create_or_update_tags(Tags=[{**tag, "PropagateAtLaunch": False}])
    filters = [{"name": "tag:mlplatform:stack", "values": ["ml/scaled"]}]
    assert asked("getAmiIds", filters=filters)["names"] == [name]
    assert asked("getAmiIds", filters=[{**filters[0], "values": ["ml/other"]}])["names"] == []
    group = asked("getGroup", name=name)
    assert (group["minSize"], group["desiredCapacity"], group["maxSize"]) == (1, 2, 2)
    assert {"key": "mlplatform:stack", "value": "ml/scaled", "propagateAtLaunch": False} in group["tags"]
    with pytest.raises(ProviderError, match=r"reading Auto Scaling Group \(nobody\): couldn't find resource"):
        asked("getGroup", name="nobody")
