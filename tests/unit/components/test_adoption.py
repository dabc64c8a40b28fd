"""An existing VPC: problems are reported before anything is created, and the VPC is not changed."""

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from accounts import VPC, Account
from mlplatform import Network, NetworkSpec
from mlplatform.foundation.network import preflight
from mlplatform.foundation.network.survey import Question
from mlplatform.testing import ACCOUNT_ID, PROJECT, STACK, Plan, declare

PRIVATE = {"us-east-1a": "subnet-aaaaaaaa", "use1-az1": "subnet-bbbbbbbb"}
PUBLIC = {"us-east-1a": "subnet-cccccccc"}
PODS = {"us-east-1a": "subnet-dddddddd", "use1-az1": "subnet-eeeeeeee"}
EXISTING: dict[str, Any] = {"vpcId": VPC, "privateSubnets": PRIVATE}
OURS = {"mlplatform:stack": f"{PROJECT}/{STACK}"}
ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "sts")


HUB = "inference.chat.image is vllm/vllm-openai:v1"


def adopted(account: Account, outside: Sequence[str] = (), **vpc: Any) -> Plan:
    spec = NetworkSpec.model_validate({"existing": EXISTING, **vpc})
    args: Any = {
        "vpc": spec,
        "region": "us-east-1",
        "account_id": ACCOUNT_ID,
        "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
    }
    wanted = {"nodes": {"us-east-1a": 2, "use1-az1": 1}, "services": {"sqs": "queues"}, "outside": [*outside]}
    return declare(lambda: Network("net", {**args, **wanted}), look_ups=account.look_ups())


def refused(account: Account, outside: Sequence[str] = (), **vpc: Any) -> str:
    with pytest.raises(pulumi.RunError) as error:
        adopted(account, outside, **vpc)
    first, *rest = str(error.value).splitlines()
    assert first == f"the VPC {VPC} can't be used as it is:"
    return "\n".join(rest)


def test_the_existing_vpc_and_subnets_are_used_and_not_created() -> None:
    plan = adopted(Account(), existing={**EXISTING, "publicSubnets": PUBLIC, "podSubnets": PODS})
    assert [each for each in plan if each.custom] == []
    outputs = plan.outputs["net"]
    assert (outputs["vpc_id"], outputs["private_subnet_ids"]) == (VPC, [*PRIVATE.values()])
    assert outputs["public_subnet_ids"] == ["subnet-cccccccc"]
    assert outputs["pod_subnet_ids"] == {"us-east-1a": "subnet-dddddddd", "us-east-1b": "subnet-eeeeeeee"}


def test_flow_logs_and_endpoints_are_created_if_the_file_sets_them() -> None:
    existing = {**EXISTING, "flowLogs": True, "gatewayEndpoints": True}
    plan = adopted(Account(), existing=existing, interfaceEndpoints=["sts"])
    assert plan.one(aws.ec2.FlowLog).inputs["vpcId"] == VPC
    gateway = plan.one(aws.ec2.VpcEndpoint, "net-s3-endpoint")
    assert (gateway.inputs["vpcId"], gateway.inputs["routeTableIds"]) == (VPC, ["rtb-a", "rtb-main"])
    assert plan.one(aws.ec2.VpcEndpoint, "net-sts-endpoint").inputs["subnetIds"] == [*PRIVATE.values()]
    assert plan.one(aws.vpc.SecurityGroupIngressRule).inputs["cidrIpv4"] == "10.8.0.0/16"
    assert plan.of(aws.ec2.Subnet) == plan.of(aws.ec2.Vpc) == plan.of(aws.ec2.Route) == []


def test_private_subnets_are_found_by_the_zones_of_the_file() -> None:
    found: list[Any] = []
    spec = NetworkSpec.model_validate({"existing": EXISTING})
    args: Any = {
        "vpc": spec,
        "region": "us-east-1",
        "account_id": ACCOUNT_ID,
        "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
    }
    declare(lambda: found.extend(Network("net", args).private_subnets_in(["use1-az1"])), look_ups=Account().look_ups())
    assert len(found) == 1


