"""Checks of the network: endpoint services, and an existing VPC. The rules are those of the component `Network`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from awsfacts.zones import Zone
from mlpctl.doctor.account import identity
from mlpctl.doctor.asking import Answers, Question
from mlpctl.doctor.finding import Check, Finding, Level, Wanted, of_sentence
from mlpctl.doctor.offers import ZONES, zones_of
from mlpctl.tags import pairs
from mlplatform.component import STACK_TAG
from mlplatform.foundation.network import account_zones, adoption, endpoint_services, offered
from mlplatform.foundation.network.existing import ANYWHERE, WAYS_OUT, Found, FoundEndpoint, FoundSubnet
from mlplatform.foundation.network.existing import Wanted as Needs
from mlplatform.foundation.network.spec import ExistingVpc

EXISTING: Final = "network.existing"


def _filters(**values: Sequence[str]) -> list[dict[str, Any]]:
    return [{"Name": name.replace("_", "-"), "Values": [*each]} for name, each in values.items()]


def _vpc(existing: ExistingVpc) -> Question:
    return Question("ec2", "DescribeVpcs", {"VpcIds": [existing.vpc_id]}, "Vpcs")


def _attribute(existing: ExistingVpc, name: str) -> Question:
    return Question("ec2", "DescribeVpcAttribute", {"VpcId": existing.vpc_id, "Attribute": name})


def _ids(existing: ExistingVpc) -> list[str]:
    return [*existing.private_subnets.values(), *existing.public_subnets.values(), *existing.pod_subnets.values()]


def _subnets(existing: ExistingVpc) -> Question:
    return Question("ec2", "DescribeSubnets", {"SubnetIds": _ids(existing)}, "Subnets")


def _tables(existing: ExistingVpc) -> Question:
    return Question("ec2", "DescribeRouteTables", {"Filters": _filters(vpc_id=[existing.vpc_id])}, "RouteTables")


def _endpoints(existing: ExistingVpc) -> Question:
    return Question("ec2", "DescribeVpcEndpoints", {"Filters": _filters(vpc_id=[existing.vpc_id])}, "VpcEndpoints")


def _interfaces(existing: ExistingVpc, tag: str) -> Question:
    nodes = [*existing.private_subnets.values(), *existing.pod_subnets.values()]
    filters = [*_filters(subnet_id=nodes), {"Name": f"tag:{STACK_TAG}", "Values": [tag]}]
    return Question("ec2", "DescribeNetworkInterfaces", {"Filters": filters}, "NetworkInterfaces")


def _services(wanted: Wanted) -> Question:
    services = wanted.platform.network.services([*wanted.platform.services])
    names = [endpoint_services.service_name(each, wanted.region) for each in services]
    filters = _filters(service_name=names, service_type=["Interface"])
    return Question("ec2", "DescribeVpcEndpointServices", {"Filters": filters}, "ServiceDetails")


def _endpoint_services(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    network, question = wanted.platform.network, _services(wanted)
    services = network.services([*wanted.platform.services])
    field = "network.interfaceEndpoints" if network.interface_endpoints else "network.endpointPreset"
    if not services:
        return
    zones = zones_of(answers)
    if account_zones.problems(network.zone_names, zones, wanted.region):
        yield Finding(Level.NOT_CHECKED, "The zones of the network are invalid", ZONES, field)
        return
    found = {each["ServiceName"]: each for each in answers(question)}
    there = {
        service: offered.Offer(each.get("AvailabilityZones", ()), each.get("PrivateDnsName", ""))
        for service in services
        if (each := found.get(endpoint_services.service_name(service, wanted.region)))
    }
    wrong = offered.problems(
        services, there, account_zones.chosen(network.zone_names, zones, wanted.region), wanted.region
    )
    yield from (of_sentence(Level.BLOCKS, f"Interface endpoint {each}", question, field) for each in wrong)
    if not wrong:
        yield Finding(Level.PASSES, f"The zones have interface endpoints of {', '.join(services)}", question, field)


def _existing(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    network = wanted.platform.network
    existing = network.existing
    if existing is None:
        return
    for question, what in ((_vpc(existing), existing.vpc_id), (_subnets(existing), "one of the subnets")):
        if not answers.exists(question) or not answers(question):
            fact = f"The account has no {existing.vpc_id if question == _vpc(existing) else what} in {wanted.region}"
            refusal = answers.refusal(question)
            told = f"{fact}: {refusal.message}" if refusal else fact
            yield Finding(Level.BLOCKS, told, question, EXISTING, "Correct the ID, the region or the account.")
            return
    needs = Needs.of(network, wanted.platform.services, wanted.platform.outside, wanted.platform.nodes_by_zone)
    found = _found(existing, wanted, answers)
    wrong = [*adoption.problems(existing, found, needs)]
    yield from (of_sentence(Level.BLOCKS, each, _question_of(each, existing), EXISTING) for each in wrong)
    if not wrong:
        free = ", ".join(f"{each.id} {each.free}" for each in (*found.private.values(), *found.pods.values()))
        fact = f"{existing.vpc_id} can be used; free addresses: {free}"
        yield Finding(Level.PASSES, fact, _subnets(existing), EXISTING)


def _question_of(problem: str, existing: ExistingVpc) -> Question:
    """The API that told a problem of an existing VPC."""
    if "endpoint" in problem:
        return _endpoints(existing)
    if "enableDns" in problem:
        return _attribute(existing, "enableDnsSupport" if "enableDnsSupport" in problem else "enableDnsHostnames")
    return _tables(existing) if "route" in problem else _subnets(existing)


def _found(existing: ExistingVpc, wanted: Wanted, answers: Answers) -> Found:
    """An existing VPC as the component `Network` looks it up."""
    (vpc,) = answers(_vpc(existing))
    ids = {zone.name: zone.id for zone in zones_of(answers)}
    described = {each["SubnetId"]: each for each in answers(_subnets(existing))}
    tables = answers(_tables(existing))
    dns = {name: answers(_attribute(existing, name)) for name in ("enableDnsSupport", "enableDnsHostnames")}

    def subnets(given: Mapping[str, str]) -> dict[str, FoundSubnet]:
        return {key: _subnet(described[id], tables, ids) for key, id in given.items()}

    services = {*endpoint_services.NODES_NEED, *wanted.platform.services, *endpoint_services.GATEWAY_SERVICES}
    services |= {*wanted.platform.network.services([*wanted.platform.services])}
    return Found(
        vpc_id=vpc["VpcId"],
        cidrs=[
            each["CidrBlock"]
            for each in vpc.get("CidrBlockAssociationSet", ())
            if each["CidrBlockState"]["State"] == "associated"
        ],
        shared=vpc.get("OwnerId") not in (None, answers(identity(wanted))["Account"]),
        dns_support=dns["enableDnsSupport"]["EnableDnsSupport"]["Value"],
        dns_hostnames=dns["enableDnsHostnames"]["EnableDnsHostnames"]["Value"],
        private=subnets(existing.private_subnets),
        public=subnets(existing.public_subnets),
        pods=subnets(existing.pod_subnets),
        in_use=bool(answers(_interfaces(existing, wanted.tag))),
        endpoints=_found_endpoints(answers(_endpoints(existing)), services, wanted),
    )


def _subnet(subnet: Mapping[str, Any], tables: Iterable[Mapping[str, Any]], ids: Mapping[str, str]) -> FoundSubnet:
    associations = [(each, table) for table in tables for each in table.get("Associations", ())]
    own = [table for each, table in associations if each.get("SubnetId") == subnet["SubnetId"]]
    main = [table for each, table in associations if each.get("Main")]
    table: Mapping[str, Any] = next(iter((*own, *main)), {})
    routes = [each for each in table.get("Routes", ()) if each.get("DestinationCidrBlock") == ANYWHERE]
    gateways = [str(each.get("GatewayId") or "") for each in routes]
    # The endpoint of a Gateway Load Balancer is a target of the API's member for gateways.
    ways = [each.get(_member(way)) for each in routes for way in WAYS_OUT]
    zone = subnet["AvailabilityZone"]
    return FoundSubnet(
        id=subnet["SubnetId"],
        vpc_id=subnet["VpcId"],
        zone=Zone(zone, ids.get(zone, subnet.get("AvailabilityZoneId", ""))),
        cidr=subnet["CidrBlock"],
        free=subnet["AvailableIpAddressCount"],
        table_id=table.get("RouteTableId", ""),
        leaves=any(ways) or any(each.startswith(("vgw-", "vpce-")) for each in gateways),
        public=any(each.startswith("igw-") for each in gateways),
        tags=pairs(subnet.get("Tags")),
    )


def _member(argument: str) -> str:
    """The member of EC2's API for an argument of the provider: `nat_gateway_id` to `NatGatewayId`."""
    return "".join(part.capitalize() for part in argument.split("_"))


