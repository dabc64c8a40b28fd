"""Availability Zones: their names and IDs, and the ones that EKS does not support."""

import json
import re
import string
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

WITHOUT_CONTROL_PLANE: Final = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})
"""Zones in which a cluster cannot have subnets, as of December 2024:
https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html"""

DATA: Final = Path(__file__).with_name("zones.json")
"""The highest zone ID number in each region, with source and date."""

REGION: Final = "[a-z]{2,4}(-[a-z]+){1,2}-[1-9][0-9]?"
"""Regular expression for the name of a region of any partition."""

NAME: Final = re.compile(rf"(?P<region>{REGION})(?P<letter>[a-z])\Z")
ID: Final = re.compile(r"[a-z]{2,}[0-9]-az(?P<number>[0-9])\Z")
_LOCAL: Final = re.compile(rf"{REGION}-[a-z]{{3}}-[0-9][a-z]\Z|[a-z]{{2,}}[0-9]-[a-z]{{3}}[0-9]-az[0-9]\Z")
_WAVELENGTH: Final = re.compile(r"[a-z0-9-]+-wlz?[0-9]?(-|[0-9]).*\Z")

_LETTERS: Final = string.ascii_lowercase
_DIRECTIONS: Final = {"north": "n", "south": "s", "east": "e", "west": "w", "central": "c", "gov": "g", "iso": "i"}


@dataclass(frozen=True)
class Zone:
    """An Availability Zone of an account."""

    name: str
    """Its name in the account, e.g. `us-east-1a`. In another account, the name may refer to another zone."""

    id: str
    """Its ID, e.g. `use1-az1`, the same in all accounts."""


def id_prefix(region: str) -> str:
    """The prefix of the zone IDs of a region.

    Source: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html

    >>> id_prefix("ap-southeast-2"), id_prefix("us-gov-west-1")
    ('apse2', 'usgw1')
    """
    area, *directions, number = region.split("-")
    return area + "".join(_short(direction) for direction in directions) + number


def region_of(name: str) -> str:
    """The region of a zone, from the zone's name.

    >>> region_of("us-east-1a")
    'us-east-1'

    Raises:
        ValueError: `name` is not a zone name.
    """
    found = NAME.match(name)
    if found is None:
        raise ValueError(f"{name} is not the name of an availability zone; allowed: e.g. us-east-1a")
    return found["region"]


def problem(zone: str, region: str | None = None) -> str | None:
    """Why a network cannot use a zone; None if it can.

    Args:
        zone: its name or its ID.
        region: the network's region, if it is known.
    """
    if _WAVELENGTH.match(zone):
        return f"zones has {zone}; allowed: availability zones, since EKS has no control plane in Wavelength zones"
    if _LOCAL.match(zone):
        return f"zones has {zone}; allowed: availability zones, since EKS has no control plane in local zones"
    example = f"{region}a or {id_prefix(region)}-az1" if region else "us-east-1a or use1-az1"
    name, id = NAME.match(zone), ID.match(zone)
    if not name and not id:
        return f"zones has {zone}; allowed: names or ids of availability zones, e.g. {example}"
    if region and not (zone.startswith(f"{id_prefix(region)}-") if id else name and name["region"] == region):
        return f"zones has {zone}; allowed: zones of {region}, e.g. {example}"
    if zone in WITHOUT_CONTROL_PLANE:
        return f"zones has {zone}; allowed: other zones, since EKS has no control plane there"
    return _beyond(zone, region) if region else None


def _beyond(zone: str, region: str) -> str | None:
    """Why a region does not have a zone, according to the dated file; None if it does."""
    name, id, highest = NAME.match(zone), ID.match(zone), _data()["highest"].get(region)
    number = int(id["number"]) if id else _LETTERS.index(name["letter"]) + 1 if name else 0
    if highest is None or 1 <= number <= highest:
        return None
    return (
        f"zones has {zone}; allowed: {region}a to {region}{_LETTERS[highest - 1]}, or {id_prefix(region)}-az1 to "
        f"{id_prefix(region)}-az{highest} (AWS's zones of {_data()['date']})"
    )


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))


def _short(direction: str) -> str:
    """Abbreviate a compass direction, which may consist of two words: `southeast` to `se`."""
    for word, letter in _DIRECTIONS.items():
        if direction.startswith(word):
            return letter + (_short(direction.removeprefix(word)) if direction != word else "")
    return direction[:1]