Break = Callable[[Account], object]

BREAKS: list[tuple[Break, str]] = [
    (lambda it: it.vpc.update(enableDnsSupport=False), "enableDnsSupport disabled; .*--enable-dns-support Value=true"),
    (lambda it: it.vpc.update(enableDnsHostnames=False), "enableDnsHostnames disabled; .*--enable-dns-hostnames"),
    (
        lambda it: it.subnets["subnet-aaaaaaaa"].update(vpcId="vpc-00000000"),
        f"privateSubnets.us-east-1a is subnet-aaaaaaaa, which is in vpc-00000000; allowed: subnets of {VPC}",
    ),
    (
        lambda it: it.subnets["subnet-bbbbbbbb"].update(availabilityZone="us-east-1c"),
        r"privateSubnets.use1-az1 is subnet-bbbbbbbb, which is in us-east-1c \(use1-az2\); allowed: a subnet in",
    ),
    (
        lambda it: it.tables.update({"subnet-aaaaaaaa": "rtb-public"}),
        "privateSubnets.us-east-1a is subnet-aaaaaaaa, whose default route leads to an internet gateway",
    ),
    (
        lambda it: it.tables.update({"subnet-cccccccc": "rtb-a"}),
        "publicSubnets.us-east-1a is subnet-cccccccc, whose default route does not lead to an internet gateway",
    ),
    (
        lambda it: [subnet["tags"].clear() for subnet in it.subnets.values()],
        "subnet-aaaaaaaa, subnet-bbbbbbbb: the tag kubernetes.io/role/internal-elb=1 is missing, .*aws ec2 create-tags",
    ),
    (
        lambda it: it.subnets["subnet-bbbbbbbb"].update(availableIpAddressCount=48),
        "subnet-bbbbbbbb has 48 free addresses; needed: 49, for the control plane and the nodes in use1",
    ),
    (
        lambda it: [subnet.update(availableIpAddressCount=81) for subnet in it.subnets.values()],
        "^subnet-aaaaaaaa has 81 free addresses; needed: 82, .* in us-east-1a .2 at first.* separate subnets for pods",
    ),
    (
        lambda it: it.closed(),
        "subnet-aaaaaaaa has no default route, .* of ec2, ecr.api, ecr.dkr, eks, eks-auth, logs, sts, sqs, s3, which",
    ),
    (
        lambda it: (it.closed(), [it.endpoint(service) for service in (*ENDPOINTS, "sqs")]),
        r"subnet-bbbbbbbb has no default route, .* of s3, which",
    ),
    (
        lambda it: (it.closed(), [it.endpoint(service, privateDnsEnabled=False) for service in ENDPOINTS]),
        r"no endpoint \(with private DNS names\) of ec2, ",
    ),
]


@pytest.mark.parametrize(("break_", "message"), BREAKS, ids=[message[:40] for _, message in BREAKS])
def test_a_problem_is_reported_with_its_remedy(break_: Break, message: str) -> None:
    account = Account()
    break_(account)
    text = refused(account, existing={**EXISTING, "publicSubnets": PUBLIC})
    assert re.search(message, text), text


def test_all_problems_are_reported_at_once() -> None:
    account = Account()
    for break_, _ in (BREAKS[0], BREAKS[6], BREAKS[9]):
        break_(account)
    assert len(refused(account).splitlines()) == 4


def test_a_closed_network_with_all_endpoints_is_accepted() -> None:
    account = Account()
    account.closed()
    for service in (*ENDPOINTS, "sqs"):
        account.endpoint(service)
    account.endpoint("s3", routeTableIds=["rtb-a", "rtb-main"])
    assert adopted(account).outputs["net"]["vpc_id"] == VPC


def test_endpoints_to_be_created_make_services_reachable() -> None:
    account = Account()
    account.closed()
    plan = adopted(account, existing={**EXISTING, "gatewayEndpoints": True}, endpointPreset="private")
    assert len(plan.of(aws.ec2.VpcEndpoint)) == len(ENDPOINTS) + 3  # sqs, s3, dynamodb


