"""The availability zones of an account, and the zones of a network among them."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from awsfacts.zones import WITHOUT_CONTROL_PLANE, Zone
from mlplatform.lookups import look_up


def find(region: str, opts: pulumi.InvokeOptions | None = None) -> list[Zone]:
    """The account's availability zones in a region, sorted by name.

    Args:
        region: the region.
        opts: options that choose the provider. Default: the program's provider.

    Raises:
        pulumi.RunError: the lookup fails.
    """
    found = look_up(
        lambda: aws.get_availability_zones(
            region=region, filters=[{"name": "zone-type", "values": ["availability-zone"]}], opts=opts
        ),
        f"the availability zones of {region}",
        "Allow ec2:DescribeAvailabilityZones, and use a region that is enabled in the account.",
    )
    return [Zone(name, id) for name, id in zip(found.names, found.zone_ids, strict=True)]


def chosen(wanted: Sequence[str], there: Sequence[Zone], region: str) -> dict[str, Zone]:
    """The account's zones for the names or IDs in `wanted`.

    Raises:
        pulumi.RunError: lists all problems.
    """
    known: Mapping[str, Zone] = {key: zone for zone in there for key in (zone.name, zone.id)}
    usable = [zone for zone in there if zone.id not in WITHOUT_CONTROL_PLANE]
    allowed = f"allowed: {', '.join(f'{zone.name} ({zone.id})' for zone in usable)}"
    problems, first = [], dict[str, str]()
    for key in wanted:
        zone = known.get(key)
        if zone is None:
            problems.append(f"zones has {key}, which this account does not have in {region}; {allowed}")
        elif zone not in usable:
            problems.append(f"zones has {key}, where EKS has no control plane ({zone.id}); {allowed}")
        elif first.setdefault(zone.name, key) != key:
            problems.append(f"zones has {key}, which is the same zone as {first[zone.name]}; {allowed}")
    if problems:
        raise pulumi.RunError("\n".join(["the network can't be in these zones:", *problems]))
    return {key: known[key] for key in wanted}
