"""Retention of messages in the configuration of Kafka servers.

Of several units of time, the smallest is used, and -1 is no limit. By default, messages are retained for 168 hours.
https://kafka.apache.org/documentation/#brokerconfigs
"""

from collections.abc import Mapping
from math import inf
from typing import Any, Final

from mlpctl.review.values.plain import Value
from mlpctl.review.values.quantities import number

_TIMES: Final = {"log.retention.ms": 1, "log.retention.minutes": 60_000, "log.retention.hours": 3_600_000}
_DEFAULT_MS: Final = 168 * 3_600_000


def retained_shorter(old: Value, new: Value, value: Any) -> bool:
    """Whether servers retain messages for a shorter time or fewer bytes; a configuration is a mapping or properties."""
    before, after = _settings(old), _settings(new)
    return _milliseconds(after) < _milliseconds(before) or _bytes(after) < _bytes(before)


def _settings(config: Value) -> Mapping[str, Value]:
    if isinstance(config, str):
        pairs = (line.partition("=") for line in config.splitlines() if not line.lstrip().startswith(("#", "!")))
        return {key.strip(): each.strip() for key, _, each in pairs}
    return config if isinstance(config, Mapping) else {}


def _milliseconds(settings: Mapping[str, Value]) -> float:
    for name, factor in _TIMES.items():
        if name in settings:
            return _limit(settings[name], factor)
    return _DEFAULT_MS


def _bytes(settings: Mapping[str, Value]) -> float:
    return _limit(settings.get("log.retention.bytes"), 1)


def _limit(value: Value, factor: float) -> float:
    """A limit; infinite for -1 and for a value that is not known."""
    found = number(value)
    return inf if found is None or found < 0 else found * factor
