"""Checks of zones, of the instance types that they offer, and of reserved capacity."""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from awsfacts.zones import Zone
from mlpctl.doctor.asking import Answers, Question
from mlpctl.doctor.finding import Check, Finding, Level, Wanted, of_sentence
from mlpctl.doctor.vcpus import BLOCK, INSTANCES, RESERVATIONS, instances_of, is_own
from mlpctl.text import number
from mlplatform import GpuNodePoolSpec
from mlplatform.compute.node_group.scaling import Capacity
from mlplatform.foundation.network import account_zones, preflight

SOON: Final = datetime.timedelta(days=7)
"""How long before the end of a reservation the warning starts."""

_ZONES: Final = [{"Name": "zone-type", "Values": ["availability-zone"]}]
ZONES: Final = Question("ec2", "DescribeAvailabilityZones", {"Filters": _ZONES}, "AvailabilityZones")


def zones_of(answers: Answers) -> list[Zone]:
    """The account's availability zones, sorted by name.

    Raises:
        NotAnsweredError: AWS did not list them.
    """
    found = [Zone(each["ZoneName"], each["ZoneId"]) for each in answers(ZONES)]
    return sorted(found, key=lambda zone: zone.name)


def offerings(wanted: Wanted) -> Question:
    """The zones that offer the instance types of the stack."""
    types = sorted({each for types, _ in wanted.platform.pools.values() for each in types})
    filters = [{"Name": "instance-type", "Values": types}]
    return Question(
        "ec2",
        "DescribeInstanceTypeOfferings",
        {"LocationType": "availability-zone", "Filters": filters},
        "InstanceTypeOfferings",
    )


