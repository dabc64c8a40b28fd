"""Prices of networking: NAT gateways, addresses, endpoints, load balancers, hosted zones."""

from typing import Final

from mlpctl.review.cost.book import MONTH_HOURS
from mlpctl.review.cost.parts import Free, Missing, NoPrice, Parts, Subject, aside

SUBNET: Final = "aws:ec2/subnet:Subnet"


def nat_gateway(of: Subject) -> Parts:
    """A NAT gateway: its hours, and the data that it processes."""
    yield from of.hourly("nat", "gateway")
    yield from of.used("natDataGb", "nat", "data")
    if of.text("connectivityType", "public") == "public":
        yield from of.used("dataOutGb", "transfer", "out")


def address(of: Subject) -> Parts:
    """A public IPv4 address; the price is the same whether it is in use or idle."""
    yield from of.hourly("public-ipv4", "in-use")


def endpoint(of: Subject) -> Parts:
    """A VPC endpoint: interface endpoints are billed per zone, gateway endpoints are free."""
    kind = of.text("vpcEndpointType", "Gateway")
    if kind == "Gateway":
        yield Free("gateway endpoints are free")
        return
    if kind != "Interface":
        raise NoPrice(f"the price book does not cover endpoints of type {kind}")
    zones = of.count("subnetIds", SUBNET)
    if not zones:
        raise NoPrice("subnetIds is not set")
    yield from of.hourly("vpc-endpoint", "interface", zones)
    yield from of.used("endpointDataGb", "vpc-endpoint", "data")


def load_balancer(of: Subject) -> Parts:
    """An Application or Network Load Balancer, with its public addresses if it is internet-facing."""
    kind = {"application": "alb", "network": "nlb"}.get(of.text("loadBalancerType", "application"))
    if kind is None:
        raise NoPrice(f"the price book does not cover load balancers of type {of.text('loadBalancerType')}")
    yield from balancer(of, kind)
    if of.get("minimumLoadBalancerCapacity") is not None:
        yield Missing("its minimum capacity")
    if not of.true("internal") and of.text("ipAddressType") != "dualstack-without-public-ipv4":
        yield from aside(_addresses(of), "its public addresses")


def balancer(of: Subject, kind: str) -> Parts:
    """The hours of a load balancer (`alb` or `nlb`), its capacity units, and the data that it sends."""
    yield from of.hourly("elb", kind)
    yield from of.used("loadBalancerLcu", "elb", f"{kind}-lcu", times=MONTH_HOURS)
    yield from of.used("dataOutGb", "transfer", "out")


def _addresses(of: Subject) -> Parts:
    mappings = of.each("subnetMappings")
    zones = len(mappings) or of.count("subnets", SUBNET)
    if not zones:
        raise NoPrice("subnets is not set")
    # An Elastic IP address is a separate resource and is charged there.
    zones -= sum(each.get("allocationId") is not None for each in mappings)
    yield from of.hourly("public-ipv4", "in-use", zones)


def hosted_zone(of: Subject) -> Parts:
    """A Route 53 hosted zone."""
    yield from of.monthly("route53", "hosted-zone")
    yield Missing("its DNS queries")
