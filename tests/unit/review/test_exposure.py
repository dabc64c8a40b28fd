"""Firewalls of all clouds: what becomes reachable from the internet, and what only looks like it."""

from collections.abc import Sequence
from typing import Any

import pytest

from changes import change, plan, update, urn
from mlpctl.review.addresses import parsed
from mlpctl.review.plan import Change, Op
from mlpctl.review.report import Certainty, Danger, Harm
from mlpctl.review.risk import dangers
from mlpctl.review.values import UNKNOWN

GROUP, RULE = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
NATIVE, NATIVE_RULE = "aws-native:ec2:SecurityGroup", "aws-native:ec2:SecurityGroupIngress"
ACL, ACL_RULE = "aws:ec2/networkAcl:NetworkAcl", "aws:ec2/networkAclRule:NetworkAclRule"
FIREWALL, NSG = "gcp:compute/firewall:Firewall", "azure-native:network:NetworkSecurityGroup"
NSG_RULE, CLUSTER = "azure-native:network:SecurityRule", "aws:eks/cluster:Cluster"
POLICY, SERVICE = "kubernetes:networking.k8s.io/v1:NetworkPolicy", "kubernetes:core/v1:Service"

ALL, ALL_6, OFFICE = "0.0.0.0/0", "::/0", "198.18.0.0/24"
HALVES = ["0.0.0.0/1", "128.0.0.0/1"]


def allow(first: Any, last: Any = None, *cidrs: str, protocol: Any = "tcp") -> dict[str, Any]:
    """A rule of a security group."""
    last = first if last is None else last
    four = [each for each in cidrs or [ALL] if ":" not in each]
    six = [each for each in cidrs if ":" in each]
    return {"protocol": protocol, "fromPort": first, "toPort": last, "cidrBlocks": four, "ipv6CidrBlocks": six}


def reported(*changes: Change) -> Sequence[Danger]:
    return dangers(plan(*changes))


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


def rule(type: str, port: int, cidr: str, op: Op = Op.CREATE, id_of_group: Any = "sg-1", **more: Any) -> Change:
    inputs: dict[str, Any] = {
        RULE: {"type": "ingress", "protocol": "tcp", "cidrBlocks": [cidr]},
        INGRESS: {"ipProtocol": "tcp", "cidrIpv4": cidr},
    }[type]
    inputs |= {"fromPort": port, "toPort": port, "securityGroupId": id_of_group}
    return change(type, op, name=f"{port} {cidr}", inputs=inputs, **more)


EXISTING = change(GROUP, Op.SAME, name="g", id="sg-1", inputs={"ingress": [allow(443)]})


@pytest.mark.parametrize("type", [RULE, INGRESS])
def test_separate_rules_are_combined_with_those_of_their_group(type: str) -> None:
    def texts(*changes: Change) -> list[str]:
        return [each.text for each in reported(EXISTING, *changes) if "internet" in each.text]

    assert len(texts(rule(type, 22, ALL))) == 1
    assert len(texts(*(rule(type, 22, each) for each in HALVES))) == 2
    assert texts(rule(type, 443, ALL)) == []
    assert texts(rule(type, 22, ALL), change(GROUP, Op.SAME, name="other")) == texts(rule(type, 22, ALL))
    # A rule under another name opens nothing.
    assert texts(rule(type, 22, ALL, Op.DELETE), rule(type, 22, ALL)) == []
    assert texts(rule(type, 22, HALVES[0], Op.SAME), rule(type, 22, HALVES[1]))[0].count("the whole internet") == 1


@pytest.mark.parametrize("type", [RULE, INGRESS])
def test_a_rule_of_a_new_group_opens_nothing_that_was_closed(type: str) -> None:
    group = change(GROUP, Op.CREATE, name="g")
    new = rule(type, 443, ALL, depends={"securityGroupId": (urn(GROUP, "g"),)}, id_of_group=UNKNOWN)
    assert reported(group, change(GROUP, Op.SAME, name="other"), new) == ()


