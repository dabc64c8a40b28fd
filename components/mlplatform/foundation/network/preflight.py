"""Lookups before anything is created: whether AWS can provide the network and the pools of nodes."""

from collections.abc import Iterator, Mapping, Sequence

import pulumi
import pulumi_aws as aws

from mlplatform.foundation.network.survey import Question, Survey, survey
from mlplatform.lookups import look_up

Pools = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""Instance types and zones of pools, by the pools' names in messages. No zones means all zones of the network."""


def check(question: Question, pools: Pools) -> Survey:
    """Reject a network or instance types that AWS can't provide. Returns the network's lookups, for `Network.surveyed`.

    `Network` itself rejects the same networks, but by then resources of other components may be being created.

    Args:
        question: the requirements of the network.
        pools: the groups of nodes.

    Raises:
        pulumi.RunError: lists all problems.
    """
    found, region = survey(question), question.region
    types = sorted({each for types, _ in pools.values() for each in types})
    offers = look_up(
        lambda: aws.ec2.get_instance_type_offerings(
            region=region,
            location_type="availability-zone",
            filters=[{"name": "instance-type", "values": types}],
        ),
        "the zones that have the instance types",
        "Allow ec2:DescribeInstanceTypeOfferings.",
    )
    having: dict[str, set[str]] = {each: set() for each in types}
    for type, zone in zip(offers.instance_types, offers.locations, strict=True):
        having[type].add(zone)
    if wrong := [*missing(pools, {key: zone.name for key, zone in found.zones.items()}, having)]:
        raise pulumi.RunError("\n".join(["nodes can't be created as specified:", *wrong]))
    return found


def missing(pools: Pools, names: Mapping[str, str], offers: Mapping[str, set[str]]) -> Iterator[str]:
    """One sentence per type that AWS offers in no zone of its pool, and per pool with zones without any of its types.

    Args:
        pools: the groups of nodes.
        names: the account's names of the network's zones, by their names or IDs in the spec.
        offers: the names of the zones that offer each type.
    """
    for pool, (types, wanted) in pools.items():
        places = {key: names[key] for key in wanted or names}
        for type in types:
            if not offers[type] & {*places.values()}:
                elsewhere = ", ".join(sorted(offers[type])) or "no zone of the region"
                yield (
                    f"{pool}.instanceTypes has {type}, which AWS offers in {elsewhere}; allowed: types that AWS offers "
                    "in the pool's zones"
                )
        without = [key for key, name in places.items() if not any(name in offers[type] for type in types)]
        if without and len(without) < len(places):
            having = [key for key in places if key not in without]
            yield (
                f"{pool}.zones has {', '.join(without)}; allowed: {', '.join(having)}, since AWS offers none of "
                f"{', '.join(types)} in the others"
            )
