"""Routes of subnets, for rules: which subnets lead to the internet."""

from collections.abc import Iterator
from typing import Any, Final

import pulumi_aws as aws

from mlpctl.policies.checks import any_of, is_on, parts
from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.review.values.plain import Secret, Unknown, items

_SUBNETS: Final = frozenset(map(token, (aws.ec2.Subnet, aws.ec2.DefaultSubnet)))
_GATEWAY: Final = token(aws.ec2.InternetGateway)


def subnets(resource: Resource, by: str) -> list[Resource]:
    """The subnets that an input refers to; those of other stacks are missing, see `foreign_subnets`."""
    found = {each.urn: each for each in resource.referred(by) if each.type in _SUBNETS}
    named = resource.estate.called(items(resource.inputs.get(by)), aws.ec2.Subnet, aws.ec2.DefaultSubnet)
    found |= {each.urn: each for each in named}
    return [*found.values()]


def foreign_subnets(resource: Resource, by: str) -> None:
    """Nothing, if every subnet that an input refers to is part of the stack.

    Raises:
        NotEvaluated: some are not, or are not known yet.
    """
    known = subnets(resource, by)
    names = {name for each in known for name in each.names}
    for each in items(resource.inputs.get(by)):
        if isinstance(each, str) and each not in names:
            raise NotEvaluated(f"{each} of {by} is not part of the stack")
    if not known and resource.has(by):
        raise NotEvaluated(f"the subnets of {by} are not part of the stack")


def gives_addresses(subnet: Resource) -> bool:
    """Whether a subnet gives hosts that start in it a public IPv4 address.

    Default subnets do, all others don't, unless it is set:
    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-public-ip.html

    Raises:
        NotEvaluated: this is not known yet.
    """
    return is_on(subnet.get("mapPublicIpOnLaunch", subnet.type == token(aws.ec2.DefaultSubnet)))


def is_public(subnet: Resource) -> bool:
    """Whether a subnet's route table has a route to an internet gateway.

    Raises:
        NotEvaluated: its route table, or the target of a route, is not known.
    """
    return any_of(_tables(subnet), _leads_out)


def _tables(subnet: Resource) -> Iterator[Resource]:
    """The route table of a subnet: its own, or else the main table of its VPC.

    Where the VPC's main table is not managed, routes refer to the VPC itself (`mainRouteTableId`).
    """
    associations = subnet.referring(aws.ec2.RouteTableAssociation, "subnetId")
    for each in associations:
        yield from _known(each.referred("routeTableId"), each.name)
    if not associations:
        for vpc in _known(subnet.referred("vpcId"), f"the VPC of {subnet.name}"):
            yield vpc
            for main in vpc.referring(aws.ec2.MainRouteTableAssociation, "vpcId"):
                yield from _known(main.referred("routeTableId"), main.name)
            yield from vpc.referring(aws.ec2.DefaultRouteTable, "defaultRouteTableId")


def _known(found: list[Resource], name: str) -> list[Resource]:
    if not found:
        raise NotEvaluated(f"{name} refers to something that is not part of the stack")
    return found


def _leads_out(table: Resource) -> bool:
    def of_route(route: Resource) -> bool:
        return _is_internet_gateway(route.inputs.get("gatewayId"), route.referred("gatewayId"))

    def of_part(route: Resource) -> bool:
        return _is_internet_gateway(route.inputs.get("gatewayId"), table.referred("routes"))

    return any_of(parts(table, "routes"), of_part) or any_of(table.referring(aws.ec2.Route, "routeTableId"), of_route)


def _is_internet_gateway(gateway: Any, referred: list[Resource]) -> bool:
    if isinstance(gateway, Unknown | Secret):
        if not referred:
            raise NotEvaluated("gatewayId of a route is not known yet")
        return any(each.type == _GATEWAY for each in referred)
    return str(gateway).startswith("igw-")
