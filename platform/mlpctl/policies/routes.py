"""Routes and endpoints of subnets in an estate, for rules."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Final

import pulumi_aws as aws

from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.policies.pods import Part
from mlpctl.review.compare.equality import word
from mlpctl.review.values.plain import items
from mlplatform.foundation.network.reach import Door, Subnet

HTTPS: Final = 443

_GROUP: Final = token(aws.ec2.SecurityGroup)
_MAIN: Final = "defaultRouteTableId"
_DESTINATIONS: Final = ("destinationCidrBlock", "cidrBlock")
_WIDEST: Final = 1
"""Prefix of the networks of two routes that together lead everywhere: 0.0.0.0/1 and 128.0.0.0/1."""


def subnet_of(subnet: Resource, doors: Sequence[Door]) -> Subnet:
    """A subnet with its routes.

    Raises:
        NotEvaluated: they are not known yet, or not part of the stack.
    """
    tables = _tables(subnet)
    leaves = any(_leaves(route) for table in tables for route in _routes(table))
    gateways = frozenset(service for table in tables for service in _gateways(table))
    limited = any(door.open_to is not None for door in doors)
    cidr = subnet.get("cidrBlock") if limited else ""
    if limited and network_of(cidr) is None:
        raise NotEvaluated(f"cidrBlock of {subnet.name} is not known yet")
    return Subnet(subnet.name, str(cidr), leaves, gateways)


def doors_of(subnet: Resource) -> list[Door]:
    """The interface endpoints of the network of a subnet.

    Raises:
        NotEvaluated: they are not known yet.
    """
    return [
        Door(service_of(each), open_to(each), each.get("privateDnsEnabled") is True)
        for each in subnet.estate.of(aws.ec2.VpcEndpoint)
        if each.get("vpcEndpointType", "Gateway") == "Interface" and _network(each) == _network(subnet)
    ]


def service_of(endpoint: Resource) -> str:
    """The service of an endpoint, e.g. `ecr.api` of `com.amazonaws.us-east-1.ecr.api`; empty if it is not AWS's."""
    name = str(endpoint.get("serviceName", ""))
    # `com.amazonaws.vpce.us-east-1.vpce-svc-…` is a service of another account.
    return "" if name.startswith("com.amazonaws.vpce.") else name.partition("com.amazonaws.")[2].partition(".")[2]


def open_to(endpoint: Resource) -> list[str] | None:
    """The networks that the security groups of an endpoint allow on port 443; None if the stack does not say it all."""
    groups = endpoint.referred("securityGroupIds")
    wanted = endpoint.inputs.get("securityGroupIds")
    if not groups or len(groups) < len(items(wanted)) or any(each.type != _GROUP for each in groups):
        return None
    found: list[str] = []
    for group in groups:
        for rule in ingress(group):
            if allows(rule, HTTPS):
                networks = [each.known for key in ("cidrIpv4", "cidrBlocks") for each in rule.parts(key)]
                if not networks:
                    return None
                found += [str(each) for each in map(network_of, networks) if each]
    return found


def ingress(target: Resource) -> Iterator[Part]:
    """The rules for incoming traffic of a security group, or of the one that another resource has.

    Raises:
        NotEvaluated: there are none, but it is not known to which group another rule belongs.
    """
    yield from Part(target.inputs).parts("ingress")
    yield from (Part(each.inputs) for each in target.referring(aws.vpc.SecurityGroupIngressRule, "securityGroupId"))
    for each in target.referring(aws.ec2.SecurityGroupRule, "securityGroupId"):
        if each.get("type") == "ingress":
            yield Part(each.inputs)


def allows(rule: Part, port: int) -> bool:
    """Whether a rule allows TCP connections to a port."""
    protocol = str(rule.get("ipProtocol") or rule.get("protocol") or "-1")
    if protocol in ("-1", "all"):
        return True
    first, last = word(rule.get("fromPort", 0)), word(rule.get("toPort", 65535))
    known = first.isdecimal() and last.isdecimal()
    return protocol in ("tcp", "6") and known and int(first) <= port <= int(last)


def _tables(subnet: Resource) -> list[Resource]:
    """The route tables of a subnet: its own, or else the main one of its network."""
    own = subnet.referring(aws.ec2.RouteTableAssociation, "subnetId")
    networks = subnet.referred("vpcId")
    links = own or [each for vpc in networks for each in vpc.referring(aws.ec2.MainRouteTableAssociation, "vpcId")]
    found = [table for link in links for table in link.referred("routeTableId")]
    if not links:
        # The main table is an output of the network.
        found = [*networks, *(each for vpc in networks for each in vpc.referring(aws.ec2.DefaultRouteTable, _MAIN))]
    if not found:
        raise NotEvaluated(f"the route table of {subnet.name} is not part of the stack")
    return found


def _routes(table: Resource) -> Iterator[Mapping[str, Any]]:
    yield from (each for each in table.each("routes") if isinstance(each, Mapping))
    yield from (each.inputs for each in table.referring(aws.ec2.Route, "routeTableId"))


def _leaves(route: Mapping[str, Any]) -> bool:
    given = Part(route, "route")
    networks = (network_of(given.get(key)) for key in _DESTINATIONS)
    everywhere = any(each.prefixlen <= _WIDEST for each in networks if each)
    targets = (key for key in route if key.endswith(("Id", "Arn")) and key not in ("routeTableId", "id"))
    return everywhere and any(route[key] not in (None, "") for key in targets)


def network_of(value: Any) -> IPv4Network | None:
    """The network of a CIDR block; None for anything else, also for IPv6."""
    try:
        return IPv4Network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        return None


def _gateways(table: Resource) -> Iterator[str]:
    """The services of the gateway endpoints of a route table."""
    endpoints = [
        *table.referring(aws.ec2.VpcEndpoint, "routeTableIds"),
        *(
            endpoint
            for link in table.referring(aws.ec2.VpcEndpointRouteTableAssociation, "routeTableId")
            for endpoint in link.referred("vpcEndpointId")
        ),
    ]
    return map(service_of, endpoints)


def _network(resource: Resource) -> Any:
    """What identifies the network of a subnet or an endpoint."""
    return sorted(each.urn for each in resource.referred("vpcId")) or resource.get("vpcId")
