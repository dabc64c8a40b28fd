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
    if wrong := problems(wanted, there, region):
        raise pulumi.RunError("\n".join(["the network can't be in these zones:", *wrong]))
    known = _by_key(there)
    return {key: known[key] for key in wanted}


def problems(wanted: Sequence[str], there: Sequence[Zone], region: str) -> list[str]:
    """Why a network cannot be in the zones in `wanted`: one sentence for each problem."""
    known = _by_key(there)
    usable = [zone for zone in there if zone.id not in WITHOUT_CONTROL_PLANE]
    allowed = f"allowed: {', '.join(f'{zone.name} ({zone.id})' for zone in usable)}"
    found, first = [], dict[str, str]()
    for key in wanted:
        zone = known.get(key)
        if zone is None:
            found.append(f"zones has {key}, which this account does not have in {region}; {allowed}")
        elif zone not in usable:
            found.append(f"zones has {key}, where EKS has no control plane ({zone.id}); {allowed}")
        elif first.setdefault(zone.name, key) != key:
            found.append(f"zones has {key}, which is the same zone as {first[zone.name]}; {allowed}")
    return found


def _by_key(zones: Sequence[Zone]) -> Mapping[str, Zone]:
    """Zones by their names and by their IDs."""
    return {key: zone for zone in zones for key in (zone.name, zone.id)}
