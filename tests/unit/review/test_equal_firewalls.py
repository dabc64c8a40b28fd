"""Firewalls and permissions of Google and Azure in another notation are no change; different ones are."""

import itertools
import json
from typing import Any

from changes import plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.report.model import Harm
from mlpctl.review.values.plain import UNKNOWN

FIREWALL, RULE = "gcp:compute/firewall:Firewall", "azure-native:network:SecurityRule"
POLICY_RULE = "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule"
GROUP, VAULT = "azure-native:network:NetworkSecurityGroup", "azure-native:keyvault:Vault"
ROLE, BINDINGS = "azure-native:authorization:RoleAssignment", "gcp:projects/iAMPolicy:IAMPolicy"
ACL = "aws:ec2/networkAcl:NetworkAcl"

SSH = {"network": "n", "sourceRanges": ["10.0.0.0/8"], "allows": [{"protocol": "tcp", "ports": ["22", "80"]}]}
IN = {"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "sourcePortRange": "*", "priority": 100}
OPEN = {**IN, "sourceAddressPrefix": "10.0.0.0/8", "destinationPortRange": "22", "destinationAddressPrefix": "*"}
WORDS = {**OPEN, "access": "allow", "direction": "inbound", "protocol": "TCP"}
LISTS = {
    **IN,
    "sourceAddressPrefixes": ["10.0.0.0/9", "10.128.0.0/9"],
    "destinationPortRanges": ["22-22"],
    "destinationAddressPrefix": "0.0.0.0/0",
}
DENY = {**OPEN, "name": "no", "access": "Deny", "priority": 90}


def ports(*allows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**SSH, "allows": list(allows), **fields}


def group(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"securityRules": list(rules)}


def bindings(*made: tuple[str, list[str]]) -> dict[str, Any]:
    return {"policyData": json.dumps({"bindings": [{"role": role, "members": members} for role, members in made]})}


def access(**permissions: list[str]) -> dict[str, Any]:
    return {"properties": {"accessPolicies": [{"objectId": "a", "permissions": permissions}]}}


ID = "/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/ACDD72A7-3385-48EF-BD42-F606FBA81AE7"
EQUAL: list[tuple[str, Any, Any]] = [
    (FIREWALL, SSH, ports({"protocol": "tcp", "ports": ["22"]}, {"protocol": "TCP", "ports": ["80"]})),
    (FIREWALL, SSH, ports({"protocol": "6", "ports": ["80", "22"]})),
    (FIREWALL, ports({"protocol": "tcp", "ports": ["22-23"]}), ports({"protocol": "tcp", "ports": ["22", "23"]})),
    (FIREWALL, ports({"protocol": "tcp"}), ports({"protocol": "tcp", "ports": ["0-65535"]})),
    (FIREWALL, SSH, {**SSH, "sourceRanges": ["10.128.0.0/9", "10.0.0.0/9"], "description": "new"}),
    (FIREWALL, {**SSH, "sourceRanges": ["0.0.0.0/0"]}, {**SSH, "sourceRanges": []}),
    (FIREWALL, SSH, {**SSH, "priority": 1000, "direction": "INGRESS", "disabled": False}),
    (
        POLICY_RULE,
        {"match": {"srcIpRanges": ["10.0.0.0/8"], "layer4Configs": [{"ipProtocol": "tcp", "ports": ["22", "80"]}]}},
        {"match": {"srcIpRanges": ["10.0.0.0/8"], "layer4Configs": [{"ipProtocol": "tcp", "ports": ["80", "22"]}]}},
    ),
    (GROUP, group({**OPEN, "name": "a"}), group({**LISTS, "name": "b", "priority": 110})),
    (GROUP, group({**WORDS, "name": "a"}), group({**OPEN, "name": "a"})),
    (
        GROUP,
        group({**OPEN, "name": "a"}, DENY),
        group({**DENY, "priority": 120}, {**LISTS, "name": "b", "priority": 200}),
    ),
    (RULE, OPEN, LISTS),
    (
        "azure:network/networkSecurityRule:NetworkSecurityRule",
        OPEN,
        {**LISTS, "sourcePortRange": None, "sourcePortRanges": ["*"]},
    ),
    (VAULT, access(keys=["get", "list"]), access(keys=["List", "Get"])),
    (
        ROLE,
        {"scope": "/subscriptions/x", "roleDefinitionId": ID},
        {"scope": "/SUBSCRIPTIONS/X", "roleDefinitionId": ID.lower()},
    ),
    (BINDINGS, bindings(("r", ["a", "b"]), ("s", ["a"])), bindings(("s", ["a"]), ("r", ["b"]), ("r", ["a"]))),
]
DIFFERENT: list[tuple[str, Any, Any]] = [
    (FIREWALL, SSH, ports({"protocol": "tcp", "ports": ["22"]})),
    (FIREWALL, SSH, ports({"protocol": "udp", "ports": ["22", "80"]})),
    (FIREWALL, SSH, {**SSH, "sourceRanges": ["10.0.0.0/9"]}),
    (FIREWALL, SSH, {**SSH, "sourceTags": ["web"]}),
    (FIREWALL, SSH, {**SSH, "targetTags": ["web"]}),
    (FIREWALL, SSH, {**SSH, "disabled": True}),
    (FIREWALL, SSH, {**SSH, "priority": 900}),
    (FIREWALL, SSH, {**SSH, "sourceRanges": UNKNOWN}),
    (FIREWALL, SSH, {**SSH, "allows": [], "denies": SSH["allows"]}),
    (
        POLICY_RULE,
        {"match": {"srcIpRanges": ["10.0.0.0/8"], "layer4Configs": [{"ipProtocol": "tcp"}]}},
        {
            "match": {
                "srcIpRanges": ["10.0.0.0/8"],
                "destIpRanges": ["10.1.0.0/16"],
                "layer4Configs": [{"ipProtocol": "tcp"}],
            }
        },
    ),
    (GROUP, group({**OPEN, "name": "a"}), group({**OPEN, "name": "a", "sourceAddressPrefix": "VirtualNetwork"})),
    (GROUP, group({**OPEN, "name": "a"}), group({**OPEN, "name": "a", "destinationAddressPrefix": "10.0.0.4"})),
    (GROUP, group({**OPEN, "name": "a"}), group({**OPEN, "name": "a", "access": "Deny"})),
    (GROUP, group({**OPEN, "name": "a"}, DENY), group({**OPEN, "name": "a", "priority": 80}, DENY)),
    (RULE, OPEN, {**OPEN, "destinationPortRange": "23"}),
    (VAULT, access(keys=["get"]), access(keys=["get", "list"])),
    (ROLE, {"scope": "/subscriptions/x"}, {"scope": "/subscriptions/y"}),
    (BINDINGS, bindings(("r", ["a", "b"])), bindings(("r", ["a"]))),
    (BINDINGS, bindings(("r", ["a"])), bindings(("s", ["a"]))),
]


def found(type: str, old: Any, new: Any) -> list[str]:
    return [each.text for each in dangers(plan(update(type, old, new))) if each.harm is Harm.IDENTITY]


def test_an_equal_firewall_or_permission_is_not_reported() -> None:
    for type, old, new in EQUAL:
        assert found(type, old, new) == [], (type, new)
        assert found(type, new, old) == [], (type, old)


def test_a_different_firewall_or_permission_is_reported() -> None:
    for type, old, new in DIFFERENT:
        assert found(type, old, new), (type, new)


def test_outgoing_connections_to_other_destinations_are_not_the_same() -> None:
    words = ["VirtualNetwork", "0.0.0.0/0", "*", "Internet", "10.0.0.0/8"]
    for access, direction in itertools.product(("Allow", "Deny"), ("Outbound", "outbound")):
        for before, after in itertools.permutations(words, 2):
            rule = {"name": "a", "priority": 100, "direction": direction, "access": access, "protocol": "Tcp"}
            rule |= {"sourceAddressPrefix": "*", "destinationPortRange": "*"}
            old, new = ({**rule, "destinationAddressPrefix": each} for each in (before, after))
            assert dangers(plan(update(GROUP, {"securityRules": [old]}, {"securityRules": [new]}))), (before, after)
            assert dangers(plan(update(RULE, old, new))), (before, after)


def test_the_word_for_a_denied_connection_has_any_case() -> None:
    rule = {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlock": "0.0.0.0/0", "ruleNo": 1}
    for old, new in itertools.permutations(("deny", "DENY", "Deny"), 2):
        some = [{"ingress": [{**rule, "action": each}]} for each in (old, new)]
        assert not any("internet" in each.text for each in dangers(plan(update(ACL, *some))))
        assert dangers(plan(update(ACL, some[1], {"ingress": [{**rule, "action": "Allow"}]})))