def test_a_removed_deny_rule_opens_what_it_denied() -> None:
    def entry(number: int, action: str, op: Op) -> Change:
        inputs = {"networkAclId": "acl-1", "egress": False, "ruleNumber": number, "ruleAction": action}
        inputs |= {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlock": ALL}
        return change(ACL_RULE, op, name=str(number), inputs=inputs)

    (danger,) = reported(entry(1, "deny", Op.DELETE), entry(2, "allow", Op.SAME))
    assert "the whole internet passes the ACL on tcp 22 (SSH)" in danger.text
    assert danger.text.startswith("Deletes the network ACL 1")


def test_an_unknown_port_may_be_open() -> None:
    (danger,) = reported(update(GROUP, {"ingress": [allow(80)]}, {"ingress": [allow(80), allow(UNKNOWN)]}))
    assert danger.certainty is Certainty.MAY
    assert "the whole internet can connect on an unknown port" in danger.text
    (danger,) = reported(update(GROUP, {"ingress": [allow(80)]}, {"ingress": UNKNOWN}))
    assert (danger.certainty, "internet" in danger.text) == (Certainty.MAY, False)


def test_new_rules_are_listed_before_removed_ones() -> None:
    many = [allow(22, 22, f"10.{number}.0.0/16") for number in range(20)]
    (danger,) = reported(update(GROUP, {"ingress": many}, {"ingress": [allow(22)]}))
    assert '"0.0.0.0/0"' in danger.because[0] and danger.because[-1].startswith("and ")


def test_icmp_is_not_a_port() -> None:
    (danger,) = reported(update(GROUP, {"ingress": []}, {"ingress": [allow(-1, -1, protocol="icmp")]}))
    assert "the whole internet can connect on icmp" in danger.text
    worse = update(GROUP, {"ingress": []}, {"ingress": [allow(5432)]}, name="worse")
    ping = update(GROUP, {"ingress": []}, {"ingress": [allow(-1, -1, protocol="icmp")]})
    assert [each.name for each in reported(ping, worse)] == ["worse", "it"]


def test_an_open_port_comes_before_less_severe_dangers() -> None:
    nodes = "aws:eks/nodeGroup:NodeGroup"
    others = [
        update(
            nodes,
            {"instanceTypes": ["g6.xlarge"], "scalingConfig": {"desiredSize": 2}},
            {"instanceTypes": ["g6.xlarge"], "scalingConfig": {"desiredSize": 1}},
            name="nodes",
        ),
        change("aws:ec2/natGateway:NatGateway", Op.DELETE, name="nat"),
        update("aws:rds/instance:Instance", {"deletionProtection": True}, {"deletionProtection": False}, name="weaker"),
        change("aws:iam/role:Role", Op.DELETE, name="role"),
    ]
    opened = update(GROUP, {"ingress": []}, {"ingress": [allow(5432)]}, name="open")
    lost = change("aws:s3/bucket:Bucket", Op.DELETE, name="lost")
    assert [each.name for each in reported(*others, opened, lost)] == ["lost", "open", "nodes", "nat", "role", "weaker"]


PUBLIC = {"blockPublicAcls": False, "blockPublicPolicy": False, "bucket": "b"}
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET = change("aws:s3/bucket:Bucket", Op.SAME, name="b", id="b")


@pytest.mark.parametrize(
    ("type", "old", "new", "says"),
    [
        (BLOCK, None, PUBLIC, "objects may become public"),
        (BLOCK, None, {"bucket": "b", "blockPublicAcls": True}, ""),
        (BLOCK, {"bucket": "b"}, PUBLIC, ""),
        (BLOCK, {"blockPublicAcls": True}, {"blockPublicAcls": False}, "objects may become public"),
        (BLOCK, {"blockPublicAcls": True}, {}, "objects may become public"),
        ("aws:rds/instance:Instance", {"publiclyAccessible": False}, {"publiclyAccessible": True}, "public address"),
        ("aws:lb/loadBalancer:LoadBalancer", {"internal": True}, {"internal": False}, "from the internet"),
        (
            "aws:lambda/functionUrl:FunctionUrl",
            {"authorizationType": "AWS_IAM"},
            {"authorizationType": "NONE"},
            "anyone",
        ),
        (
            "kubernetes:networking.k8s.io/v1:Ingress",
            {"metadata": {"annotations": {"alb.ingress.kubernetes.io/scheme": "internal"}}},
            {"metadata": {"annotations": {"alb.ingress.kubernetes.io/scheme": "internet-facing"}}},
            "the whole internet can connect",
        ),
        (
            "kubernetes:cilium.io/v2:CiliumNetworkPolicy",
            {"spec": {"ingress": [{"fromEndpoints": [{}]}]}},
            {
                "spec": {
                    "ingress": [
                        {"fromEntities": ["world"], "toPorts": [{"ports": [{"port": "22", "protocol": "TCP"}]}]}
                    ]
                }
            },
            "the whole internet can connect to its pods on tcp 22",
        ),
    ],
)
def test_other_ways_to_be_public(type: str, old: Any, new: Any, says: str) -> None:
    made = change(type, Op.CREATE, inputs=new) if old is None else update(type, old, new)
    text = " ".join(each.text for each in reported(BUCKET, made))
    assert (says in text) if says else not text


def test_sets_of_addresses() -> None:
    assert parsed(HALVES) == parsed([ALL])
    assert not parsed(["10.0.0.0/8"])[4] - parsed(["10.0.0.0/9", "10.128.0.0/9"])[4]
    assert (parsed([ALL])[4] - parsed(["0.0.0.0/1"])[4]).spans == parsed(["128.0.0.0/1"])[4].spans
    assert parsed(["sg-1", None, "pl-1", {"a": 1}, "1.2.3.4/33"]) == parsed([])
    assert parsed(["1.2.3.4"])[4].size == 1 and parsed(["1.1.1.1-1.1.1.4"])[4].size == 4
