"""Finds the instances of a plan that run in its capacity reservations, so that they are not charged twice.

A reservation is billed like running instances, whether they run or not. An instance runs in the reservation that it
targets, or in an open reservation of its type and zone:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-pricing-billing.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-capacity-reservations.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mlpctl.review.cost.parts import NoPrice, Range, Subject
from mlpctl.review.values import walk

RESERVATION: Final = "aws:ec2/capacityReservation:CapacityReservation"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
SPECIFICATION: Final = "capacityReservationSpecification"
NOTHING: Final = Range(0, 0, 0)

_GROUP: Final = "aws:resourcegroups/group:Group"
_MEMBER: Final = "aws:resourcegroups/resource:Resource"
_SUBNET: Final = "aws:ec2/subnet:Subnet"
_NODES: Final = "aws:eks/nodeGroup:NodeGroup"
_SCALED: Final = "aws:autoscaling/group:Group"
_INSTANCE: Final = "aws:ec2/instance:Instance"
_POOLS: Final = (_NODES, _SCALED, _INSTANCE)

_Sides = tuple[float, float, float]
"""Numbers of instances: minimum, expected, maximum."""


@dataclass(frozen=True)
class _Pool:
    """Instances of one type that may run in an open reservation."""

    kind: str
    zones: frozenset[str] | None
    """The zones of the instances; None if they are not known."""

    sizes: _Sides


def is_targeted(of: Subject) -> bool:
    """Whether this launch template or instance targets a reservation of the plan."""
    sources = of.causes(SPECIFICATION)
    named = {each for _, each in walk(of.get(f"{SPECIFICATION}.capacityReservationTarget")) if isinstance(each, str)}
    if of.world.named(RESERVATION, named) or any(each.change.type == RESERVATION for each in sources):
        return True
    return any(_has_reservations(each) for each in sources if each.change.type == _GROUP)


def covered(of: Subject) -> tuple[Range, float]:
    """How many of a pool's instances run in open reservations of the plan, and how many more may do so.

    Reserved capacity is used only once.
    """
    shares = of.world.reserved.get(of.before)
    if shares is None:
        shares = of.world.reserved[of.before] = dict(_shares(of))
    *inside, more = shares.get(of.change.urn, (0.0, 0.0, 0.0, 0.0))
    return Range(*inside), more


def _shares(of: Subject) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """The instances of each pool that run, or may run, in open reservations, in the plan's order."""
    left: dict[str, dict[str, list[float]]] = {}
    for each in of.world.of_type(RESERVATION):
        if (found := _open(of.beside(each))) is not None:
            kind, zone, count = found
            sides = left.setdefault(kind, {}).setdefault(zone, [0.0, 0.0, 0.0])
            sides[:] = [side + count for side in sides]
    if not left:
        return
    for kind in _POOLS:
        for each in of.world.of_type(kind):
            pool = _pool(of.beside(each))
            if pool and pool.kind in left:
                yield each.urn, _taken(pool, left[pool.kind])


def _taken(pool: _Pool, left: dict[str, list[float]]) -> tuple[float, float, float, float]:
    """The instances of a pool that run in the remaining capacity of its type, and how many more may do so."""
    taken = [0.0, 0.0, 0.0]
    fits = 0.0
    # Instances that may be in another zone may not use the reservation, so only the minimum is reduced.
    surely = pool.zones is not None and len(pool.zones) == 1
    for zone, sides in left.items():
        if pool.zones is not None and zone and zone not in pool.zones:
            continue
        fits += sides[1]
        for side in range(3 if surely and zone else 1):
            more = min(sides[side], pool.sizes[side] - taken[side])
            taken[side] += more
            sides[side] -= more
    return taken[0], taken[1], taken[2], min(fits, pool.sizes[1]) - taken[1]


def _open(reservation: Subject) -> tuple[str, str, float] | None:
    """Type, zone and number of instances of an open reservation; None for other reservations."""
    try:
        criteria = reservation.text("instanceMatchCriteria", "open"), reservation.text("tenancy", "default")
        if not reservation.inputs or criteria != ("open", "default"):
            return None
        zone = reservation.get("availabilityZone")
        count = reservation.number("instanceCount")
        return reservation.text("instanceType"), zone if isinstance(zone, str) else "", count
    except NoPrice:
        return None


def _pool(of: Subject) -> _Pool | None:
    """A pool's instances; None if they cannot run in an open reservation, or may be of several types."""
    try:
        templates = of.linked("launchTemplate", LAUNCH_TEMPLATE)
        template = templates[0] if templates else None
        if not of.inputs or any(_is_excluded(each) for each in (of, template) if each):
            return None
        types = [each for each in [*(of.known("instanceTypes") or []), of.text("instanceType")] if each]
        types = types or ([template.text("instanceType")] if template else [])
        if len(types) != 1 or of.get("mixedInstancesPolicy") is not None:
            return None
        return _Pool(types[0], _zones(of), _sizes(of))
    except NoPrice:
        return None


def _is_excluded(of: Subject) -> bool:
    """Whether instances cannot use open reservations: spot, dedicated tenancy, or a reservation target."""
    if of.text("capacityType", "ON_DEMAND") != "ON_DEMAND" or of.text("instanceMarketOptions.marketType"):
        return True
    if {of.text("tenancy", "default"), of.text("placement.tenancy", "default")} != {"default"}:
        return True
    preference = of.text(f"{SPECIFICATION}.capacityReservationPreference", "open")
    return preference == "none" or of.get(f"{SPECIFICATION}.capacityReservationTarget") is not None


def _sizes(of: Subject) -> _Sides:
    if of.change.type == _NODES:
        low, wanted, high = (of.number(f"scalingConfig.{each}") for each in ("minSize", "desiredSize", "maxSize"))
        return low, wanted, high
    if of.change.type == _SCALED:
        low = of.number("minSize")
        return low, of.number("desiredCapacity", low), of.number("maxSize")
    return 1, 1, 1


def _zones(of: Subject) -> frozenset[str] | None:
    """The zones of a pool, from its own inputs or its subnets."""
    own = [of.get("availabilityZone"), *_listed(of.get("availabilityZones"))]
    found = {each for each in own if isinstance(each, str)}
    for path in ("subnetIds", "vpcZoneIdentifiers", "subnetId"):
        if of.get(path) is None and not of.causes(path):
            continue
        zones = [each.get("availabilityZone") for each in of.linked(path, _SUBNET)]
        if not zones or len(zones) < len(_listed(of.get(path))) or not all(isinstance(each, str) for each in zones):
            return None
        found |= {each for each in zones if isinstance(each, str)}
    return frozenset(found) or None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _has_reservations(group: Subject) -> bool:
    """Whether a resource group contains a reservation of the plan."""
    members = group.world.users(group.change.urn, _MEMBER, "groupArn")
    return any(
        source.change.type == RESERVATION for each in members for source in group.beside(each).causes("resourceArn")
    )
