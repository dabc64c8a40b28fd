"""Firewalls of all clouds: what becomes reachable from the internet, and what only looks like it."""

from typing import Any

import pytest

from changes import update
from mlpctl.review.report.model import Harm
from unit.review.exposing import ACL, ALL, ALL_6, GROUP, HALVES, OFFICE, allow, reported

NATIVE, NATIVE_RULE = "aws-native:ec2:SecurityGroup", "aws-native:ec2:SecurityGroupIngress"
FIREWALL, NSG = "gcp:compute/firewall:Firewall", "azure-native:network:NetworkSecurityGroup"
NSG_RULE, CLUSTER = "azure-native:network:SecurityRule", "aws:eks/cluster:Cluster"
POLICY, SERVICE = "kubernetes:networking.k8s.io/v1:NetworkPolicy", "kubernetes:core/v1:Service"
WHOLE = "the whole internet can connect"
GROUPS: dict[str, tuple[list[Any], list[Any], str]] = {
    "another port": ([allow(80)], [allow(80), allow(22)], f"{WHOLE} on tcp 22 (SSH)."),
    "a first port": ([], [allow(5432)], f"{WHOLE} on tcp 5432 (PostgreSQL)."),
    "a wider range of ports": ([allow(80)], [allow(80, 90)], f"{WHOLE} on tcp 81-90."),
    "ports between": ([allow(80), allow(90)], [allow(80, 90)], f"{WHOLE} on tcp 81-89."),
    "two ports": ([], [allow(22), allow(3389)], f"{WHOLE} on tcp 22 (SSH) and tcp 3389 (RDP)."),
    "another protocol": ([allow(53)], [allow(53), allow(53, protocol="udp")], f"{WHOLE} on udp 53 (DNS)."),
    "a protocol by its number": ([], [allow(22, protocol="6")], f"{WHOLE} on tcp 22 (SSH)."),
    "everything": ([allow(80)], [allow(0, 0, protocol="-1")], "on every port"),
    "everything, by a word": ([], [allow(0, 0, protocol="all")], "on every port"),
    "every port of a protocol": ([], [allow(0, 65535)], f"{WHOLE} on every tcp port."),
    "two halves": ([], [allow(22, 22, *HALVES)], f"{WHOLE} on tcp 22 (SSH)."),
    "two halves in two rules": ([], [allow(22, 22, each) for each in HALVES], f"{WHOLE} on tcp 22 (SSH)."),
    "the other half": ([allow(22, 22, HALVES[0])], [allow(22, 22, *HALVES)], f"{WHOLE} on tcp 22 (SSH)."),
    "all but private ranges": (
        [],
        [allow(22, 22, *(f"{n}.0.0.0/8" for n in range(256) if n not in (0, 10, 127)))],
        f"{WHOLE} on tcp 22 (SSH).",
    ),
    "four quarters": ([], [allow(22, 22, *(f"{n}.0.0.0/2" for n in (0, 64, 128, 192)))], f"{WHOLE} on tcp 22 (SSH)."),
    "half of the internet": ([], [allow(22, 22, HALVES[0])], "a large part of the internet can connect on tcp 22"),
    "IPv6": ([allow(22)], [allow(22, 22, ALL, ALL_6)], f"{WHOLE} on tcp 22 (SSH) over IPv6."),
    "all that is given out of IPv6": ([], [allow(22, 22, "2000::/3")], f"{WHOLE} on tcp 22 (SSH) over IPv6."),
    "halves of IPv6": ([], [allow(22, 22, "::/1", "8000::/1")], f"{WHOLE} on tcp 22 (SSH) over IPv6."),
    "text for numbers": ([], [allow("22", "22")], f"{WHOLE} on tcp 22 (SSH)."),
    "an office more": (
        [allow(22, 22, "10.0.0.0/8")],
        [allow(22, 22, "10.0.0.0/8", OFFICE)],
        "the allowed sources change.",
    ),
    "a port less": ([allow(22), allow(80)], [allow(80)], "the allowed sources change."),
    "fewer addresses": ([allow(22)], [allow(22, 22, OFFICE)], "the allowed sources change."),
    "private ranges": ([], [allow(22, 22, "10.0.0.0/8")], "the allowed sources change."),
    "one rule for two": ([allow(80), allow(81)], [allow(80, 81)], ""),
    "one rule of two that say the same": ([allow(0, 100), allow(80)], [allow(0, 100)], ""),
    "what everything had": ([allow(0, 0, protocol="-1")], [allow(22)], "the allowed sources change."),
    "private ranges in addition to all public ones": (
        [allow(22, 22, *(f"{n}.0.0.0/8" for n in range(256) if n not in (0, 10, 127)))],
        [allow(22)],
        "the allowed sources change.",
    ),
    "another order": ([allow(80), allow(22)], [allow(22), allow(80)], ""),
}


