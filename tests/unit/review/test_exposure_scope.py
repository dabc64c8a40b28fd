"""Firewalls that are only partly in the plan, rules for some targets, deny rules, and ICMP."""

from collections.abc import Sequence
from typing import Any

import pytest

from changes import change, plan, update, urn
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Certainty, Danger
from mlpctl.review.values.plain import UNKNOWN

ALL, OFFICE = "0.0.0.0/0", "198.18.0.0/24"
GROUP, RULE = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS, NATIVE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws-native:ec2:SecurityGroupIngress"
ACL_RULE, FIREWALL = "aws:ec2/networkAclRule:NetworkAclRule", "gcp:compute/firewall:Firewall"
POLICY_RULE = "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule"
NSG_RULE = "azure-native:network:SecurityRule"
REFERENCE = "pulumi:pulumi:StackReference"


def opened(*changes: Change) -> Sequence[Danger]:
    return [each for each in dangers(plan(*changes)) if "internet" in each.text]


ALONE: dict[str, tuple[str, dict[str, Any]]] = {
    "a rule": (RULE, {"type": "ingress", "protocol": "tcp", "cidrBlocks": [ALL], "securityGroupId": "sg-0abc"}),
    "an ingress rule": (INGRESS, {"ipProtocol": "tcp", "cidrIpv4": ALL, "securityGroupId": "sg-0abc"}),
    "a native rule": (NATIVE, {"ipProtocol": "tcp", "cidrIp": ALL, "groupId": "sg-0abc"}),
    "an entry of an access list": (
        ACL_RULE,
        {"networkAclId": "acl-0abc", "ruleNumber": 1, "ruleAction": "allow", "protocol": "tcp", "cidrBlock": ALL},
    ),
    "Google's": (FIREWALL, {"network": "default", "sourceRanges": [ALL], "allows": [{"protocol": "tcp"}]}),
    "Azure's": (
        NSG_RULE,
        {
            "networkSecurityGroupName": "shared",
            "access": "Allow",
            "direction": "Inbound",
            "priority": 100,
            "protocol": "Tcp",
            "sourceAddressPrefix": "*",
            "destinationPortRange": "22",
        },
    ),
}


@pytest.mark.parametrize("others", [[], [change(GROUP, Op.CREATE, name="other")], [change(GROUP, Op.SAME)]])
@pytest.mark.parametrize("name", ALONE)
def test_a_rule_of_another_stacks_group_is_found_even_in_a_new_stack(name: str, others: list[Change]) -> None:
    type, inputs = ALONE[name]
    ports = {"fromPort": 22, "toPort": 22}
    (danger,) = opened(*others, change(type, Op.CREATE, name="rule", inputs=inputs | ports))
    assert danger.certainty is Certainty.WILL


def test_a_rule_of_a_group_from_a_stack_reference_is_found() -> None:
    reference = change(REFERENCE, Op.READ, name="network", inputs={"name": "org/network/prod"})
    inputs = {**ALONE["a rule"][1], "fromPort": 22, "toPort": 22}
    rule = change(RULE, Op.CREATE, name="rule", inputs=inputs, depends={"securityGroupId": (reference.urn,)})
    assert len(opened(reference, rule)) == 1
    elsewhere = change(RULE, Op.CREATE, name="rule", inputs=inputs, depends={"securityGroupId": (urn(GROUP, "far"),)})
    assert len(opened(elsewhere)) == 1


@pytest.mark.parametrize(
    ("parent", "inputs"),
    [
        ("gcp:compute/network:Network", {"name": "default"}),
        ("azure-native:network:NetworkSecurityGroup", {"networkSecurityGroupName": "shared"}),
    ],
)
def test_a_name_of_a_new_resource_is_not_an_existing_one(parent: str, inputs: Any) -> None:
    name = "Google's" if parent.startswith("gcp") else "Azure's"
    web = {"allows": [{"protocol": "tcp", "ports": ["443"]}], "destinationPortRange": "443"}
    rule = change(ALONE[name][0], Op.CREATE, name="rule", inputs={**ALONE[name][1], **web})
    assert opened(change(parent, Op.CREATE, name="new", inputs=inputs), rule) == []


