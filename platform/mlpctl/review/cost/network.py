"""What connects: NAT gateways, addresses, endpoints, load balancers, zones of DNS."""

from typing import Final

from mlpctl.review.cost.book import MONTH_HOURS
from mlpctl.review.cost.parts import Free, Missing, NoPrice, Parts, Subject, aside

SUBNET: Final = "aws:ec2/subnet:Subnet"


def nat_gateway(of: Subject) -> Parts:
    """A NAT gateway: its hours, and the data through it."""
    yield from of.hourly("nat", "gateway")
    yield from of.used("natDataGb", "nat", "data")
    if of.text("connectivityType", "public") == "public":
        yield from of.used("dataOutGb", "transfer", "out")


def address(of: Subject) -> Parts:
    """A public IPv4 address, which costs the same whether it is used or not."""
    yield from of.hourly("public-ipv4", "in-use")


def endpoint(of: Subject) -> Parts:
    """A VPC endpoint: an interface is paid in each zone, a gateway is free."""
    kind = of.text("vpcEndpointType", "Gateway")
    if kind == "Gateway":
        yield Free("gateway endpoints are free")
        return
    if kind != "Interface":
        raise NoPrice(f"the price book has no endpoint of type {kind}")
    zones = of.count("subnetIds", SUBNET)
    if not zones:
        raise NoPrice("subnetIds is not given")
    yield from of.hourly("vpc-endpoint", "interface", zones)
    yield from of.used("endpointDataGb", "vpc-endpoint", "data")


def load_balancer(of: Subject) -> Parts:
    """An Application or Network Load Balancer, with its public addresses where it faces the internet."""
    kind = {"application": "alb", "network": "nlb"}.get(of.text("loadBalancerType", "application"))
    if kind is None:
        raise NoPrice(f"the price book has no load balancer of type {of.text('loadBalancerType')}")
    yield from balancer(of, kind)
    if of.get("minimumLoadBalancerCapacity") is not None:
        yield Missing("capacity that is reserved for it")
    if not of.true("internal") and of.text("ipAddressType") != "dualstack-without-public-ipv4":
        yield from aside(_addresses(of), "its public addresses")


def balancer(of: Subject, kind: str) -> Parts:
    """The hours of a load balancer, `alb` or `nlb`, its capacity units, and what it sends."""
    yield from of.hourly("elb", kind)
    yield from of.used("loadBalancerLcu", "elb", f"{kind}-lcu", times=MONTH_HOURS)
    yield from of.used("dataOutGb", "transfer", "out")


def _addresses(of: Subject) -> Parts:
    mappings = of.each("subnetMappings")
    zones = len(mappings) or of.count("subnets", SUBNET)
    if not zones:
        raise NoPrice("subnets is not given")
    # An address of one's own is a resource of its own, and paid there.
    zones -= sum(each.get("allocationId") is not None for each in mappings)
    yield from of.hourly("public-ipv4", "in-use", zones)


def hosted_zone(of: Subject) -> Parts:
    """A hosted zone of Route 53."""
    yield from of.monthly("route53", "hosted-zone")
    yield Missing("questions to it")