@pytest.mark.parametrize("name", GROUPS)
def test_rules_of_a_group_are_compared_by_protocol_port_and_source(name: str) -> None:
    old, new, says = GROUPS[name]
    found = reported(update(GROUP, {"ingress": old}, {"ingress": new}))
    assert [each.harm for each in found] == ([Harm.IDENTITY] if says else [])
    if says:
        assert says in found[0].text and ("internet" in found[0].text) is ("internet" in says or "every" in says)
        assert found[0].because and all(each.startswith(("ingress[", "and ")) for each in found[0].because)
        assert "the allowed sources change" not in found[0].text or "internet" not in found[0].text


def as_native(rules: Any) -> Any:
    """The same for AWS's native provider, one rule per address."""
    return [
        {"ipProtocol": each["protocol"], "fromPort": each["fromPort"], "toPort": each["toPort"], key: cidr}
        for each in rules
        for key, cidrs in (("cidrIp", each["cidrBlocks"]), ("cidrIpv6", each["ipv6CidrBlocks"]))
        for cidr in cidrs
    ]


@pytest.mark.parametrize("name", [name for name, each in GROUPS.items() if "internet" in each[2] or "every" in each[2]])
def test_the_native_provider_gives_the_same_result(name: str) -> None:
    old, new, says = GROUPS[name]
    (danger,) = reported(
        update(NATIVE, {"securityGroupIngress": as_native(old)}, {"securityGroupIngress": as_native(new)})
    )
    assert says in danger.text


def acl(number: int, port: int, cidr: str = ALL, action: str = "allow") -> dict[str, Any]:
    return {"ruleNo": number, "action": action, "protocol": "tcp", "fromPort": port, "toPort": port, "cidrBlock": cidr}


def nsg(number: int, port: Any, source: str = "*", access: str = "Allow", **more: Any) -> dict[str, Any]:
    ports = {"destinationPortRanges": port} if isinstance(port, list) else {"destinationPortRange": str(port)}
    sides = {"name": str(number), "priority": number, "access": access, "direction": "Inbound", "protocol": "Tcp"}
    return {**sides, **ports, "sourceAddressPrefix": source, **more}


def google(ports: Any = ("22",), **more: Any) -> dict[str, Any]:
    return {"network": "n", "allows": [{"protocol": "tcp", "ports": [*ports]}], "sourceRanges": ["10.0.0.0/8"], **more}


