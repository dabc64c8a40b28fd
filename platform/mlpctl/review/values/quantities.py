"""Numbers, durations and times in the notations of the providers."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from mlpctl.review.values.plain import Value, finite, items


def number(value: Value) -> float | None:
    """A number, the smallest of a list; a Kubernetes quantity in its base unit, a duration in seconds.

    A duration is a text such as `3600s`, `1h` or `1h30m0s`; a single `m` is the unit of a quantity.
    """
    found = [each for item in items(value) if (each := _quantity(item)) is not None]
    return min(found, default=None)


def days(value: Value) -> float:
    """A retention period in days: a mapping with `days` or `years` of 365 days, or a text such as `30d`, `4w` or `2m`.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DefaultRetention.html,
    https://cloudnative-pg.io/documentation/current/cloudnative-pg.v1
    """
    if isinstance(value, str) and (match := re.fullmatch(r"(\d{1,20})([dwm])", value)):
        return int(match[1]) * _DAYS[match[2]]
    if not isinstance(value, Mapping):
        return 0
    return (number(value.get("days")) or 0) + 365 * (number(value.get("years")) or 0)


def lifetime(value: Value) -> float | None:
    """A time to live in seconds, from a mapping with `unit` and `value`; None if it is not set.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TtlDuration.html
    """
    if not isinstance(value, Mapping):
        return None
    count, unit = number(value.get("value")), _LIFETIMES.get(str(value.get("unit")))
    return None if count is None or unit is None else count * unit


def time(value: Value) -> datetime | None:
    """A time in the format of RFC 3339; UTC without a time zone."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found and (found if found.tzinfo else found.replace(tzinfo=UTC))


def _quantity(value: Value) -> float | None:
    if not isinstance(value, str):
        return finite(value)
    if parts := re.fullmatch(r"(?=\d+[hm]\d)(?:(\d{1,20})h)?(?:(\d{1,20})m)?(?:(\d{1,20})s)?", value):
        hours, minutes, seconds = (int(each or 0) for each in parts.groups())
        return hours * 3600.0 + minutes * 60 + seconds
    match = re.fullmatch(r"(\d{1,20}(?:\.\d+)?)(%|m|s|h|[kMGTPE]i?|Ki)?", value)
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

_LIFETIMES: Final = {"Seconds": 1, "Minutes": 60, "Hours": 3_600, "Days": 86_400, "Weeks": 604_800}

_DAYS: Final = {"d": 1, "w": 7, "m": 30}
