"""Rules for security groups and network ACLs."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import any_of, every, in_each, is_on, number, parts
from mlpctl.policies.estate import Estate, Resource, token
from mlpctl.policies.rule import ALWAYS, ONLY_PROD, Severity, rule
from mlpctl.policies.sources import RANGES, Ports, internet, ports, prefix_lists
from mlpctl.review.values import addresses

HIGH_RISK: Final = (
    *(20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088),
    *(8888, 9200, 9300),
)
"""Ports of high risk, by the control EC2.19:
https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-19"""

WEB: Final = (80, 443)
"""TCP ports that everybody may reach, by the control EC2.18:
https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-18"""

REMOTE: Final = (22, 3389)
"""TCP ports that a network ACL must not open, by the control EC2.21:
https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-21"""

_PRIVATE: Final = (
    aws.ec2.LaunchTemplate,
    aws.ec2.VpcEndpoint,
    aws.efs.MountTarget,
    aws.eks.Cluster,
    aws.rds.Cluster,
    aws.rds.Instance,
)
"""Resources that serve no clients on the internet, not even on web ports. A load balancer does."""

_GROUPS: Final = frozenset(map(token, (aws.ec2.SecurityGroup, aws.ec2.DefaultSecurityGroup)))
_CLUSTER: Final = token(aws.eks.Cluster)
_SHOWN: Final = 3


@rule(
    "ML-VPC-03",
    aws.vpc.SecurityGroupIngressRule,
    aws.ec2.SecurityGroupRule,
    aws.ec2.SecurityGroup,
    aws.ec2.DefaultSecurityGroup,
    aws.ec2.NetworkAcl,
    aws.ec2.NetworkAclRule,
    reason="Every port that is open to the internet is scanned and attacked within minutes.",
    remedy="Allow only the networks of the clients, or another security group.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=[
        "fsbp:EC2.18",
        "fsbp:EC2.19",
        "fsbp:EC2.21",
        "cis-aws:5.1",
        "cis-aws:5.2",
        "cis-aws:5.3",
        "nist:AC-4(21)",
        "nist:CM-7",
        "nist:SC-7(5)",
        "soc2:CC6.6",
        "iso:A.8.20",
        "iso:A.8.22",
        "checkov:CKV_AWS_24",
        "checkov:CKV_AWS_25",
        "checkov:CKV_AWS_277",
    ],
)
def no_port_is_open_to_the_internet(resource: Resource) -> Iterator[str]:
    """Nothing but web ports of load balancers is open to the internet.

    The default network ACL of a VPC is exempt, as it is from the control EC2.21: AWS creates it with rules that allow
    everything, and security groups decide.
    """
    kind = resource.type
    if kind in _GROUPS:
        lists = prefix_lists(resource, "prefixListIds", within="ingress")
        yield from in_each(
            resource,
            "ingress",
            lambda each: _of_ingress(each, "protocol", internet(each, *RANGES, lists=lists), [resource]),
        )
    elif kind == token(aws.ec2.NetworkAcl):
        yield from in_each(resource, "ingress", lambda each: _of_entry(each, "action", "ruleNo", [resource]))
    elif kind == token(aws.ec2.NetworkAclRule):
        if not is_on(resource.get("egress")):
            yield from _of_entry(resource, "ruleAction", "ruleNumber")
    elif kind == token(aws.ec2.SecurityGroupRule):
        if resource.get("type") != "egress":
            lists = prefix_lists(resource, "prefixListIds")
            yield from _of_ingress(resource, "protocol", internet(resource, *RANGES, lists=lists))
    else:
        lists = prefix_lists(resource, "prefixListId")
        yield from _of_ingress(resource, "ipProtocol", internet(resource, "cidrIpv4", "cidrIpv6", lists=lists))


def _of_ingress(rule: Resource, protocol: str, wide: str, groups: Sequence[Resource] | None = None) -> Iterator[str]:
    """The violations of a rule of a security group, by its sources that are the internet."""
    if not wide:
        return
    found = ports(rule, protocol)
    if found.protocol.startswith("icmp"):
        return
    if found.protocol != "tcp" or found.low != found.high or found.low not in WEB:
        yield f"opens {found} to {wide}{_risk(found)}"
        return
    for group in groups if groups is not None else rule.referred("securityGroupId"):
        if user := _private_user(group):
            yield f"opens {found} of {user} to {wide}, although it serves no clients on the internet"


def _risk(found: Ports) -> str:
    risky = [port for port in HIGH_RISK if found.include("tcp", port)]
    if not risky:
        return ""
    if found.low == found.high:
        return ", which is of high risk"
    more = f" and {len(risky) - _SHOWN} others" if len(risky) > _SHOWN else ""
    return f", among them {', '.join(map(str, risky[:_SHOWN]))}{more} of high risk"


def _private_user(group: Resource) -> str:
    """The name of a resource with this security group that serves no clients on the internet; empty if none has."""
    if group.type == _CLUSTER:
        return group.name
    return group.estate.once("users of security groups", lambda: _users(group.estate)).get(group.urn, "")


def _users(estate: Estate) -> Mapping[str, str]:
    """By URN of what they depend on: the names of the first resources that serve no clients on the internet."""
    found: dict[str, str] = {}
    for each in estate.of(*_PRIVATE):
        for urn in (urn for causes in each.depends.values() for urn in causes):
            found.setdefault(urn, each.name)
    return found


def _of_entry(entry: Resource, action: str, order: str, acls: Sequence[Resource] | None = None) -> Iterator[str]:
    """The violations of an entry of a network ACL."""
    if str(entry.get(action)).lower() != "allow":
        return
    wide = internet(entry, "cidrBlock", "ipv6CidrBlock")
    found = ports(entry, "protocol")
    exposed = [port for port in REMOTE if found.include("tcp", port)] if wide else []
    if not exposed:
        return
    rank = number(entry.get(order)) or 0
    denials = [each for acl in acls or entry.referred("networkAclId") for each in _denials(acl)]
    left = [port for port in exposed if not any_of(denials, partial(_denies, rank=rank, entry=entry, port=port))]
    if left:
        yield f"opens TCP {'port' if len(left) == 1 else 'ports'} {' and '.join(map(str, left))} to {wide}"


def _denials(acl: Resource) -> Iterator[tuple[Resource, str]]:
    """The entries of a network ACL that deny traffic, with the name of the input with their number."""
    for each in parts(acl, "ingress"):
        if str(each.get("action")).lower() == "deny":
            yield each, "ruleNo"
    for each in acl.referring(aws.ec2.NetworkAclRule, "networkAclId"):
        if str(each.get("ruleAction")).lower() == "deny" and not is_on(each.get("egress")):
            yield each, "ruleNumber"


def _denies(denial: tuple[Resource, str], rank: float, entry: Resource, port: int) -> bool:
    """Whether an entry denies a port to all sources of an entry, before that allows it."""
    each, order = denial
    denied, allowed = (addresses.parsed([one.get("cidrBlock"), one.get("ipv6CidrBlock")]) for one in (each, entry))
    return (
        (number(each.get(order)) or 0) < rank
        and ports(each, "protocol").include("tcp", port)
        and all(not allowed[version] - denied[version] for version in allowed)
    )


@rule(
    "ML-VPC-06",
    aws.vpc.SecurityGroupIngressRule,
    aws.vpc.SecurityGroupEgressRule,
    aws.ec2.SecurityGroupRule,
    aws.ec2.SecurityGroup,
    aws.ec2.DefaultSecurityGroup,
    reason="Nobody dares to remove a rule whose purpose is not known.",
    remedy="Say in the rule's description who needs it, and for what.",
    severity=Severity.LOW,
    levels=ONLY_PROD,
    serves=["checkov:CKV_AWS_23"],
)
def security_group_rules_have_descriptions(resource: Resource) -> Iterator[str]:
    """Every rule of a security group has a description."""
    if resource.type not in _GROUPS:
        if not _described(resource):
            yield "has no description"
        return
    yield from every(("ingress", "egress"), partial(_undescribed, resource))


def _undescribed(group: Resource, way: str) -> Iterator[str]:
    count = sum(not _described(each) for each in parts(group, way))
    if count:
        yield f"has {count} {way} {'rule' if count == 1 else 'rules'} without a description"


def _described(rule: Resource) -> bool:
    return bool(str(rule.get("description", "")).strip())
