"""Reads numbers, periods and times in values of inputs."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from mlpctl.review.values import Value, items


def number_in(value: Value) -> float | None:
    """A number, the smallest of a list; a Kubernetes quantity in its base unit, a duration in seconds."""
    found = [number for item in items(value) if (number := _quantity(item)) is not None]
    return min(found, default=None)


def days_in(value: Value) -> float:
    """A retention period in days; a year has 365.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DefaultRetention.html
    """
    if not isinstance(value, Mapping):
        return 0
    return (number_in(value.get("days")) or 0) + 365 * (number_in(value.get("years")) or 0)


def time_in(value: Value) -> datetime | None:
    """A time in the format of RFC 3339; UTC without a time zone."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found and (found if found.tzinfo else found.replace(tzinfo=UTC))


def _quantity(value: Value) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%|m|s|h|[kMGTPE]i?|Ki)?", value) if isinstance(value, str) else None
    return float(match[1]) * _UNITS[match[2] or ""] if match else None


_UNITS: Final = {
    "": 1.0,
    "%": 1.0,
    "m": 1e-3,
    "s": 1.0,
    "h": 3600.0,
    **{unit: 1e3**power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", 1)},
    "ki": 1024.0,
}
