"""A platform in an existing VPC, and in its own VPC with a CIDR block for pods and zone ids."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.engine

ZONES = ("us-east-1a", "us-east-1b")


@pytest.fixture
def existing(project: Any) -> Iterator[dict[str, Any]]:
    """A VPC with private subnets and a NAT gateway, without the settings that EKS and load balancers require."""
    ec2 = project.sandbox.aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.88.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.88.{16 * number}.0/20", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate((*ZONES, ZONES[0]))
    ]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[2], AllocationId=address)["NatGateway"]["NatGatewayId"]
    for members, target in ((subnets[:2], {"NatGatewayId": nat}), (subnets[2:], {"GatewayId": gateway})):
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        for subnet in members:
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    yield {"vpcId": vpc, "privateSubnets": dict(zip(ZONES, subnets, strict=False))}
    project.pulumi("destroy", "--yes", "--stack", "local", check=False)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.release_address(AllocationId=address)
    for table in ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]:
        own = [each for each in table["Associations"] if not each["Main"]]
        for association in own:
            ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
        if own:
            ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc)


def described(ec2: Any, vpc: str) -> list[Any]:
    """The settings of the VPC that a stack could change."""
    here = [{"Name": "vpc-id", "Values": [vpc]}]
    return [
        ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"],
        ec2.describe_route_tables(Filters=here)["RouteTables"],
        [{**each, "AvailableIpAddressCount": 0} for each in ec2.describe_subnets(Filters=here)["Subnets"]],
        ec2.describe_internet_gateways()["InternetGateways"],
    ]


def test_an_existing_vpc_is_rejected_until_it_is_suitable_and_is_not_changed(
    project: Any, existing: dict[str, Any]
) -> None:
    ec2 = project.sandbox.aws("ec2")
    vpc, subnets = existing["vpcId"], [*existing["privateSubnets"].values()]
    project.edit("network", value={"existing": existing, "interfaceEndpoints": ["sts"]})
    keys = project.sandbox.aws("kms").list_keys()["Keys"]

    done = project.pulumi("up", "--yes", "--stack", "local", check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"{vpc} has enableDnsHostnames disabled" in output
    assert "the tag kubernetes.io/role/internal-elb=1 is missing" in output
    assert "Traceback" not in output
    assert project.sandbox.aws("kms").list_keys()["Keys"] == keys, "resources were created before the check"

    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    ec2.create_tags(Resources=subnets, Tags=[{"Key": "kubernetes.io/role/internal-elb", "Value": "1"}])
    before = described(ec2, vpc)
    project.pulumi("up", "--yes", "--stack", "local")
    eks = project.sandbox.aws("eks")
    (name,) = eks.list_clusters()["clusters"]
    cluster = eks.describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]
    assert (cluster["vpcId"], sorted(cluster["subnetIds"])) == (vpc, sorted(subnets))
    assert project.preview() == []

    project.pulumi("destroy", "--yes", "--stack", "local")
    assert described(ec2, vpc) == before


def test_pods_have_their_own_cidr_block_in_four_zones_without_internet_access(project: Any) -> None:
    zones = {"use1-az6": "us-east-1a", "use1-az1": "us-east-1b", "use1-az2": "us-east-1c", "use1-az4": "us-east-1d"}
    closed = {"nat": "none", "endpointPreset": "private"}
    project.edit("network", value={"cidr": "10.89.0.0/16", "zones": [*zones], "podCidr": "100.64.0.0/16", **closed})
    # A private network rejects images and models from the internet.
    project.edit("images", value={"repositories": {"serving": {}}})
    for section in ("inference", "workloads"):
        project.edit(section, value={})
    project.pulumi("up", "--yes", "--stack", "local")

    ec2, eks = project.sandbox.aws("ec2"), project.sandbox.aws("eks")
    (name,) = eks.list_clusters()["clusters"]
    values = eks.describe_addon(clusterName=name, addonName="vpc-cni")["addon"]["configurationValues"]
    pods = {zone: each["id"] for zone, each in json.loads(values)["eniConfig"]["subnets"].items()}
    subnets = ec2.describe_subnets(SubnetIds=[*pods.values()])["Subnets"]
    assert {each["SubnetId"]: each["AvailabilityZone"] for each in subnets} == {id: zone for zone, id in pods.items()}
    assert [*pods] == [*zones.values()]
    assert {each["CidrBlock"] for each in subnets} == {f"100.64.{64 * number}.0/18" for number in range(4)}
    assert {each["State"] for each in ec2.describe_nat_gateways()["NatGateways"]} <= {"deleted"}
    assert project.preview() == []
