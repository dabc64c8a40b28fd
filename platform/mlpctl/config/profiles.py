"""The defaults that each profile sets for values that a stack file omits."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from awsfacts.eks_settings import CONTROL_PLANE_LOGS
from mlpctl.config.problems import Keys
from mlpctl.config.shape import Shape

Profiles = Mapping[str, Mapping[str, Any]]
"""Profile → dotted path → value. Paths are spelled as in YAML; `*` stands for every entry of a mapping."""

PROFILES: Profiles = {
    "dev": {
        "keys.perDomain": False,
        "keys.deletionWindowDays": 7,
        "keys.retain": False,
        "network.nat": "single",
        "network.flowLogDays": 7,
        "buckets.*.retain": False,
        "sharedFilesystems.*.retain": False,
        "images.repositories.*.retain": False,
        "cluster.logDays": 7,
        "gpuPools.*.capacity": "spot",
        "guardrails.enforcement.images": "warn",
    },
    "staging": {
        "keys.retain": False,
        "network.flowLogDays": 365,
        "buckets.*.retain": False,
        "sharedFilesystems.*.retain": False,
        "images.repositories.*.retain": False,
        "cluster.logTypes": list(CONTROL_PLANE_LOGS),
        "cluster.logDays": 365,
    },
    "prod": {
        "protect": True,
        "network.flowLogDays": 365,
        "cluster.logTypes": list(CONTROL_PLANE_LOGS),
        "cluster.logDays": 365,
        "cluster.deletionProtection": True,
    },
}


@dataclass(frozen=True)
class Filled:
    """A file's values, completed with the defaults of a profile."""

    data: Any
    """The values, a copy."""

    profile: str
    """The selected profile; empty if no profile has that name."""

    paths: frozenset[Keys]
    """The paths that the profile set."""


def fill(profiles: Profiles, model: type[BaseModel], data: Any) -> Filled:
    """Complete a file's values with the defaults of a profile.

    `data["profile"]`, or the model's default for it, selects the profile. Values of the file are retained, including
    null. An optional section that the file does not have is not added.
    """
    shape = Shape.of(model)
    profile = data.get("profile", shape.default("profile")) if isinstance(data, dict) else None
    if not isinstance(profile, str) or profile not in profiles:
        return Filled(data, "", frozenset())
    filled, present = copy.deepcopy(data), frozenset(_paths(data))
    paths = frozenset(
        path
        for pattern, value in profiles[profile].items()
        for path in _fill(filled, shape, pattern.split("."), value, present)
    )
    return Filled(filled, profile, paths)


def _fill(
    node: Any, shape: Shape | None, pattern: list[str], value: Any, present: frozenset[Keys], path: Keys = ()
) -> Iterator[Keys]:
    """Set a value at all paths that match a pattern, except those in the file, and list these paths."""
    if not isinstance(node, dict) or shape is None:
        return
    first, *rest = pattern
    for key in list(node) if first == "*" else [first]:
        below = (*path, key)
        if rest:
            if key not in node and (default := shape.default(key)) is not None:
                node[key] = default
            yield from _fill(node.get(key), shape.child(key), rest, value, present, below)
        elif below not in present:
            node[key] = copy.deepcopy(value)
            yield below


def _paths(data: Any, path: Keys = ()) -> Iterator[Keys]:
    yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _paths(value, (*path, key))