def _found_endpoints(
    described: Iterable[Mapping[str, Any]], services: Iterable[str], wanted: Wanted
) -> dict[str, FoundEndpoint]:
    found = {}
    by_name = {(each["ServiceName"], each["VpcEndpointType"]): each for each in described if _is_there(each)}
    for service in services:
        kind = "Gateway" if service in endpoint_services.GATEWAY_SERVICES else "Interface"
        each = by_name.get((endpoint_services.service_name(service, wanted.region), kind))
        if each:
            found[service] = FoundEndpoint(
                id=each["VpcEndpointId"],
                gateway=kind == "Gateway",
                private_dns=bool(each.get("PrivateDnsEnabled")),
                ours=pairs(each.get("Tags")).get(STACK_TAG) == wanted.tag,
                table_ids=frozenset(each.get("RouteTableIds", ())),
            )
    return found


def _is_there(endpoint: Mapping[str, Any]) -> bool:
    return str(endpoint.get("State", "")).lower() not in ("deleting", "deleted", "failed", "rejected", "expired")


def _asks_existing(wanted: Wanted, answers: Answers) -> Iterable[Question]:
    existing = wanted.platform.network.existing
    if existing is None:
        return ()
    attributes = [_attribute(existing, name) for name in ("enableDnsSupport", "enableDnsHostnames")]
    lists = (_vpc, _subnets, _tables, _endpoints)
    return (identity(wanted), ZONES, *(ask(existing) for ask in lists), *attributes, _interfaces(existing, wanted.tag))


def _asks_services(wanted: Wanted, answers: Answers) -> Iterable[Question]:
    return (ZONES, _services(wanted)) if wanted.platform.network.services([*wanted.platform.services]) else ()


CHECKS: Final = (
    Check("network.existing", "an existing VPC: routes, free addresses, tags, endpoints", _existing, _asks_existing),
    Check("network.endpoints", "interface endpoints in the network's zones", _endpoint_services, _asks_services),
)