def test_an_existing_interface_endpoint_is_rejected_unless_it_belongs_to_the_stack() -> None:
    account = Account()
    account.endpoint("sts")
    assert "already has endpoints of sts;" in refused(account, interfaceEndpoints=["sts"])
    account.endpoint("sts", tags=OURS)
    assert len(adopted(account, interfaceEndpoints=["sts"]).of(aws.ec2.VpcEndpoint)) == 1


def test_an_existing_gateway_endpoint_is_rejected_unless_it_belongs_to_the_stack() -> None:
    account, existing = Account(), {**EXISTING, "gatewayEndpoints": True}
    account.endpoint("s3", routeTableIds=["rtb-a", "rtb-other"])
    text = refused(account, existing=existing)
    assert text.startswith("rtb-a already has a route to an endpoint of s3 (vpce-s3) and can't have a second one")
    account.endpoint("s3", routeTableIds=["rtb-a"], tags=OURS)
    assert len(adopted(account, existing=existing).of(aws.ec2.VpcEndpoint)) == 2


def test_free_addresses_are_not_checked_once_the_stack_uses_the_subnets() -> None:
    account = Account()
    for subnet in account.subnets.values():
        subnet["availableIpAddressCount"] = 3
    assert "free addresses" in refused(copy.deepcopy(account))
    account.interfaces = ["eni-1"]
    assert adopted(account).outputs["net"]["vpc_id"] == VPC


def test_tags_and_endpoints_of_a_shared_vpc_are_not_checked() -> None:
    account = Account()
    account.vpc["ownerId"] = "210987654321"
    account.closed()
    for subnet in account.subnets.values():
        subnet["tags"] = {}
    assert adopted(account).outputs["net"]["vpc_id"] == VPC
    account.vpc["enableDnsSupport"] = False
    assert refused(account).count("\n") == 0


def test_what_only_the_owner_of_a_shared_vpc_can_create_is_refused() -> None:
    account = Account()
    account.vpc["ownerId"] = "210987654321"
    existing = {**EXISTING, "flowLogs": True, "gatewayEndpoints": True}
    only = f"{VPC} is shared by another account, and only its owner can create"
    assert refused(account, existing=existing, interfaceEndpoints=["sts", "sqs"]) == (
        f"{only} flow logs in it. Let the owner create them, and set existing.flowLogs: false\n"
        f"{only} gateway endpoints in it. Let the owner create them, and set existing.gatewayEndpoints: false\n"
        f"{only} endpoints of sts, sqs in it. Let the owner create them, and set endpointPreset: none and no "
        "interfaceEndpoints"
    )


def test_nodes_need_one_address_each_if_pods_have_separate_subnets() -> None:
    account = Account()
    for id in PRIVATE.values():
        account.subnets[id]["availableIpAddressCount"] = 40
    existing = {**EXISTING, "podSubnets": PODS}
    assert adopted(account, existing=existing).outputs["net"]["vpc_id"] == VPC
    for id in PODS.values():
        account.subnets[id]["availableIpAddressCount"] = 40
    text = refused(account, existing=existing)
    assert text == (
        "subnet-dddddddd has 40 free addresses; needed: 64, for pods on the nodes in us-east-1a (2 at first). Free "
        "some, or use a larger subnet"
    )


def test_internet_access_requires_a_default_route_in_every_private_subnet() -> None:
    account = Account()
    assert adopted(account, [HUB]).outputs["net"]["vpc_id"] == VPC
    account.closed()
    existing: dict[str, Any] = {"existing": {**EXISTING, "gatewayEndpoints": True}, "endpointPreset": "private"}
    assert adopted(account, **existing).outputs["net"]["vpc_id"] == VPC
    text = refused(account, [HUB], **existing)
    assert text.startswith(f"subnet-aaaaaaaa, subnet-bbbbbbbb have no default route, but {HUB}. Route 0.0.0.0/0 to")
    account.routes["rtb-main"] = [{"cidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1"}]
    assert refused(account, [HUB], **existing).startswith("subnet-aaaaaaaa has no default route, but")
    account.vpc["ownerId"] = "210987654321"
    assert refused(account, [HUB]).startswith("subnet-aaaaaaaa has no default route, but")


