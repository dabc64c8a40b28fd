import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import Network, NetworkSpec
from mlplatform.foundation.network import flow_log
from mlplatform.foundation.network.endpoint_services import NODES_NEED
from mlplatform.foundation.network.spec import Nat
from mlplatform.testing import ACCOUNT_ID, Plan, declare

ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]
ARGS: Any = {
    "region": "us-east-1",
    "account_id": ACCOUNT_ID,
    "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
}


def network(args: Any = None, **vpc: Any) -> Plan:
    wanted = NetworkSpec(**{"zones": ZONES[:2], **vpc})
    return declare(lambda: Network("net", {"vpc": wanted, **ARGS, **(args or {})}))


@pytest.mark.parametrize(("nat", "gateways"), [("perZone", 3), ("single", 1)])
def test_the_number_of_nat_gateways_follows_nat(nat: str, gateways: int) -> None:
    plan = network(nat=nat, zones=ZONES)
    assert len(plan.of(aws.ec2.NatGateway)) == len(plan.of(aws.ec2.Eip)) == gateways
    assert len(plan.of(aws.ec2.Route)) == 1 + len(ZONES)


@pytest.mark.parametrize("nat", ["perZone", "single"])
def test_every_zone_has_a_public_subnet_since_a_load_balancer_needs_two(nat: str) -> None:
    plan = network(nat=nat)
    public = [each for each in plan.of(aws.ec2.Subnet) if each.inputs["tags"].get("kubernetes.io/role/elb") == "1"]
    assert [each.inputs["availabilityZone"] for each in public] == ZONES[:2]
    routed = {each.inputs["subnetId"] for each in plan.of(aws.ec2.RouteTableAssociation) if "public" in each.name}
    assert routed == {each.id for each in public}
    assert plan.outputs["net"]["public_subnet_ids"] == [each.id for each in public]


def test_each_zone_uses_its_own_nat_gateway() -> None:
    routes = {each.name: each.inputs.get("natGatewayId") for each in network(nat="perZone").of(aws.ec2.Route)}
    assert routes["net-private-us-east-1a-internet"] == "net-nat-us-east-1a-id"
    assert routes["net-private-us-east-1b-internet"] == "net-nat-us-east-1b-id"


def test_all_zones_can_share_a_single_nat_gateway() -> None:
    routes = [each.inputs.get("natGatewayId") for each in network(nat="single").of(aws.ec2.Route)]
    assert routes.count("net-nat-us-east-1a-id") == 2


def test_without_nat_there_is_no_route_to_the_internet() -> None:
    plan = network(nat="none", interface_endpoints=[*NODES_NEED])
    for kind in (aws.ec2.Route, aws.ec2.InternetGateway, aws.ec2.NatGateway, aws.ec2.Eip):
        assert plan.of(kind) == []
    assert {each.name.split("-")[1] for each in plan.of(aws.ec2.Subnet)} == {"private"}


def test_without_nat_the_endpoints_that_nodes_need_are_required() -> None:
    with pytest.raises(ValidationError, match=r"interfaceEndpoints has no ec2, ecr\.api, .* nat is none"):
        NetworkSpec(zones=ZONES, nat=Nat.NONE)


def test_no_subnet_assigns_public_addresses() -> None:
    assert {each.inputs["mapPublicIpOnLaunch"] for each in network().of(aws.ec2.Subnet)} == {False}


def test_the_default_security_group_has_no_rules() -> None:
    group = network().one(aws.ec2.DefaultSecurityGroup)
    assert (group.inputs["ingress"], group.inputs["egress"]) == ([], [])


def test_all_traffic_is_logged_and_the_log_is_encrypted() -> None:
    plan = network(flow_log_days=90)
    assert plan.one(aws.ec2.FlowLog).inputs["trafficType"] == "ALL"
    group = plan.one(aws.cloudwatch.LogGroup)
    assert (group.inputs["kmsKeyId"], group.inputs["retentionInDays"]) == (
        "arn:aws:kms:us-east-1:123456789012:key/key",
        90,
    )


def test_gateway_endpoints_are_in_every_private_route_table() -> None:
    for endpoint in network().of(aws.ec2.VpcEndpoint):
        assert endpoint.inputs["routeTableIds"] == [
            "net-private-us-east-1a-routes-id",
            "net-private-us-east-1b-routes-id",
        ]