def _zones(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    network = wanted.platform.network
    field = "network.existing.privateSubnets" if network.existing else "network.zones"
    wrong = account_zones.problems(network.zone_names, zones_of(answers), wanted.region)
    yield from (of_sentence(Level.BLOCKS, each, ZONES, field) for each in wrong)
    if not wrong:
        fact = f"The account has {', '.join(network.zone_names)} in {wanted.region}"
        yield Finding(Level.PASSES, fact, ZONES, field)


def _types(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    question, pools = offerings(wanted), wanted.platform.pools
    there = zones_of(answers)
    if account_zones.problems(wanted.platform.network.zone_names, there, wanted.region):
        yield Finding(Level.NOT_CHECKED, "The zones of the network are invalid", ZONES, "network.zones")
        return
    chosen = account_zones.chosen(wanted.platform.network.zone_names, there, wanted.region)
    offers: dict[str, set[str]] = {each: set() for types, _ in pools.values() for each in types}
    for each in answers(question):
        offers.setdefault(each["InstanceType"], set()).add(each["Location"])
    names = {key: zone.name for key, zone in chosen.items()}
    for path, pool in pools.items():
        wrong = [*preflight.missing({path: pool}, names, offers)]
        yield from (of_sentence(Level.BLOCKS, each, question, each.partition(" ")[0]) for each in wrong)
        if not wrong:
            fact = f"Every zone of {path} offers one of {', '.join(pool[0])}"
            yield Finding(Level.PASSES, fact, question, f"{path}.instanceTypes")


def _members(group: str) -> Question:
    return Question("resource-groups", "ListGroupResources", {"Group": group}, "Resources")


def _reserved(wanted: Wanted) -> list[tuple[str, GpuNodePoolSpec]]:
    return [(name, pool) for name, pool in wanted.platform.gpu_pools.items() if pool.reservation]


def _reservations(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    for name, pool in _reserved(wanted):
        assert pool.reservation is not None
        known = {each["CapacityReservationId"]: each for each in answers(RESERVATIONS)}
        if pool.reservation.id:
            yield from _of_pool(name, pool, known.get(pool.reservation.id), wanted, answers)
        elif pool.reservation.group:
            yield from _of_group(name, pool, pool.reservation.group, known, wanted, answers)


def _of_group(
    name: str, pool: GpuNodePoolSpec, group: str, known: Mapping[str, Any], wanted: Wanted, answers: Answers
) -> Iterator[Finding]:
    question, field = _members(group), f"gpuPools.{name}.reservation.group"
    if not answers.exists(question):
        fact = f"The account has no resource group {group} in {wanted.region}"
        yield Finding(Level.BLOCKS, fact, question, field, "Correct the name, or create the group.")
        return
    ids = [each["Identifier"]["ResourceArn"].rpartition("/")[2] for each in answers(question)]
    suitable = [known[id] for id in ids if id in known and not [*_misfits(pool, known[id])]]
    active = [each for each in suitable if each["State"] == "active"]
    room = sum(each["TotalInstanceCount"] for each in active)
    there = f"{number(room, 'instance')} in {number(len(active), 'active reservation')}"
    fact = f"{group} has {there} with a type and a zone of the pool, which has {number(pool.nodes, 'node')}"
    if room < pool.nodes:
        fix = "Add active reservations of the pool's types and zones to the group, or use fewer nodes."
        yield Finding(Level.BLOCKS, fact, RESERVATIONS, field, fix)
    else:
        yield Finding(Level.PASSES, fact, RESERVATIONS, field)


def _of_pool(name: str, pool: GpuNodePoolSpec, found: Any, wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    assert pool.reservation is not None
    path, id = f"gpuPools.{name}", pool.reservation.id
    field = f"{path}.reservation.id"
    if found is None:
        fact = f"The account has no Capacity Reservation {id} in {wanted.region}"
        fix = "Use one that `aws ec2 describe-capacity-reservations` lists, or remove the reservation."
        yield Finding(Level.BLOCKS, fact, RESERVATIONS, field, fix)
        return
    wrong = [
        Finding(Level.BLOCKS, f"{id} {fact}", RESERVATIONS, f"{path}.{at}", fix)
        for at, fact, fix in _misfits(pool, found)
    ]
    wrong += _of_state(id or "", path, pool, found)
    wrong += _of_room(id or "", path, pool, found, wanted, answers)
    yield from wrong
    end = found.get("EndDate")
    if end is not None and end - wanted.now < SOON and found["State"] == "active":
        fact = f"{id} ends at {end:%Y-%m-%d %H:%M} UTC, and its nodes with it"
        yield Finding(Level.WARNS, fact, RESERVATIONS, field, f"Extend it, or set {path}.nodes to 0 before it ends.")
    elif not wrong:
        until = f" until {end:%Y-%m-%d %H:%M} UTC" if end else ""
        fact = f"{id} is active{until}, with {found['TotalInstanceCount']} {found['InstanceType']}"
        yield Finding(Level.PASSES, fact, RESERVATIONS, field)


def _misfits(pool: GpuNodePoolSpec, found: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The fields of a pool that a reservation does not fit, each with the fact and the fix."""
    if found["InstanceType"] not in pool.instance_types:
        yield "instanceTypes", f"is for {found['InstanceType']}", f"Set instanceTypes: [{found['InstanceType']}]."
    there = {found.get("AvailabilityZone"), found.get("AvailabilityZoneId")} - {None}
    if pool.zones and there and not there & {*pool.zones}:
        zone = found.get("AvailabilityZone") or found["AvailabilityZoneId"]
        yield "zones", f"is in {zone}", f"Set zones: [{zone}]; the network needs a subnet there."
    if (platform := found.get("InstancePlatform", "Linux/UNIX")) != "Linux/UNIX":
        yield "reservation.id", f"is for {platform}", "Use a reservation for Linux/UNIX."
    is_block, wants_block = found.get("ReservationType") == BLOCK, pool.capacity is Capacity.CAPACITY_BLOCK
    if is_block and not wants_block:
        yield "capacity", "is a Capacity Block", "Set capacity: capacityBlock."
    if wants_block and not is_block:
        yield "capacity", "is not a Capacity Block", "Set capacity: onDemand, or use the ID of a Capacity Block."


def _of_state(id: str, path: str, pool: GpuNodePoolSpec, found: Mapping[str, Any]) -> Iterator[Finding]:
    state, start = found["State"], found.get("StartDate")
    if state == "active":
        return
    if state in ("scheduled", "payment-pending", "pending", "delayed", "assessing"):
        begins = f" and begins at {start:%Y-%m-%d %H:%M} UTC" if start else ""
        level = Level.BLOCKS if pool.nodes else Level.NOTE
        fix = f"Set {path}.nodes to 0 until it is active." if pool.nodes else ""
        yield Finding(
            level,
            f"{id} is {state}{begins}; the pool has {number(pool.nodes, 'node')}",
            RESERVATIONS,
            f"{path}.nodes",
            fix,
        )
    else:
        yield Finding(Level.BLOCKS, f"{id} is {state}", RESERVATIONS, f"{path}.reservation.id", "Use an active one.")


def _of_room(
    id: str, path: str, pool: GpuNodePoolSpec, found: Mapping[str, Any], wanted: Wanted, answers: Answers
) -> Iterator[Finding]:
    total, free = found["TotalInstanceCount"], found.get("AvailableInstanceCount", 0)
    own = sum(each.get("CapacityReservationId") == id and is_own(each, wanted) for each in instances_of(answers))
    fact = f"{id} has {number(total, 'instance')}, of which {free} are free and {own} are nodes of this stack"
    if found["State"] == "active" and free + own < pool.nodes:
        fix = f"Set nodes to {free + own} or fewer, reserve more, or find out who else uses it."
        yield Finding(
            Level.BLOCKS, f"{fact}; the pool has {number(pool.nodes, 'node')}", RESERVATIONS, f"{path}.nodes", fix
        )
    elif total < pool.max_nodes:
        fix = f"Set maxNodes to {total}, or reserve more."
        yield Finding(Level.WARNS, f"{fact}; maxNodes is {pool.max_nodes}", RESERVATIONS, f"{path}.maxNodes", fix)


def _asks_reservations(wanted: Wanted, answers: Answers) -> Iterable[Question]:
    pools = _reserved(wanted)
    if not pools:
        return ()
    named = [pool.reservation.group for _, pool in pools if pool.reservation and pool.reservation.group]
    return (RESERVATIONS, INSTANCES, *map(_members, named))


CHECKS: Final = (
    Check("offers.zones", "the network's zones in this account", _zones, lambda *_: (ZONES,)),
    Check("offers.types", "instance types in the zones of each pool", _types, lambda w, _: (ZONES, offerings(w))),
    Check("reservations.pools", "reserved capacity against each pool", _reservations, _asks_reservations),
)
