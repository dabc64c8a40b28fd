"""Rules for all protocols: in some clouds for the ports that they name, in others for all ports."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op

ACL, NETWORK_POLICY = "aws:ec2/networkAcl:NetworkAcl", "kubernetes:cilium.io/v2:CiliumNetworkPolicy"
GROUPS = ["azure-native:network:NetworkSecurityGroup", "azure:network/networkSecurityGroup:NetworkSecurityGroup"]
RULES = ["azure-native:network:SecurityRule", "azure:network/networkSecurityRule:NetworkSecurityRule"]


def rule(ports: Any, **more: Any) -> dict[str, Any]:
    named = {"destinationPortRanges": ports} if isinstance(ports, list) else {"destinationPortRange": ports}
    return {
        "name": "in", "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "*",
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", **named, **more,
    }  # fmt: skip


def texts(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)))


CASES: dict[str, tuple[Any, Any, str]] = {
    "another port": ("443", "22", "can connect on tcp 22 (SSH) and udp 22 (SSH)"),
    "a range": ("443", "3000-3010", "can connect on tcp 3000-3010 and udp 3000-3010"),
    "several": ("443", ["443", "3389"], "can connect on tcp 3389 (RDP) and udp 3389 (RDP)"),
    "every port": ("443", "*", "can connect on every port"),
    "every port among others": (["443"], ["443", "*"], "can connect on every port"),
    "every port as a range": ("443", "0-65535", "can connect on every port"),
}


@pytest.mark.parametrize("type", GROUPS)
@pytest.mark.parametrize("case", CASES)
def test_ports_of_an_azure_rule_for_all_protocols_apply(case: str, type: str) -> None:
    old, new, says = CASES[case]
    assert says in texts(update(type, {"securityRules": [rule(old)]}, {"securityRules": [rule(new)]}))


@pytest.mark.parametrize("type", RULES)
@pytest.mark.parametrize("case", CASES)
def test_ports_of_a_separate_azure_rule_for_all_protocols_apply(case: str, type: str) -> None:
    old, new, says = CASES[case]
    group = {"networkSecurityGroupName": "shop"}
    assert says in texts(update(type, {**rule(old), **group}, {**rule(new), **group}))
    there = change(type, Op.CREATE, inputs={**rule(new), **group})
    assert "every port" in texts(there) if "*" in new or new == "0-65535" else "every port" not in texts(there)


@pytest.mark.parametrize("type", GROUPS)
def test_a_new_rule_for_all_protocols_opens_the_ports_that_it_names(type: str) -> None:
    text = texts(update(type, {"securityRules": []}, {"securityRules": [rule("443")]}))
    assert "can connect on tcp 443 (HTTPS) and udp 443 (HTTPS)." in text


@pytest.mark.parametrize("type", GROUPS)
def test_fewer_ports_for_all_protocols_open_nothing(type: str) -> None:
    text = texts(update(type, {"securityRules": [rule("*")]}, {"securityRules": [rule("22")]}))
    assert "the whole internet" not in text


@pytest.mark.parametrize("type", GROUPS)
def test_a_deny_rule_for_all_protocols_applies_only_to_its_ports(type: str) -> None:
    refusal = rule("443", priority=90, access="Deny")
    old, new = [refusal], [refusal, rule(["22", "443"])]
    text = texts(update(type, {"securityRules": old}, {"securityRules": new}))
    assert "can connect on tcp 22 (SSH) and udp 22 (SSH)." in text


def test_a_cilium_policy_for_any_protocol_applies_to_its_ports() -> None:
    def policy(**port: Any) -> dict[str, Any]:
        return {"spec": {"ingress": [{"fromEntities": ["world"], "toPorts": [{"ports": [port]}]}]}}

    old = policy(port="443", protocol="ANY")
    assert "tcp 22 (SSH)" in texts(update(NETWORK_POLICY, old, policy(port="22", protocol="ANY")))
    assert "tcp 22 (SSH)" in texts(update(NETWORK_POLICY, old, policy(port="22")))


def test_all_protocols_means_every_port_on_aws() -> None:
    def acl(protocol: str) -> dict[str, Any]:
        entry = {"protocol": protocol, "fromPort": 443, "toPort": 443, "cidrBlock": "0.0.0.0/0", "ruleNo": 100}
        return {"ingress": [{**entry, "action": "allow"}]}

    assert "on every port" in texts(update(ACL, acl("tcp"), acl("-1")))


SECURITY_GROUP, FIREWALL = "aws:ec2/securityGroup:SecurityGroup", "gcp:compute/firewall:Firewall"


def aws(protocol: Any, first: int = 0, last: int = 0, **more: Any) -> dict[str, Any]:
    return {"protocol": protocol, "fromPort": first, "toPort": last, "cidrBlocks": ["0.0.0.0/0"], **more}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (aws("47"), "on protocol 47."),
        (aws(50), "on protocol 50."),
        (aws("gre", 1, 2), "on protocol gre."),
        (aws("132", 5, 5), "on protocol sctp."),
        (aws("6", 22, 22), "on tcp 22 (SSH)."),
        (aws("icmp", 8, -1), "on icmp."),
        (aws("-1"), "on every port."),
    ],
)
def test_a_protocol_without_ports_is_named(rule: dict[str, Any], says: str) -> None:
    assert says in texts(update(SECURITY_GROUP, {"ingress": []}, {"ingress": [rule]}))
    assert says in texts(
        update(SECURITY_GROUP, {"ingress": [aws("17", 53, 53)]}, {"ingress": [aws("17", 53, 53), rule]})
    )
    single = {"type": "ingress", "securityGroupId": "sg-1", **rule}
    there = update("aws:ec2/securityGroupRule:SecurityGroupRule", {**single, "cidrBlocks": ["10.0.0.0/8"]}, single)
    assert says in texts(there)
    acl = {"ruleNo": 1, "action": "allow", **rule, "cidrBlock": "0.0.0.0/0", "icmpType": 8, "icmpCode": -1}
    assert says.rstrip(".") in texts(update(ACL, {"ingress": []}, {"ingress": [acl]}))


@pytest.mark.parametrize(
    ("protocol", "says"), [("esp", "protocol esp"), ("47", "protocol 47"), ("sctp", "every sctp port")]
)
def test_a_protocol_of_another_cloud_without_ports_is_named(protocol: str, says: str) -> None:
    old = {"network": "n", "sourceRanges": ["0.0.0.0/0"], "allows": [{"protocol": "tcp", "ports": ["443"]}]}
    new = {**old, "allows": [*old["allows"], {"protocol": protocol}]}
    assert f"on {says}." in texts(update(FIREWALL, old, new))


def test_several_protocols_without_ports_are_named_once_each() -> None:
    rules = [aws("47"), aws("47", ipv6CidrBlocks=["::/0"]), aws("50"), aws("tcp", 22, 22)]
    assert "on tcp 22 (SSH), protocol 47 and protocol 50." in texts(
        update(SECURITY_GROUP, {"ingress": []}, {"ingress": rules})
    )
