"""Networks that a model may call: DNS, the Pod Identity Agent, S3 if it uses a bucket, and those in its spec."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pydantic import ValidationError

from mlplatform import InferenceService, InferenceServiceSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.egress import POD_IDENTITY_AGENT, PRIVATE_NETWORKS
from mlplatform.grammar import METADATA_SERVICE
from mlplatform.serving.inference_service.pods import network_policy
from mlplatform.testing import declare

WORLD = "0.0.0.0/0"
INSIDE = ("10.1.2.3", "100.64.9.9", "172.20.0.10", "192.168.0.7", "198.19.4.4", "169.254.169.254")


def wanted(**more: Any) -> InferenceServiceSpec:
    return InferenceServiceSpec(**{"image": "server:v1", "pool": "inference", **more})


def blocks(rules: Sequence[Any]) -> Iterator[tuple[IPv4Network, list[IPv4Network], set[int]]]:
    for rule in rules:
        for to in rule["to"]:
            if block := to.get("ip_block"):
                left_out = [IPv4Network(each) for each in block.get("except_", [])]
                yield IPv4Network(block["cidr"]), left_out, {each["port"] for each in rule["ports"]}


def ports(address: str, s3_cidrs: Sequence[str] = (), own: Sequence[str] = (), **more: Any) -> set[int]:
    """The ports of an address that a model may call, by Kubernetes' evaluation of the policy."""
    there, found = IPv4Address(address), set()
    for network, left_out, there_open in blocks(network_policy("chat", wanted(**more), s3_cidrs, own)["egress"]):
        if there in network and not any(there in each for each in left_out):
            found |= there_open
    return found


@pytest.mark.parametrize("address", [*INSIDE, "203.0.113.5"])
def test_a_model_can_call_nothing_by_default(address: str) -> None:
    assert ports(address) == set()


def test_a_model_can_call_the_pod_identity_agent() -> None:
    assert ports("169.254.170.23") == {80}
    assert [str(network) for network, _, _ in blocks(network_policy("chat", wanted())["egress"])] == [
        POD_IDENTITY_AGENT
    ]


def test_a_model_that_uses_a_bucket_can_call_s3() -> None:
    assert ports("52.216.0.9", ["52.216.0.0/15"]) == {443}


@pytest.mark.parametrize("egress", [[WORLD], ["0.0.0.0/1", "128.0.0.0/1"], ["8.0.0.0/5", WORLD]])
@pytest.mark.parametrize("address", INSIDE)
def test_the_internet_does_not_include_private_networks(egress: list[str], address: str) -> None:
    assert ports(address, egress=egress) == set()
    assert ports("203.0.113.5", egress=egress) == {443}


@pytest.mark.parametrize("egress", [[WORLD], ["11.0.0.0/8"]])
def test_a_wider_network_does_not_include_the_vpc_s_own(egress: list[str]) -> None:
    """An existing VPC may have addresses that are not private."""
    own = ["11.5.0.0/16", "10.60.0.0/16"]
    assert ports("11.5.1.1", own=own, egress=egress) == set()
    assert ports("11.6.1.1", own=own, egress=egress) == {443}


@pytest.mark.parametrize("egress", [["10.60.0.0/18"], ["10.0.0.0/8"], [WORLD, "10.60.0.0/18"], [WORLD, "10.0.0.0/8"]])
def test_private_networks_are_allowed_if_they_are_listed(egress: list[str]) -> None:
    assert ports("10.60.1.1", own=["10.60.0.0/16"], egress=egress) == {443}
    assert ports("192.168.0.7", own=["10.60.0.0/16"], egress=egress) == set()


def test_other_ports_are_set_per_network() -> None:
    asked: Any = {"egress": ["10.0.8.0/24"], "egress_rules": [{"cidr": "10.0.8.0/24", "ports": [6379, 5432]}]}
    assert ports("10.0.8.1", **asked) == {443, 5432, 6379}
    assert ports("10.0.9.1", **asked) == set()
    assert ports("10.1.2.3", egress_rules=[{"cidr": WORLD, "ports": [5432]}]) == set()


def test_a_network_is_in_one_rule_only() -> None:
    """The VPC CNI may enforce only one of several rules for a network."""
    asked = wanted(egress=[WORLD, "10.0.8.0/24"], egress_rules=[{"cidr": WORLD, "ports": [5432]}])
    networks = [network for network, _, _ in blocks(network_policy("chat", asked, ["52.216.0.0/15"])["egress"])]
    assert len(networks) == len({*networks})


@pytest.mark.parametrize("own", [[], ["10.60.0.0/16", "11.5.0.0/16"]])
@pytest.mark.parametrize("egress", [[], [WORLD], ["8.0.0.0/5"], ["10.0.0.0/8", WORLD], ["169.254.0.0/16"]])
def test_exceptions_of_a_block_are_inside_the_block(egress: list[str], own: list[str]) -> None:
    for network, left_out, _ in blocks(network_policy("chat", wanted(egress=egress), [], own)["egress"]):
        assert all(each != network and each.subnet_of(network) for each in left_out)
        assert (IPv4Network(METADATA_SERVICE) in left_out) == IPv4Network(METADATA_SERVICE).subnet_of(network)