def google(**more: Any) -> dict[str, Any]:
    return {"network": "n", "sourceRanges": [ALL], "allows": [{"protocol": "tcp", "ports": ["22"]}], **more}


def refusal(**more: Any) -> dict[str, Any]:
    found = {"network": "n", "sourceRanges": [ALL], "denies": [{"protocol": "tcp", "ports": ["22"]}], "priority": 500}
    return found | more


WIDER: dict[str, tuple[Any, Any, bool]] = {
    "no tags any more": (google(targetTags=["web"]), google(), True),
    "empty tags": (google(targetTags=["web"]), google(targetTags=[]), True),
    "other tags": (google(targetTags=["web"]), google(targetTags=["db"]), True),
    "a tag more": (google(targetTags=["web"]), google(targetTags=["web", "db"]), True),
    "a tag less": (google(targetTags=["web", "db"]), google(targetTags=["web"]), False),
    "tags for all": (google(), google(targetTags=["web"]), False),
    "another order": (google(targetTags=["web", "db"]), google(targetTags=["db", "web"]), False),
    "no accounts any more": (google(targetServiceAccounts=["a@p"]), google(), True),
    "private ranges for all": (
        google(targetTags=["web"], sourceRanges=["10.0.0.0/8"]),
        google(sourceRanges=["10.0.0.0/8"]),
        False,
    ),
}


@pytest.mark.parametrize("name", WIDER)
def test_a_rule_for_more_instances_opens_those(name: str) -> None:
    old, new, opens = WIDER[name]
    assert bool(opened(update(FIREWALL, old, new))) is opens
    found = dangers(plan(update(FIREWALL, old, new)))
    assert bool(found) is (name != "another order")


def test_unknown_tags_may_open_ports() -> None:
    (danger,) = opened(update(FIREWALL, google(targetTags=["web"]), google(targetTags=UNKNOWN)))
    assert danger.certainty is Certainty.MAY


