"""Finds the instances of a plan that run in its capacity reservations, so that they are not charged twice.

A reservation is billed like running instances, whether they run or not. An instance runs in the reservation that it
targets, or in an open reservation of its type and zone. One whose zone is not known is expected to run in an open
reservation of its type in the region, so that it is counted once; its maximum is without the reservation.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-pricing-billing.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-capacity-reservations.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlpctl.review.cost.parts import NoPrice, Range, Subject
from mlpctl.review.plan.model import Change
from mlpctl.review.values.plain import walk

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

    place: tuple[str, str]
    """Instance type and region."""

    zones: frozenset[str] | None
    """The zones of the instances; None if they are not known."""

    sizes: _Sides

    @property
    def zone(self) -> str:
        """The only zone; empty if there are several or none is known."""
        return next(iter(self.zones)) if self.zones is not None and len(self.zones) == 1 else ""


@dataclass(frozen=True)
class Covered:
    """Instances of a pool that are charged with open reservations of the plan."""

    inside: Range = NOTHING
    """How many run in the reservations; the expected number includes those of which that is only assumed."""

    assumed: float = 0
    """How many of the expected number are only assumed to do so, because a zone is not known."""

    outside: float = 0
    """How many more of the expected number may do so, because they are spread over several zones."""


def targets(of: Subject) -> Sequence[Change]:
    """The reservations of the plan that this launch template or instance targets."""
    sources = of.causes(SPECIFICATION)
    named = {each for _, each in walk(of.get(f"{SPECIFICATION}.capacityReservationTarget")) if isinstance(each, str)}
    found = [*of.world.named(RESERVATION, named), *(each.change for each in sources if each.change.type == RESERVATION)]
    groups = [each for each in sources if each.change.type == _GROUP]
    found += [change for each in groups for change in _reservations(each)]
    return [*{each.urn: each for each in found}.values()]


def covered(of: Subject) -> Covered:
    """How many of a pool's instances run in open reservations of the plan.

    Reserved capacity is used only once.
    """
    shares: Mapping[str, Covered] | None = of.world.reserved.get(of.before)
    if shares is None:
        shares = of.world.reserved[of.before] = dict(_shares(of))
    return shares.get(of.change.urn, Covered())


_Left = dict[tuple[str, str], dict[str, list[float]]]
"""Unused reserved instances (minimum, expected, maximum) by type and region, and by zone."""


def _shares(of: Subject) -> Iterator[tuple[str, Covered]]:
    """The instances of each pool that run, or may run, in open reservations.

    Those that target a reservation, and those that can only run in one zone, use it first; otherwise in the plan's
    order.
    """
    left: _Left = {}
    opens: dict[str, list[float]] = {}
    for each in of.world.of_type(RESERVATION):
        if (found := _open(of.beside(each))) is not None:
            place, zone, count = found
            sides = left.setdefault(place, {}).setdefault(zone, [0.0, 0.0, 0.0])
            sides[:] = [side + count for side in sides]
            opens[each.urn] = sides
    if not left:
        return
    pools: list[tuple[int, str, _Pool]] = []
    for kind in _POOLS:
        for each in of.world.of_type(kind):
            subject = of.beside(each)
            _take_targeted(subject, opens)
            pool = _pool(subject)
            if pool and pool.place in left:
                pools.append((0 if pool.zone else 2 if pool.zones else 1, each.urn, pool))
    for _, urn, pool in sorted(pools, key=lambda each: each[0]):
        yield urn, _taken(pool, left[pool.place])


def _take_targeted(of: Subject, opens: Mapping[str, list[float]]) -> None:
    """Use the capacity of the open reservations that a pool targets."""
    try:
        specified = _specified(of)
        sizes = _sizes(of)
    except NoPrice:
        return
    wanted = [*sizes]
    for each in targets(specified) if specified else ():
        sides = opens.get(each.urn, [0.0, 0.0, 0.0])
        for side, count in enumerate(wanted):
            more = min(count, sides[side])
            sides[side] -= more
            wanted[side] -= more


def _specified(of: Subject) -> Subject | None:
    """The pool itself or its launch template, whichever targets a reservation."""
    templates = of.linked("launchTemplate", LAUNCH_TEMPLATE)
    target = f"{SPECIFICATION}.capacityReservationTarget"
    return next((each for each in (of, *templates[:1]) if each.inputs and each.get(target) is not None), None)


def _taken(pool: _Pool, left: dict[str, list[float]]) -> Covered:
    """The instances of a pool that run in the remaining capacity of its type, and how many more may do so."""
    taken = [0.0, 0.0, 0.0]
    fits = assumed = 0.0
    for zone, sides in left.items():
        if pool.zones is not None and zone and zone not in pool.zones:
            continue
        fits += sides[1]
        surely = bool(zone) and pool.zone == zone
        # An instance in an unknown zone is expected to run in the reservation that was made for its type; the most
        # that it may cost is without it. Instances that are spread over zones use it only in the cheapest case.
        unknown = pool.zones is None or (not zone and bool(pool.zone))
        for side in range(3 if surely else 2 if unknown else 1):
            more = min(sides[side], pool.sizes[side] - taken[side])
            taken[side] += more
            sides[side] -= more
            assumed += more if unknown and side == 1 else 0
    return Covered(Range(*taken), assumed, min(fits, pool.sizes[1]) - taken[1])


def _open(reservation: Subject) -> tuple[tuple[str, str], str, float] | None:
    """Type and region, zone, and number of instances of an open reservation; None for other reservations."""
    try:
        criteria = reservation.text("instanceMatchCriteria", "open"), reservation.text("tenancy", "default")
        if not reservation.inputs or criteria != ("open", "default"):
            return None
        zone = reservation.get("availabilityZone")
        count = reservation.number("instanceCount")
        place = reservation.text("instanceType"), reservation.region
        return place, zone if isinstance(zone, str) else "", count
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
        return _Pool((types[0], of.region), _zones(of), _sizes(of))
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


def _reservations(group: Subject) -> Iterator[Change]:
    """The reservations of the plan in a resource group."""
    members = group.world.users(group.change.urn, _MEMBER, "groupArn")
    for each in members:
        sources = group.beside(each).causes("resourceArn")
        yield from (source.change for source in sources if source.change.type == RESERVATION)