@pytest.mark.parametrize("cidr", ["internet", "10.0.0.1", "169.254.169.254/32", "127.0.0.0/8", "::/0"])
def test_an_invalid_network_is_rejected_in_egress(cidr: str) -> None:
    with pytest.raises(ValidationError, match=r"allowed: "):
        wanted(egress=[cidr])
    with pytest.raises(ValidationError, match=r"allowed: "):
        wanted(egress_rules=[{"cidr": cidr, "ports": [1]}])


@pytest.mark.parametrize("given", [[], [0], [65536], [True], ["443"], [1, 1], [*range(1, 26)]])
def test_ports_are_in_the_valid_range(given: list[Any]) -> None:
    with pytest.raises(ValidationError):
        InferenceServiceSpec.model_validate_json(
            InferenceServiceSpec.model_construct(image="a:1", pool="p").model_dump_json(exclude_unset=True)[:-1]
            + f', "egressRules": [{{"cidr": "10.0.0.0/8", "ports": {str(given).replace("True", "true")}}}]}}',
            strict=True,
        )


def test_two_rules_for_one_network_are_rejected() -> None:
    twice = [{"cidr": "10.0.0.0/8", "ports": [1]}, {"cidr": "10.0.0.0/8", "ports": [2]}]
    with pytest.raises(ValidationError, match=r"egressRules\[1\].cidr is 10.0.0.0/8; allowed: "):
        wanted(egress_rules=twice)


@pytest.mark.parametrize("later", [False, True])
def test_vpc_cidrs_must_be_networks(later: bool) -> None:
    def program(cidrs: list[str]) -> Any:
        value: Any = pulumi.Output.from_input(cidrs) if later else cidrs
        return InferenceService("chat", {"inference": wanted(egress=[WORLD]), "vpc_cidrs": value})

    policy = declare(lambda: program(["11.5.0.0/16"])).one(k8s.networking.v1.NetworkPolicy).inputs["spec"]
    (world,) = [to["ipBlock"] for rule in policy["egress"] for to in rule["to"] if to.get("ipBlock", {}).get("except")]
    assert world["except"] == [*PRIVATE_NETWORKS, "11.5.0.0/16", METADATA_SERVICE]
    with pytest.raises(ArgumentsError, match="vpc_cidrs has vpc; allowed: "):
        declare(lambda: program(["vpc"]))


def test_an_invalid_port_is_reported_with_its_path() -> None:
    asked: Any = {"image": "a:1", "pool": "p", "egressRules": [{"cidr": "10.0.0.0/8", "ports": [22, 0]}]}
    with pytest.raises(ArgumentsError, match=r"inference.egressRules.0.ports\[1\] is 0; allowed: 1 to 65535"):
        declare(lambda: InferenceService("chat", {"inference": asked}))


def rule(cidr: str, *ports: int) -> dict[str, Any]:
    return {"cidr": cidr, "ports": [*ports]}


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"egress": ["10.0.8.0/24"], "egress_rules": [rule("10.0.8.0/24", *range(9000, 9024))]}, 25),
        ({"egress_rules": [rule("10.0.0.0/8", *range(8000, 8020)), rule("10.0.8.0/24", *range(9000, 9020))]}, 40),
        ({"egress": ["10.0.0.0/8"], "egress_rules": [rule("10.0.8.0/24", *range(9000, 9024))]}, 25),
        ({"egress": [WORLD], "egress_rules": [rule("52.0.0.0/16", *range(9000, 9024))]}, 25),
        ({"egress": [WORLD, "10.0.0.0/8"], "egress_rules": [rule("10.0.8.0/24", *range(9000, 9024))]}, 25),
    ],
)
def test_a_network_with_its_wider_networks_has_at_most_the_enforced_number_of_ports(more: Any, count: int) -> None:
    with pytest.raises(ValidationError, match=f"egressRules has {count} ports for .*; allowed: 24, which is"):
        wanted(**more)


@pytest.mark.parametrize(
    "more",
    [
        {"egress": ["10.0.8.0/24"], "egress_rules": [rule("10.0.8.0/24", *range(9000, 9023))]},
        {"egress": ["10.0.8.0/24"], "egress_rules": [rule("10.0.8.0/24", 443, *range(9000, 9023))]},
        {"egress_rules": [rule("10.0.0.0/24", *range(8000, 8020)), rule("10.0.8.0/24", *range(9000, 9020))]},
        # The internet leaves private networks out, and so they have none of its ports.
        {"egress": [WORLD], "egress_rules": [rule("10.0.8.0/24", *range(9000, 9024))]},
    ],
)
def test_ports_of_other_networks_do_not_count(more: Any) -> None:
    assert network_policy("chat", wanted(**more))


def test_the_addresses_of_s3_count_once_they_are_known() -> None:
    spec = wanted(egress_rules=[rule("52.0.0.0/8", *range(9000, 9024))])

    def program() -> None:
        InferenceService("chat", {"inference": spec, "s3_cidrs": pulumi.Output.from_input(["52.216.0.0/15"])})

    with pytest.raises(ArgumentsError, match=r"inference\.egressRules has 25 ports for 52\.216\.0\.0/15, those of 52"):
        declare(program)