def network(*rules: Any) -> dict[str, Any]:
    return {"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [*rules]}}


def block(cidr: str, *without: str, port: Any = 80) -> dict[str, Any]:
    return {"from": [{"ipBlock": {"cidr": cidr, "except": [*without]}}], "ports": [{"port": port}]}


PODS = {"from": [{"podSelector": {"a": "b"}}], "ports": [{"port": 80}]}


def service(**more: Any) -> dict[str, Any]:
    notes = more.pop("notes", {})
    spec = {"type": "LoadBalancer", "ports": [{"port": 443}], **more}
    return {"metadata": {"annotations": notes}, "spec": spec}


RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
OTHERS: dict[str, tuple[str, Any, Any, str]] = {
    "an access list": (ACL, {"ingress": []}, {"ingress": [acl(1, 22)]}, "passes its rules on tcp 22"),
    "a network ACL that denied it before": (
        ACL,
        {"ingress": []},
        {"ingress": [acl(1, 22, ALL, "deny"), acl(2, 22)]},
        "",
    ),
    "a network ACL that no longer denies it": (
        ACL,
        {"ingress": [acl(1, 22, ALL, "deny"), acl(2, 22)]},
        {"ingress": [acl(2, 22)]},
        "on tcp 22",
    ),
    "an access list in another order": (
        ACL,
        {"ingress": [acl(1, 22, ALL, "deny"), acl(2, 22)]},
        {"ingress": [acl(3, 22, ALL, "deny"), acl(2, 22)]},
        "on tcp 22",
    ),
    "Google, by address": (FIREWALL, google(), google(sourceRanges=[ALL]), "on tcp 22"),
    "Google, halves": (FIREWALL, google(), google(sourceRanges=HALVES), "on tcp 22"),
    "Google, by port": (
        FIREWALL,
        google(["80"], sourceRanges=[ALL]),
        google(["80", "8000-8080"], sourceRanges=[ALL]),
        "on tcp 8000-8080",
    ),
    "Google, without any source": (FIREWALL, google(), google(sourceRanges=[]), "on tcp 22"),
    "Google, all of IPv4 as by default": (FIREWALL, google(sourceRanges=[ALL]), google(sourceRanges=[]), ""),
    "Google, all of IPv6": (FIREWALL, google(sourceRanges=[]), google(sourceRanges=[ALL_6]), "over IPv6"),
    "Google, by tag": (FIREWALL, google(), google(sourceRanges=[], sourceTags=["a"]), ""),
    "Google, enabled": (
        FIREWALL,
        google(sourceRanges=[ALL], disabled=True),
        google(sourceRanges=[ALL], disabled=False),
        "on tcp 22",
    ),
    "Google, disabled": (FIREWALL, google(sourceRanges=[ALL]), google(sourceRanges=[ALL], disabled=True), ""),
    "Google, every port": (
        FIREWALL,
        google(),
        {**google(sourceRanges=[ALL]), "allows": [{"protocol": "all"}]},
        "on every port",
    ),
    "Google, outgoing": (FIREWALL, google(direction="EGRESS"), google(direction="EGRESS", sourceRanges=[ALL]), ""),
    "Google's policies": (
        "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule",
        {
            "action": "allow",
            "match": {"srcIpRanges": ["10.0.0.0/8"], "layer4Configs": [{"ipProtocol": "tcp", "ports": ["22"]}]},
        },
        {"action": "allow", "match": {"srcIpRanges": [ALL], "layer4Configs": [{"ipProtocol": "tcp", "ports": ["22"]}]}},
        "on tcp 22",
    ),
    "Azure": (NSG, {"securityRules": [nsg(100, 443)]}, {"securityRules": [nsg(100, 443), nsg(110, 22)]}, "on tcp 22"),
    "Azure, by a tag": (
        NSG,
        {"securityRules": []},
        {"securityRules": [nsg(110, ["22", "3389"], "Internet")]},
        "tcp 22 (SSH) and tcp 3389",
    ),
    "Azure, from its network": (NSG, {"securityRules": []}, {"securityRules": [nsg(110, 22, "VirtualNetwork")]}, ""),
    "Azure, denied before": (
        NSG,
        {"securityRules": []},
        {"securityRules": [nsg(100, 22, "*", "Deny"), nsg(110, 22)]},
        "",
    ),
    "Azure, outgoing": (NSG, {"securityRules": []}, {"securityRules": [nsg(110, 22, direction="Outbound")]}, ""),
    "Azure, one rule": (NSG_RULE, nsg(110, 22, OFFICE), nsg(110, 22, "0.0.0.0/0"), "on tcp 22"),
    "Azure, a database": (
        "azure-native:dbforpostgresql:FirewallRule",
        {"startIpAddress": "1.1.1.1", "endIpAddress": "1.1.1.1"},
        {"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"},
        f"{WHOLE}.",
    ),
    "Azure, its own services": (
        "azure-native:sql:FirewallRule",
        {"startIpAddress": "1.1.1.1", "endIpAddress": "1.1.1.1"},
        {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"},
        "",
    ),
    "pods, from everywhere": (
        POLICY,
        network(PODS),
        network({"ports": [{"port": 80}]}),
        "can connect to its pods on tcp 80",
    ),
    "pods, by address": (POLICY, network(PODS), network(PODS, block(ALL)), "on tcp 80"),
    "pods, on every port": (POLICY, network(PODS), network({}), "on every port"),
    "pods, a range": (
        POLICY,
        network(PODS),
        network({"from": [{"ipBlock": {"cidr": ALL}}], "ports": [{"port": 8000, "endPort": 8010}]}),
        "tcp 8000-8010",
    ),
    "pods, by name": (POLICY, network(PODS), network(block(ALL, port="web")), "on tcp web"),
    "pods, all but some": (POLICY, network(PODS), network(block(ALL, "8.0.0.0/8")), "a large part of the internet"),
    "pods, all but private ones": (POLICY, network(PODS), network(block(ALL, "10.0.0.0/8")), WHOLE),
    "pods, private ones": (POLICY, network(PODS), network(PODS, block("10.0.0.0/8")), ""),
    "a load balancer": (SERVICE, {"spec": {"type": "ClusterIP", "ports": [{"port": 443}]}}, service(), "on tcp 443"),
    "a load balancer for some": (
        SERVICE,
        {"spec": {"type": "ClusterIP", "ports": [{"port": 443}]}},
        service(loadBalancerSourceRanges=[OFFICE]),
        "",
    ),
    "a load balancer inside": (
        SERVICE,
        {"spec": {"ports": [{"port": 443}]}},
        service(notes={"service.beta.kubernetes.io/aws-load-balancer-internal": "true"}),
        "",
    ),
    "a load balancer for all": (
        SERVICE,
        service(loadBalancerSourceRanges=[OFFICE]),
        service(loadBalancerSourceRanges=[ALL]),
        "on tcp 443",
    ),
    "a load balancer for all again": (SERVICE, service(loadBalancerSourceRanges=[OFFICE]), service(), "on tcp 443"),
    "a load balancer by annotation": (
        SERVICE,
        service(notes={RANGES: OFFICE}),
        service(notes={RANGES: ",".join(HALVES)}),
        "on tcp 443",
    ),
    "a port of a load balancer": (SERVICE, service(), service(ports=[{"port": 443}, {"port": 22}]), "on tcp 22"),
    "EKS": (
        CLUSTER,
        {"vpcConfig": {"publicAccessCidrs": [OFFICE]}},
        {"vpcConfig": {"publicAccessCidrs": HALVES}},
        f"{WHOLE} to its API",
    ),
    "EKS, by leaving it out": (
        CLUSTER,
        {"vpcConfig": {"publicAccessCidrs": [OFFICE]}},
        {"vpcConfig": {}},
        f"{WHOLE} to its API",
    ),
    "EKS, private": (
        CLUSTER,
        {"vpcConfig": {"endpointPublicAccess": False, "publicAccessCidrs": [OFFICE]}},
        {"vpcConfig": {"endpointPublicAccess": False, "publicAccessCidrs": [ALL]}},
        "",
    ),
    "GKE": (
        "gcp:container/cluster:Cluster",
        {"masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": OFFICE}]}},
        {},
        f"{WHOLE} to its API",
    ),
    "Cloud SQL": (
        "gcp:sql/databaseInstance:DatabaseInstance",
        {"settings": {"ipConfiguration": {"authorizedNetworks": []}}},
        {"settings": {"ipConfiguration": {"authorizedNetworks": [{"value": each} for each in HALVES]}}},
        f"{WHOLE}.",
    ),
    "a list of prefixes": (
        "aws:ec2/managedPrefixList:ManagedPrefixList",
        {"entries": [{"cidr": OFFICE}]},
        {"entries": [{"cidr": ALL}]},
        "wherever this list is allowed",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_firewalls_are_compared_in_the_same_way(name: str) -> None:
    type, old, new, says = OTHERS[name]
    text = " ".join(each.text for each in reported(update(type, old, new)))
    assert says in text
    assert ("internet" in text) is bool(says)