REFUSED: dict[str, tuple[Any, Any, Any, bool]] = {
    "gone": (refusal(), None, google(), True),
    "disabled": (refusal(), refusal(disabled=True), google(), True),
    "for fewer ports": (refusal(), refusal(denies=[{"protocol": "tcp", "ports": ["23"]}]), google(), True),
    "for fewer addresses": (refusal(), refusal(sourceRanges=[OFFICE]), google(), True),
    "for another protocol": (refusal(), refusal(denies=[{"protocol": "udp"}]), google(), True),
    "for some instances": (refusal(), refusal(targetTags=["db"]), google(), True),
    "after the rule that allows": (refusal(), refusal(priority=2000), google(), True),
    "after one that says so": (refusal(), refusal(priority=900), google(priority=800), True),
    "at the same place": (refusal(), refusal(priority=1000), google(), False),
    "still before it": (refusal(), refusal(priority=600), google(), False),
    "of what nothing allows": (refusal(), None, google(sourceRanges=["10.0.0.0/8"]), False),
    "for all, of what is allowed for some": (refusal(), None, google(targetTags=["web"]), True),
    "for some, of what is allowed for others": (refusal(targetTags=["db"]), None, google(targetTags=["web"]), False),
    "that comes": (refusal(disabled=True), refusal(), google(), False),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_weaker_deny_rule_opens_what_it_denied(name: str) -> None:
    old, new, allowing, opens = REFUSED[name]
    refused = change(FIREWALL, Op.DELETE if new is None else Op.UPDATE, name="deny", old=old, new=new)
    found = opened(refused, change(FIREWALL, Op.SAME, name="allow", inputs=allowing))
    assert [each.name for each in found] == (["deny"] if opens else [])


def test_an_allow_rule_with_precedence_over_a_deny_rule_opens_ports() -> None:
    refused = change(FIREWALL, Op.SAME, name="deny", inputs=refusal())
    assert len(opened(refused, update(FIREWALL, google(), google(priority=100), name="allow"))) == 1
    assert opened(refused, update(FIREWALL, google(), google(priority=700), name="allow")) == []


def policy(action: str = "allow", **more: Any) -> dict[str, Any]:
    match = {"srcIpRanges": [ALL], "layer4Configs": [{"ipProtocol": "tcp", "ports": ["22"]}]}
    return {"firewallPolicy": "p", "action": action, "priority": 10, "direction": "INGRESS", "match": match, **more}


@pytest.mark.parametrize(
    ("old", "new", "opens"),
    [
        (policy("deny"), policy(), True),
        (policy("goto_next"), policy(), True),
        (policy(), policy("goto_next"), False),
        (policy(targetServiceAccounts=["a@p"]), policy(), True),
        (policy(targetSecureTags=[{"name": "tagValues/1"}]), policy(), True),
        (policy(), policy(targetSecureTags=[{"name": "tagValues/1"}]), False),
        (policy(disabled=True), policy(), True),
    ],
)
def test_rules_of_a_policy_are_compared_in_the_same_way(old: Any, new: Any, opens: bool) -> None:
    assert bool(opened(update(POLICY_RULE, old, new))) is opens
    assert dangers(plan(update(POLICY_RULE, old, new)))


def azure(*destinations: str, **more: Any) -> dict[str, Any]:
    return {**ALONE["Azure's"][1], "destinationAddressPrefixes": [*destinations], **more}


@pytest.mark.parametrize(
    ("old", "new", "opens"),
    [
        (azure("10.0.0.5/32"), azure("*"), True),
        (azure("10.0.0.5/32"), azure("10.0.0.0/24"), True),
        (azure("10.0.0.0/24"), azure("10.0.0.5"), False),
        (azure("*"), azure("10.0.0.5"), False),
        (azure("10.0.0.5"), azure("10.0.0.5", "10.0.0.6"), True),
        (azure("10.0.0.5", access="Deny"), azure("10.0.0.5"), True),
    ],
)
def test_a_rule_for_more_addresses_opens_those(old: Any, new: Any, opens: bool) -> None:
    assert bool(opened(update(NSG_RULE, old, new))) is opens


def ping(kind: Any, code: Any, protocol: str = "icmp", cidr: str = ALL) -> dict[str, Any]:
    return {"protocol": protocol, "fromPort": kind, "toPort": code, "cidrBlocks": [cidr]}


MESSAGES: dict[str, tuple[Any, Any, bool]] = {
    "every type": (ping(8, 0), ping(-1, -1), True),
    "every code": (ping(3, 4), ping(3, -1), True),
    "another type": (ping(8, 0), ping(3, 4), True),
    "another code": (ping(3, 4), ping(3, 1), True),
    "fewer types": (ping(-1, -1), ping(8, 0), False),
    "fewer codes": (ping(3, -1), ping(3, 4), False),
    "by its number": (ping(8, 0), ping(8, 0, protocol="1"), False),
    "every protocol": (ping(8, 0), ping(0, 0, protocol="-1"), True),
    "every protocol, by a port": (ping(8, 0), ping(-1, -1, protocol="-1"), True),
    "every address": (ping(8, 0, cidr=OFFICE), ping(8, 0), True),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_icmp_rules_are_compared_by_type_and_code(name: str) -> None:
    old, new, opens = MESSAGES[name]
    found = opened(update(GROUP, {"ingress": [old]}, {"ingress": [new]}))
    assert bool(found) is opens
    assert not found or "icmp" in found[0].text or "every port" in found[0].text


def test_icmp_rules_of_a_network_acl_have_their_own_properties() -> None:
    def entry(kind: int) -> dict[str, Any]:
        return {**ALONE["an entry of an access list"][1], "protocol": "1", "icmpType": kind, "icmpCode": -1}

    assert len(opened(update(ACL_RULE, entry(8), entry(-1)))) == 1
    assert opened(update(ACL_RULE, entry(-1), entry(8))) == []


SOURCES, INSTANCES = "the allowed sources change", "the instances that may connect change"
DESTINATIONS, OUTWARD = "the allowed destinations change", "the connections that it may open change"
TO_ALL = {"direction": "EGRESS", "destinationRanges": ["0.0.0.0/0"]}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"sourceRanges": ["10.0.0.0/8"]}, SOURCES),
        ({"sourceRanges": ["10.0.0.0/8"], "sourceTags": ["web"]}, SOURCES),
        ({"sourceRanges": ["10.0.0.0/8"], "direction": "INGRESS"}, SOURCES),
        ({"sourceTags": ["web"]}, INSTANCES),
        ({"sourceServiceAccounts": ["a@b"], "direction": "INGRESS"}, INSTANCES),
        ({}, SOURCES),
        (TO_ALL, DESTINATIONS),
        ({"direction": "EGRESS"}, DESTINATIONS),
        ({"disabled": True, "sourceTags": ["web"]}, ""),
        ({"disabled": True, **TO_ALL}, ""),
    ],
)
@pytest.mark.parametrize("way", ["allows", "denies"])
def test_a_new_firewall_is_described_by_its_direction_and_sources(way: str, more: dict[str, Any], says: str) -> None:
    network = change("gcp:compute/network:Network", Op.SAME, name="n", inputs={"name": "n"}, id="n")
    inputs = {"network": "n", way: [{"protocol": "tcp", "ports": ["443"]}], **more}
    found = [each.text for each in dangers(plan(network, change(FIREWALL, Op.CREATE, inputs=inputs)))]
    for each in (SOURCES, INSTANCES, DESTINATIONS):
        assert any(each in text for text in found) is (each == says), found


