"""What is asked of AWS before anything is created: whether the network and the pools can be had as they are wanted."""

from collections.abc import Iterator, Mapping, Sequence

import pulumi
import pulumi_aws as aws

from mlplatform.foundation.network.survey import Question, Survey, survey
from mlplatform.lookups import look_up

Pools = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""Instance types and zones of pools by what the pools are called; no zones are all of the network's."""


def check(question: Question, pools: Pools) -> Survey:
    """Refuse a network, or instance types, that can't be had; what was looked up of the network, for `Network`.

    `Network` by itself refuses the same networks; by then, resources of other components may be in the making.

    Args:
        question: what the network is asked for.
        pools: the groups of nodes.

    Raises:
        pulumi.RunError: with everything that is wrong.
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
        raise pulumi.RunError("\n".join(["nodes can't be had as they are wanted:", *wrong]))
    return found


def missing(pools: Pools, names: Mapping[str, str], offers: Mapping[str, set[str]]) -> Iterator[str]:
    """What a region lacks: a sentence for each type that no zone of its pool has, and each zone with none of the types.

    Args:
        pools: the groups of nodes.
        names: the account's names of the network's zones, by how the spec spells them.
        offers: the zones, by the account's names, that have each type.
    """
    for pool, (types, wanted) in pools.items():
        places = {key: names[key] for key in wanted or names}
        for type in types:
            if not offers[type] & {*places.values()}:
                elsewhere = ", ".join(sorted(offers[type])) or "no zone of the region"
                yield f"{pool}.instanceTypes has {type}, which is offered in {elsewhere}; allowed: types of its zones"
        without = [key for key, name in places.items() if not any(name in offers[type] for type in types)]
        if without and len(without) < len(places):
            having = [key for key in places if key not in without]
            yield (
                f"{pool}.zones has {', '.join(without)}; allowed: {', '.join(having)}, since the others have none of "
                f"{', '.join(types)}"
            )