def test_interface_endpoints_allow_only_the_network() -> None:
    plan = network(interface_endpoints=["ecr.api"])
    endpoint = plan.one(aws.ec2.VpcEndpoint, "net-ecr-api-endpoint")
    assert endpoint.inputs["serviceName"] == "com.amazonaws.us-east-1.ecr.api"
    assert endpoint.inputs["privateDnsEnabled"] is True
    rule = plan.one(aws.vpc.SecurityGroupIngressRule)
    assert (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("10.0.0.0/16", 443, 443)


def test_the_flow_log_writes_to_its_own_group_only() -> None:
    statement, _ = json.loads(flow_log.policy("arn:group"))["Statement"]
    assert statement["Resource"] == ["arn:group", "arn:group:*"]


@pytest.mark.parametrize(
    ("vpc", "message"),
    [
        ({"cidr": "10.0.0.0/15"}, "allowed: /16 to /24"),
        ({"cidr": "10.0.0.0/25"}, "allowed: /16 to /24"),
        ({"cidr": "10.0.0.1/16"}, "allowed: the network's first address, 10.0.0.0/16"),
        ({"cidr": "8.8.0.0/16"}, "allowed: addresses that are not used on the internet"),
        ({"cidr": "10.0.0.0/255.255.0.0"}, "allowed: the prefix length in bits"),
        ({"cidr": "10.0.0.0"}, "allowed: an address and a prefix"),
        ({"cidr": "fd00::/48"}, "this is IPv6"),
        ({"zones": ["us-east-1a", "us-east-1a"]}, "allowed: each entry once"),
        ({"zones": ["us-east-1a"]}, r"zones has too few entries \(1\); allowed: 2 to 5"),
        ({"zones": ["us-west-2a", "us-west-2-lax-1a"]}, "no control plane in local zones"),
        ({"zones": ["usw2-az1", "usw2-lax1-az1"]}, "no control plane in local zones"),
        ({"zones": ["us-east-1a", "us-east-1-wl1-bos-wlz-1"]}, "no control plane in Wavelength zones"),
        ({"zones": ["use1-az1", "use1-az3"]}, "since EKS has no control plane there"),
        ({"zones": ["us-east-1a", "us-east-1"]}, "allowed: names or ids of availability zones"),
        ({"flow_log_days": 31}, "allowed: 1, 3, 5"),
        ({"interface_endpoints": ["s4"]}, "s4: allowed: services with an interface endpoint, e.g. s3"),
        (
            {"interface_endpoints": ["com.amazonaws.us-east-1.sts"]},
            "allowed: services with an interface endpoint, e.g. sts",
        ),
        ({"pod_cidr": "10.0.0.0/18"}, r"allowed: a block outside cidr \(10\.0\.0\.0/16\)"),
        ({"pod_cidr": "172.16.0.0/16"}, r"allowed: a block of 100\.64\.0\.0/10 or 10\.0\.0\.0/8"),
        ({"pod_cidr": "100.64.0.0/12"}, "allowed: /16 to /22"),
        ({"pod_cidr": "fd00::/48"}, "this is IPv6"),
    ],
)
def test_an_invalid_network_is_rejected(vpc: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NetworkSpec(**{"zones": ZONES, **vpc})


@pytest.mark.parametrize("cidr", ["127.0.0.0/16", "169.254.0.0/16", "198.18.0.0/16", "224.0.0.0/16"])
def test_addresses_for_other_uses_are_rejected(cidr: str) -> None:
    with pytest.raises(ValidationError, match="allowed: addresses that are not used on the internet"):
        NetworkSpec(cidr=cidr, zones=["us-east-1a", "us-east-1b"])


@pytest.mark.parametrize("cidr", ["100.64.0.0/16", "100.127.0.0/20", "198.19.0.0/16", "172.17.0.0/16"])
def test_addresses_that_a_vpc_may_have_are_accepted(cidr: str) -> None:
    assert network(cidr=cidr).one(aws.ec2.Vpc).inputs["cidrBlock"] == cidr


def test_an_endpoint_can_be_listed_only_once() -> None:
    with pytest.raises(ValidationError, match="allowed: each entry once"):
        NetworkSpec(zones=["us-east-1a", "us-east-1b"], interface_endpoints=["sts", "sts"])


def test_private_subnets_are_found_by_their_zones() -> None:
    def program() -> None:
        made = Network("network", {"vpc": NetworkSpec(zones=["us-east-1a", "use1-az1"]), **ARGS})
        found.extend((made.private_subnets_in(["use1-az1"]), made.private_subnets_in([])))
        with pytest.raises(KeyError):
            made.private_subnets_in(["us-east-1c"])

    found: list[Any] = []
    declare(program)
    one, all_of_them = found
    assert (len(one), len(all_of_them)) == (1, 2)
    assert one[0] is all_of_them[1]


def test_a_zone_by_its_id_is_the_same_in_every_account() -> None:
    subnets = network(zones=["use1-az1", "us-east-1a"]).of(aws.ec2.Subnet)
    places = {
        each.name: (each.inputs.get("availabilityZone"), each.inputs.get("availabilityZoneId")) for each in subnets
    }
    assert places["net-private-use1-az1"] == (None, "use1-az1")
    assert places["net-private-us-east-1a"] == ("us-east-1a", None)


@pytest.mark.parametrize(
    ("zones", "message"),
    [
        # In the account of these tests. In another account, the name can differ.
        (
            ["us-east-1a", "us-east-1e"],
            r"zones has us-east-1e, where EKS has no control plane \(use1-az3\); allowed: us-",
        ),
        (["us-east-1a", "us-east-1x"], "zones has us-east-1x, which this account does not have in us-east-1"),
        (["us-east-1a", "use1-az6"], "zones has use1-az6, which is the same zone as us-east-1a"),
        (["us-east-1e", "us-east-1x"], "us-east-1e, where .*\n.*us-east-1x, which"),
    ],
)
def test_zones_that_the_account_cannot_use_are_rejected_before_anything_is_created(
    zones: list[str], message: str
) -> None:
    with pytest.raises(pulumi.RunError, match=message):
        network(zones=zones)


def test_five_zones_have_subnets_that_do_not_overlap() -> None:
    plan = network(zones=[f"us-east-1{letter}" for letter in "abcdf"])
    assert len({each.inputs["cidrBlock"] for each in plan.of(aws.ec2.Subnet)}) == 10


def test_pods_can_have_their_own_address_range() -> None:
    plan = network(pod_cidr="100.64.0.0/16", interface_endpoints=["sts"], zones=["us-east-1a", "use1-az1"])
    added = plan.one(aws.ec2.VpcIpv4CidrBlockAssociation)
    assert (added.inputs["vpcId"], added.inputs["cidrBlock"]) == ("net-vpc-id", "100.64.0.0/16")
    pods = [each for each in plan.of(aws.ec2.Subnet) if "-pods-" in each.name]
    assert [each.inputs["cidrBlock"] for each in pods] == ["100.64.0.0/17", "100.64.128.0/17"]
    assert all(added.urn in each.depends_on for each in pods)
    # Pods use the NAT gateway of their zone, and reach endpoints from their own addresses.
    tables = {each.inputs["subnetId"]: each.inputs["routeTableId"] for each in plan.of(aws.ec2.RouteTableAssociation)}
    ids = {each.name: each.id for each in plan.of(aws.ec2.Subnet)}
    assert (
        tables[ids["net-pods-us-east-1a"]]
        == tables[ids["net-private-us-east-1a"]]
        == "net-private-us-east-1a-routes-id"
    )
    rules = plan.of(aws.vpc.SecurityGroupIngressRule)
    assert [each.inputs["cidrIpv4"] for each in rules] == ["10.0.0.0/16", "100.64.0.0/16"]
    # The network plugin finds a node's subnet by the zone's name, even if the file has the zone's ID.
    assert plan.outputs["net"]["pod_subnet_ids"] == {
        "us-east-1a": ids["net-pods-us-east-1a"],
        "us-east-1b": ids["net-pods-use1-az1"],
    }


def test_without_a_pod_range_pods_share_the_private_subnets() -> None:
    plan = network()
    assert plan.outputs["net"]["pod_subnet_ids"] == {}
    assert plan.of(aws.ec2.VpcIpv4CidrBlockAssociation) == []


def test_the_private_preset_has_the_services_of_nodes_and_of_this_stack() -> None:
    plan = network(
        {"services": {"sqs": "queues of workloads.x"}},
        nat="none",
        endpoint_preset="private",
        interface_endpoints=["kms"],
    )
    interfaces = {
        each.inputs["serviceName"].removeprefix("com.amazonaws.us-east-1.")
        for each in plan.of(aws.ec2.VpcEndpoint)
        if each.inputs["vpcEndpointType"] == "Interface"
    }
    assert interfaces == {*NODES_NEED, "sqs", "kms"}


def test_the_flow_log_can_find_its_group_and_only_its_service_can_assume_its_role() -> None:
    group = "arn:aws:logs:us-east-1:123456789012:log-group:flows"
    found = next(each for each in json.loads(flow_log.policy(group))["Statement"] if "DescribeLogGroups" in str(each))
    assert found["Action"] == ["logs:DescribeLogGroups"]
    assert found["Resource"] == ["arn:aws:logs:us-east-1:123456789012:log-group:*"]
    (trust,) = json.loads(flow_log.trust("123456789012", "us-east-1", "aws"))["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ec2:us-east-1:123456789012:vpc-flow-log/*"},
    }
