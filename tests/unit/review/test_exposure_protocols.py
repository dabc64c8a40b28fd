"""Rules for all protocols: in some clouds for the ports that they name, in others for all ports."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.plan import Op
from mlpctl.review.risk import dangers

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
