"""An existing VPC, from EC2's API: the same problems as the component `Network` reports."""

from typing import Any

from healthy_account import ACCOUNT_WITH_VPC, EXISTING, VPC, A, B, found, subnet, table, tags
from mlpctl.doctor.asking import Refusal
from mlpctl.doctor.finding import Level


def problems(**changed: Any) -> list[tuple[str, str, str]]:
    account = {**ACCOUNT_WITH_VPC, **{f"ec2:{name}": answer for name, answer in changed.items()}}
    entries = found("network.existing", account, EXISTING)
    assert all(each.field == "network.existing" for each in entries)
    return [(each.fact, each.fix, each.source) for each in entries if each.level is Level.BLOCKS]


def test_a_vpc_that_can_be_used_is_reported_with_its_free_addresses() -> None:
    (entry,) = found("network.existing", ACCOUNT_WITH_VPC, EXISTING)
    assert entry.level is Level.PASSES
    assert entry.fact == f"{VPC} can be used; free addresses: {A} 4000, {B} 4000"


def test_each_problem_of_a_vpc_is_reported_with_its_remedy() -> None:
    one = subnet(B, "us-east-1b")
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"DescribeSubnets": [subnet(A, "us-east-1a", 10), one]}, f"{A} has 10 free addresses", "Free some"),
        (
            {"DescribeSubnets": [subnet(A, "us-east-1a", Tags=[]), one]},
            "internal-elb=1 is missing",
            "Run `aws ec2 create",
        ),
        (
            {"DescribeSubnets": [subnet(A, "us-east-1b"), one]},
            "which is in us-east-1b",
            "Allowed: a subnet in us-east-1a",
        ),
        (
            {"DescribeSubnets": [subnet(A, "us-east-1a", VpcId="vpc-2"), one]},
            "which is in vpc-2",
            "Allowed: subnets of",
        ),
        (
            {
                "DescribeVpcAttribute": lambda asked: {
                    asked.arguments["Attribute"].replace("e", "E", 1): {"Value": False}
                }
            },
            "enableDnsSupport disabled",
            "modify-vpc-attribute",
        ),
        ({"DescribeRouteTables": [table()]}, "no default route", "Route 0.0.0.0/0"),
        (
            {"DescribeRouteTables": [table({"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"})]},
            "leads to an internet gateway",
            "Allowed: private subnets",
        ),
    ]
    for changed, fact, fix in cases:
        reported = problems(**changed)
        assert any(fact in each[0] and fix in f"{each[0]} {each[1]}" for each in reported), (changed, reported)


def test_nodes_that_are_there_already_use_the_addresses() -> None:
    few = [subnet(A, "us-east-1a", 10), subnet(B, "us-east-1b", 10)]
    assert problems(DescribeSubnets=few)
    assert problems(DescribeSubnets=few, DescribeNetworkInterfaces=[{"NetworkInterfaceId": "eni-1"}]) == []


def test_every_kind_of_way_out_of_a_subnet_is_known() -> None:
    for way in (
        {"NatGatewayId": "nat-1"},
        {"TransitGatewayId": "tgw-1"},
        {"NetworkInterfaceId": "eni-1"},
        {"CoreNetworkArn": "arn:aws:networkmanager::1:core-network/a"},
        {"GatewayId": "vgw-1"},
        {"GatewayId": "vpce-1"},
    ):
        assert problems(DescribeRouteTables=[table({"DestinationCidrBlock": "0.0.0.0/0", **way})]) == [], way


def test_a_shared_vpc_is_recognized_by_its_owner() -> None:
    vpc = {**ACCOUNT_WITH_VPC["ec2:DescribeVpcs"][0], "OwnerId": "999900001111"}
    untagged = [subnet(A, "us-east-1a", Tags=[]), subnet(B, "us-east-1b", Tags=[])]
    assert problems(DescribeVpcs=[vpc], DescribeSubnets=untagged) == []


def test_endpoints_of_the_stack_itself_are_not_in_the_way() -> None:
    endpoint = {
        "VpcEndpointId": "vpce-1",
        "ServiceName": "com.amazonaws.us-east-1.s3",
        "VpcEndpointType": "Gateway",
        "RouteTableIds": ["rtb-1"],
        "State": "available",
    }
    edits = {"network": {"existing": {**EXISTING["network"]["existing"], "gatewayEndpoints": True}}}
    for more, level in (({}, Level.BLOCKS), ({"Tags": tags()}, Level.PASSES), ({"State": "deleted"}, Level.PASSES)):
        account = {**ACCOUNT_WITH_VPC, "ec2:DescribeVpcEndpoints": [{**endpoint, **more}]}
        assert found("network.existing", account, edits)[0].level is level


def test_a_vpc_that_does_not_exist_blocks_and_a_denied_lookup_does_not() -> None:
    ((fact, fix, source),) = problems(DescribeVpcs=Refusal("InvalidVpcID.NotFound", "The vpc ID does not exist"))
    assert (fact, source) == (f"The account has no {VPC} in us-east-1: The vpc ID does not exist", "ec2:DescribeVpcs")
    assert fix == "Correct the ID, the region or the account."
    account = {**ACCOUNT_WITH_VPC, "ec2:DescribeRouteTables": Refusal("UnauthorizedOperation", "no")}
    (entry,) = found("network.existing", account, EXISTING)
    assert (entry.level, entry.fix.split(" for ")[0]) == (Level.NOT_CHECKED, "Allow ec2:DescribeRouteTables")