POOLS = {"cluster.system": (["m7i.large"], []), "gpuPools.training": (["p5.48xlarge"], ["us-east-1b"])}


def offers(there: Mapping[str, list[str]]) -> dict[str, Any]:
    pairs = [(type, zone) for type, zones in there.items() for zone in zones]
    answer = {"id": "r", "instanceTypes": [pair[0] for pair in pairs], "locations": [pair[1] for pair in pairs]}
    return {"aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": answer}


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (
            {"m7i.large": ["us-east-1a", "us-east-1b"], "p5.48xlarge": ["us-east-1a", "us-east-1d"]},
            "gpuPools.training.instanceTypes has p5.48xlarge, which AWS offers in us-east-1a, us-east-1d; allowed",
        ),
        (
            {"m7i.large": ["us-east-1a"], "p5.48xlarge": ["us-east-1b"]},
            "cluster.system.zones has us-east-1b; allowed: us-east-1a, since AWS offers none of m7i.large in the "
            "others",
        ),
        (
            {"m7i.large": ["us-east-1a", "us-east-1b"]},
            "gpuPools.training.instanceTypes has p5.48xlarge, which AWS offers in no zone of the region; allowed",
        ),
    ],
)
def test_a_pool_whose_zones_lack_its_types_is_rejected_with_the_zones_that_have_them(
    there: Mapping[str, list[str]], message: str
) -> None:
    vpc = NetworkSpec(zones=["us-east-1a", "us-east-1b"])
    with pytest.raises(pulumi.RunError, match=message):
        declare(lambda: preflight.check(Question(vpc, "us-east-1"), POOLS), look_ups=offers(there))


def test_pools_in_zones_by_id_are_matched_with_the_account_s_names() -> None:
    vpc = NetworkSpec(zones=["use1-az6", "use1-az1"])
    there = offers({"m7i.large": ["us-east-1a", "us-east-1b"], "p5.48xlarge": ["us-east-1b"]})
    pools = {**POOLS, "gpuPools.training": (["p5.48xlarge"], ["use1-az1"])}
    declare(lambda: preflight.check(Question(vpc, "us-east-1"), pools), look_ups=there)


def test_the_existing_network_is_checked_before_anything_else_is_declared() -> None:
    account = Account()
    account.vpc["enableDnsSupport"] = False
    vpc = NetworkSpec.model_validate({"existing": EXISTING})
    with pytest.raises(pulumi.RunError, match="enableDnsSupport disabled"):
        declare(lambda: preflight.check(Question(vpc, "us-east-1"), POOLS), look_ups=account.look_ups())


def test_earlier_lookups_are_not_repeated() -> None:
    spec = NetworkSpec.model_validate({"existing": EXISTING})
    args: Any = {"vpc": spec, "region": "us-east-1", "account_id": ACCOUNT_ID, "nodes": {"us-east-1a": 1}}
    args["logs_key_arn"] = "arn:aws:kms:us-east-1:123456789012:key/key"

    def asked(nodes: dict[str, int]) -> list[str]:
        def program() -> None:
            known = preflight.check(Question(spec, "us-east-1", nodes=nodes), {})
            Network.surveyed(known, "net", args)

        plan = declare(program, look_ups=Account().look_ups())
        assert plan.outputs["net"]["vpc_id"] == VPC
        return [each.token for each in plan.asked]

    once, again = asked({"us-east-1a": 1}), asked({})
    assert once.count("aws:ec2/getVpc:getVpc") == 1 and once.count("aws:ec2/getSubnet:getSubnet") == 2
    assert once.count("aws:index/getAvailabilityZones:getAvailabilityZones") == 1
    # For other arguments, the lookups are done again.
    assert again.count("aws:ec2/getVpc:getVpc") == 2
