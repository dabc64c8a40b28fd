import json
from typing import Any

import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import Network, Vpc
from mlplatform.testing import Plan, declare
from mlplatform.vpcs import NEEDED_WITHOUT_NAT, Nat, endpoint_service, flow_log_policy

ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]


def network(**vpc: Any) -> Plan:
    wanted = Vpc(**{"zones": ZONES[:2], **vpc})
    return declare(lambda: Network("net", {"vpc": wanted, "region": "us-east-1", "logs_key_arn": "arn:key"}))


@pytest.mark.parametrize(("nat", "gateways"), [("perZone", 3), ("single", 1)])
def test_nat_gateways_are_as_many_as_asked_for(nat: str, gateways: int) -> None:
    plan = network(nat=nat, zones=ZONES)
    assert len(plan.of(aws.ec2.NatGateway)) == len(plan.of(aws.ec2.Eip)) == gateways
    assert len(plan.of(aws.ec2.Route)) == 1 + len(ZONES)


def test_each_zone_leaves_through_its_own_gateway() -> None:
    routes = {each.name: each.inputs.get("natGatewayId") for each in network(nat="perZone").of(aws.ec2.Route)}
    assert routes["net-private-us-east-1a-internet"] == "net-nat-us-east-1a-id"
    assert routes["net-private-us-east-1b-internet"] == "net-nat-us-east-1b-id"


def test_a_single_gateway_serves_all_zones() -> None:
    routes = [each.inputs.get("natGatewayId") for each in network(nat="single").of(aws.ec2.Route)]
    assert routes.count("net-nat-us-east-1a-id") == 2


def test_without_nat_nothing_leads_to_the_internet() -> None:
    plan = network(nat="none", interface_endpoints=[*NEEDED_WITHOUT_NAT])
    for kind in (aws.ec2.Route, aws.ec2.InternetGateway, aws.ec2.NatGateway, aws.ec2.Eip):
        assert plan.of(kind) == []
    assert {each.name.split("-")[1] for each in plan.of(aws.ec2.Subnet)} == {"private"}


def test_without_nat_the_endpoints_that_nodes_need_are_required() -> None:
    with pytest.raises(ValidationError, match=r"interfaceEndpoints needs ec2, ecr\.api, .* with nat none"):
        Vpc(zones=ZONES, nat=Nat.NONE)


def test_no_subnet_hands_out_public_addresses() -> None:
    assert {each.inputs["mapPublicIpOnLaunch"] for each in network().of(aws.ec2.Subnet)} == {False}


def test_the_default_security_group_has_no_rules() -> None:
    group = network().one(aws.ec2.DefaultSecurityGroup)
    assert (group.inputs["ingress"], group.inputs["egress"]) == ([], [])


def test_all_traffic_is_logged_and_the_log_is_encrypted() -> None:
    plan = network(flow_log_days=90)
    assert plan.one(aws.ec2.FlowLog).inputs["trafficType"] == "ALL"
    group = plan.one(aws.cloudwatch.LogGroup)
    assert (group.inputs["kmsKeyId"], group.inputs["retentionInDays"]) == ("arn:key", 90)


def test_gateway_endpoints_reach_every_private_route_table() -> None:
    for endpoint in network().of(aws.ec2.VpcEndpoint):
        assert endpoint.inputs["routeTableIds"] == [
            "net-private-us-east-1a-routes-id",
            "net-private-us-east-1b-routes-id",
        ]


def test_interface_endpoints_are_open_to_the_network_alone() -> None:
    plan = network(interface_endpoints=["ecr.api"])
    endpoint = plan.one(aws.ec2.VpcEndpoint, "net-ecr-api-endpoint")
    assert endpoint.inputs["serviceName"] == "com.amazonaws.us-east-1.ecr.api"
    assert endpoint.inputs["privateDnsEnabled"] is True
    rule = plan.one(aws.vpc.SecurityGroupIngressRule)
    assert (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("10.0.0.0/16", 443, 443)


def test_the_flow_log_writes_to_its_own_group_only() -> None:
    (statement,) = json.loads(flow_log_policy("arn:group"))["Statement"]
    assert statement["Resource"] == ["arn:group", "arn:group:*"]


def test_endpoints_in_china_have_names_of_their_own() -> None:
    assert endpoint_service("s3", "cn-north-1") == "com.amazonaws.cn-north-1.s3"


@pytest.mark.parametrize(
    ("vpc", "message"),
    [
        ({"cidr": "10.0.0.0/15"}, "allowed: /16 to /24"),
        ({"cidr": "10.0.0.0/25"}, "allowed: /16 to /24"),
        ({"cidr": "10.0.0.1/16"}, "allowed: the network's first address, 10.0.0.0/16"),
        ({"cidr": "8.8.0.0/16"}, "allowed: private addresses"),
        ({"zones": ["us-east-1a", "us-east-1a"]}, "allowed: each zone once"),
        ({"flow_log_days": 31}, "allowed: 1, 3, 5"),
    ],
)
def test_a_network_that_aws_would_refuse_is_refused_first(vpc: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Vpc(**{"zones": ZONES, **vpc})


@pytest.mark.parametrize("cidr", ["127.0.0.0/16", "169.254.0.0/16", "198.18.0.0/16", "100.64.0.0/16"])
def test_addresses_that_are_kept_for_other_uses_are_refused(cidr: str) -> None:
    with pytest.raises(ValidationError, match="allowed: private addresses"):
        Vpc(cidr=cidr, zones=["us-east-1a", "us-east-1b"])


def test_an_endpoint_is_named_once() -> None:
    with pytest.raises(ValidationError, match="allowed: each service once"):
        Vpc(zones=["us-east-1a", "us-east-1b"], interface_endpoints=["sts", "sts"])


def test_private_subnets_are_found_by_their_zones() -> None:
    def program() -> None:
        made = Network("network", {"vpc": Vpc(zones=["us-east-1a", "us-east-1b"]), "region": "r", "logs_key_arn": "k"})
        found.extend((made.private_subnets_in(["us-east-1b"]), made.private_subnets_in([])))
        with pytest.raises(KeyError):
            made.private_subnets_in(["us-east-1c"])

    found: list[Any] = []
    declare(program)
    one, all_of_them = found
    assert (len(one), len(all_of_them)) == (1, 2)
    assert one[0] is all_of_them[1]
