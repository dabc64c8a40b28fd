"""Checks of the account's quotas for numbers of resources."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from awsfacts.quotas import Counted, counted_by
from mlpctl.doctor.account import home, tagged
from mlpctl.doctor.asking import Answers, NotAnsweredError, Question
from mlpctl.doctor.finding import Check, Finding, Found, Level, Wanted
from mlpctl.doctor.quotas import increase, limit, limits, unlisted
from mlpctl.doctor.vcpus import groups
from mlpctl.tags import pairs
from mlplatform.component import STACK_TAG
from mlplatform.foundation.network.spec import Nat

_LIVE: Final = [{"Name": "state", "Values": ["pending", "available", "deleting"]}]
"""The states that count: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"""

NATS: Final = Question("ec2", "DescribeNatGateways", {"Filters": _LIVE}, "NatGateways")
SUBNETS: Final = Question("ec2", "DescribeSubnets", items="Subnets")


@dataclass(frozen=True)
class Count:
    """How many resources the stack needs, and how to count those of others."""

    code: str
    needed: int
    field: str
    question: Question | None
    """The list of the resources that exist. None: the quota is for each cluster or each VPC, and the stack's own is
    new."""


def _zones_of_nat(wanted: Wanted) -> int:
    network = wanted.platform.network
    if network.existing or network.nat is Nat.NONE:
        return 0
    return len(network.zones) if network.nat is Nat.PER_ZONE else 1


def counts(wanted: Wanted) -> list[Count]:
    """The numbers of resources that the stack needs; only those that it needs at all."""
    platform, network = wanted.platform, wanted.platform.network
    services = network.services([*platform.services])
    endpoints = (
        Question(
            "ec2",
            "DescribeVpcEndpoints",
            {"Filters": [{"Name": "vpc-id", "Values": [network.existing.vpc_id]}]},
            "VpcEndpoints",
        )
        if network.existing
        else None
    )
    nats = _zones_of_nat(wanted)
    found = [
        Count("L-F678F1CE", 0 if network.existing else 1, "network", Question("ec2", "DescribeVpcs", items="Vpcs")),
        Count("L-0263D0A3", nats, "network.nat", Question("ec2", "DescribeAddresses", items="Addresses")),
        Count("L-29B6F2EB", len(services), "network.interfaceEndpoints", endpoints),
        Count("L-1194D53C", 1, "cluster", Question("eks", "ListClusters", items="clusters")),
        Count("L-6D54EA21", len(groups(wanted)), "gpuPools", None),
        Count(
            "L-DC2B2D3D",
            len(platform.buckets),
            "buckets",
            Question("s3", "ListBuckets", items="Buckets", region=home(wanted.region)),
        ),
    ]
    return [each for each in found if each.needed]


def _is_own(resource: Any, wanted: Wanted, buckets: Collection[str]) -> bool:
    """Whether the stack has created a listed resource: a cluster's name, a bucket, or a resource with tags."""
    if isinstance(resource, str):
        return resource == wanted.cluster_name
    return resource.get("Name") in buckets or _tagged_by(resource, wanted)


def _numbers(wanted: Wanted, answers: Answers) -> Iterator[Found]:
    for count in counts(wanted):
        known = counted_by(count.code)
        try:
            value, question = limit(count.code, known.service, wanted, answers)
            others = _others(count, wanted, answers)
        except NotAnsweredError as error:
            yield error.about(count.field)
            continue
        if value is None:
            yield unlisted(f"{count.code} ({known.name})", question, count.field)
            continue
        yield _number(known, count, value, others, question, wanted.region)


def _others(count: Count, wanted: Wanted, answers: Answers) -> int:
    """How many resources exist that the stack has not created."""
    if count.question is None:
        return 0
    arns = [each["ResourceARN"].split(":", 5) for each in answers.get(tagged(wanted)) or ()]
    buckets = {arn[5] for arn in arns if arn[2] == "s3"}
    return sum(_counts(each) and not _is_own(each, wanted, buckets) for each in answers(count.question))


def _counts(resource: Any) -> bool:
    """Whether a listed resource counts: of endpoints, those that are not gateways."""
    return not isinstance(resource, Mapping) or resource.get("VpcEndpointType") != "Gateway"


def _number(known: Counted, count: Count, value: float, others: int, question: Question, region: str) -> Finding:
    fact = f"{known.code} ({known.name}) is {value:g}, of which {others} are in use; the stack needs {count.needed}"
    if others + count.needed <= value:
        return Finding(Level.PASSES, fact, question, count.field)
    fix = f"{increase(known.service, known.code, others + count.needed, region)}, or remove what is not used."
    return Finding(Level.BLOCKS, fact, question, count.field, fix)


def _nat_gateways(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    if not _zones_of_nat(wanted):
        return
    known = counted_by("L-FE5A380F")
    value, question = limit(known.code, known.service, wanted, answers)
    if value is None:
        yield unlisted(f"{known.code} ({known.name})", question, "network.nat")
        return
    zones = {each["SubnetId"]: each["AvailabilityZone"] for each in answers(SUBNETS)}
    there = [each for each in answers(NATS) if not _tagged_by(each, wanted)]
    by_zone = {zone: [each for each in there if zones.get(each["SubnetId"]) == zone] for zone in {*zones.values()}}
    full = sorted(zone for zone, gateways in by_zone.items() if len(gateways) >= value)
    busiest = max((len(each) for each in by_zone.values()), default=0)
    fact = f"{known.code} ({known.name}) is {value:g}; others have at most {busiest} in a zone"
    chosen = [zone for zone in full if zone in wanted.platform.network.zones]
    if chosen:
        request = increase(known.service, known.code, busiest + 1, wanted.region)
        fix = f"{request}, or use other zones than {', '.join(chosen)}."
        yield Finding(
            Level.BLOCKS, f"{fact}; {', '.join(chosen)} has no room for another", question, "network.nat", fix
        )
    else:
        yield Finding(Level.PASSES, fact, question, "network.nat")


def _tagged_by(resource: Mapping[str, Any], wanted: Wanted) -> bool:
    return pairs(resource.get("Tags")).get(STACK_TAG) == wanted.tag


def _asks_numbers(wanted: Wanted, answers: Answers) -> Iterator[Question]:
    needed = counts(wanted)
    yield from limits(((each.code, counted_by(each.code).service) for each in needed), wanted, answers)
    yield from (each.question for each in needed if each.question)
    yield tagged(wanted)


def _asks_nats(wanted: Wanted, answers: Answers) -> Iterator[Question]:
    if _zones_of_nat(wanted):
        yield from limits([("L-FE5A380F", "vpc")], wanted, answers)
        yield from (NATS, SUBNETS)


CHECKS: Final = (
    Check("quotas.numbers", "VPCs, addresses, endpoints, clusters, node groups, buckets", _numbers, _asks_numbers),
    Check("quotas.nat", "NAT gateways in each zone", _nat_gateways, _asks_nats),
)