CHANGED = {
    FIREWALL: [
        ({**TO_ALL, "allows": [{"protocol": "tcp"}]}, {"allows": [{"protocol": "udp"}]}, DESTINATIONS),
        (TO_ALL, {"destinationRanges": ["10.0.0.0/8"]}, DESTINATIONS),
        ({**TO_ALL, "disabled": True}, {"disabled": False}, DESTINATIONS),
        ({"sourceTags": ["a"]}, {"sourceTags": ["b"]}, INSTANCES),
        ({"sourceServiceAccounts": ["a"]}, {"sourceServiceAccounts": ["b"]}, INSTANCES),
        ({"sourceRanges": ["10.0.0.0/8"]}, {"sourceRanges": ["10.0.0.0/16"]}, SOURCES),
    ],
    POLICY_RULE: [
        ({"direction": "EGRESS", "action": "allow"}, {"action": "deny"}, DESTINATIONS),
        ({"direction": "INGRESS", "action": "allow"}, {"action": "deny"}, SOURCES),
    ],
    "aws:ec2/securityGroupRule:SecurityGroupRule": [
        ({"type": "egress", "cidrBlocks": ["10.0.0.0/8"]}, {"cidrBlocks": ["10.0.0.0/16"]}, OUTWARD),
        ({"type": "egress", "protocol": "tcp", "cidrBlocks": [ALL]}, {"protocol": "udp"}, OUTWARD),
        ({"type": "ingress", "cidrBlocks": ["10.0.0.0/8"]}, {"cidrBlocks": ["10.0.0.0/16"]}, SOURCES),
    ],
    ACL_RULE: [
        ({"egress": True, "cidrBlock": "10.0.0.0/8"}, {"cidrBlock": "10.0.0.0/16"}, OUTWARD),
        ({"cidrBlock": "10.0.0.0/8"}, {"cidrBlock": "10.0.0.0/16"}, SOURCES),
    ],
    "azure-native:network:SecurityRule": [
        ({"direction": "Outbound", "access": "Deny"}, {"access": "Allow"}, OUTWARD),
        ({"direction": "Outbound", "destinationAddressPrefix": "*"}, {"destinationAddressPrefix": "Internet"}, OUTWARD),
        ({"direction": "Inbound", "access": "Allow"}, {"access": "Deny"}, SOURCES),
    ],
}


@pytest.mark.parametrize(
    ("type", "old", "new", "says"), [(type, *each) for type, found in CHANGED.items() for each in found]
)
def test_a_changed_rule_is_described_by_its_direction(type: str, old: Any, new: Any, says: str) -> None:
    found = [each.text for each in dangers(plan(update(type, old, {**old, **new})))]
    for each in (SOURCES, INSTANCES, DESTINATIONS, OUTWARD):
        assert any(each in text for text in found) is (each == says), found
