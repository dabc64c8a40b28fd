"""Availability zones: what they are called, and in which of them EKS has a control plane."""

import json
import re
import string
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

WITHOUT_CONTROL_PLANE: Final = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})
"""Zones that the subnets of a cluster can't be in, as of December 2024:
https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html"""

DATA: Final = Path(__file__).with_name("zones.json")
"""The highest number of a zone's id in each region, with source and date."""

NAME: Final = re.compile(r"(?P<region>[a-z]{2,}(-[a-z]+)+-[0-9]+)(?P<letter>[a-z])\Z")
ID: Final = re.compile(r"[a-z]{2,}[0-9]-az(?P<number>[0-9])\Z")
_LOCAL: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+-[a-z]{3}-[0-9][a-z]\Z|[a-z]{2,}[0-9]-[a-z]{3}[0-9]-az[0-9]\Z")
_WAVELENGTH: Final = re.compile(r"[a-z0-9-]+-wlz?[0-9]?(-|[0-9]).*\Z")

_LETTERS: Final = string.ascii_lowercase
_DIRECTIONS: Final = {"north": "n", "south": "s", "east": "e", "west": "w", "central": "c", "gov": "g", "iso": "i"}


@dataclass(frozen=True)
class Zone:
    """An availability zone of an account."""

    name: str
    """Its name in the account, e.g. `us-east-1a`. Another account may have another zone of this name."""

    id: str
    """Its id, e.g. `use1-az1`, the same in all accounts."""


def id_prefix(region: str) -> str:
    """What the ids of a region's zones begin with.

    Source: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html

    >>> id_prefix("ap-southeast-2"), id_prefix("us-gov-west-1")
    ('apse2', 'usgw1')
    """
    area, *directions, number = region.split("-")
    return area + "".join(_short(direction) for direction in directions) + number


def region_of(name: str) -> str:
    """The region of a zone, by the zone's name.

    >>> region_of("us-east-1a")
    'us-east-1'

    Raises:
        ValueError: `name` is no zone's name.
    """
    found = NAME.match(name)
    if found is None:
        raise ValueError(f"{name} is no name of an availability zone; allowed: e.g. us-east-1a")
    return found["region"]


def problem(zone: str, region: str | None = None) -> str | None:
    """What is wrong with a zone that a network is to lie in; None where nothing is.

    Args:
        zone: its name or its id.
        region: the region that the network is in, if that is known.
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
    """What is wrong with a zone that no account has in a region by the dated file."""
    name, id, highest = NAME.match(zone), ID.match(zone), _data()["highest"].get(region)
    number = int(id["number"]) if id else _LETTERS.index(name["letter"]) + 1 if name else 0
    if highest is None or 1 <= number <= highest:
        return None
    return (
        f"zones has {zone}; allowed: {region}a to {region}{_LETTERS[highest - 1]}, or {id_prefix(region)}-az1 to "
        f"{id_prefix(region)}-az{highest} (AWS's of {_data()['date']})"
    )


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))


def _short(direction: str) -> str:
    """Shorten a compass direction, which may be of two words in one: `southeast` to `se`."""
    for word, letter in _DIRECTIONS.items():
        if direction.startswith(word):
            return letter + (_short(direction.removeprefix(word)) if direction != word else "")
    return direction[:1]
