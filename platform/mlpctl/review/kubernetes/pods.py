"""Finds the specifications of pods and of containers in Kubernetes objects of any kind: `pods.yaml`.

Kinds of operators nest them at other paths than Kubernetes, e.g. in `spec.workerGroupSpecs[].template.spec`.
"""

import fnmatch
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from awsfacts.records import Watch
from awsfacts.tables import Row, read_table
from mlpctl import urns
from mlpctl.review.compare.equality import key_of, natural_keys, word
from mlpctl.review.compare.paths import value_at
from mlpctl.review.values.plain import Value, finite, is_hidden, items

_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")

_CHART: Final = ("values", "valuesObject")
"""Values of a Helm chart, which only look like pods."""


class _Watch(Watch):
    beside: str = ""


class _Table(Row):
    """`pods.yaml`, which explains its fields."""

    watches: Sequence[_Watch]
    excluded: Sequence[str]
    opaque: Sequence[str]
    sysctls: Sequence[str]


@cache
def _table() -> _Table:
    return _Table.model_validate(read_table("pods.yaml", "mlpctl.review.kubernetes"))


@cache
def may_have_pods(type: str) -> bool:
    """Whether objects of a type may contain specifications of pods."""
    return type.startswith(urns.KUBERNETES) and not any(fnmatch.fnmatchcase(type, each) for each in _table().excluded)


def watches(*objects: Mapping[str, Value]) -> list[Watch]:
    """What is watched in the pods and containers of some forms of an object."""
    spots = dict.fromkeys(spot for each in objects for spot in _spots(each))
    return [each for path, names in spots for each in _watches_at(path, names)]


def settings() -> Sequence[Watch]:
    """The watches of `pods.yaml`, whose paths start in the specification of the pods or of a container."""
    return _table().watches


def paths() -> Iterator[str]:
    """The paths of all watches in a specification of pods with its containers."""
    for each in settings():
        yield each.property
        yield from (f"{name}[].{each.property}" for name in _CONTAINERS)


def is_safe_sysctl(name: str) -> bool:
    """Whether any pod may change a setting of the kernel, since it affects only that pod."""
    return name in _table().sysctls


@cache
def _names() -> frozenset[str]:
    return frozenset(_first(each.property) for each in settings())


def _first(path: str) -> str:
    return path.split(".")[0].split("[")[0]


@cache
def _watches_at(path: str, names: frozenset[str]) -> Sequence[Watch]:
    return [
        Watch.model_validate(each.model_dump(exclude={"beside"}) | {"property": f"{path}.{each.property}"})
        for each in _table().watches
        if _first(each.property) in names and (not each.beside or each.beside in names)
    ]


def _spots(inputs: Mapping[str, Value]) -> Iterator[tuple[str, frozenset[str]]]:
    """The paths of mappings with properties of pods or containers, and these properties."""
    for key, value in inputs.items():
        if key not in _table().opaque:
            yield from _below(value, _step("", key))


def _below(value: Value, path: str) -> Iterator[tuple[str, frozenset[str]]]:
    if not path:
        return
    if isinstance(value, list):
        for each in value:
            yield from _below(each, f"{path}[]")
    elif isinstance(value, Mapping):
        if _names() & value.keys():
            yield path, frozenset((*_names(), "containers") & value.keys())
        for key, each in value.items():
            if isinstance(each, Mapping | list) and key not in _CHART:
                yield from _below(each, _step(path, key))


def _step(path: str, key: Any) -> str:
    """The path of a property; empty if a path cannot express its name."""
    if not isinstance(key, str) or not key or any(each in key for each in '["'):
        return ""
    if "." in key or "]" in key:
        return f'{path}["{key}"]' if path else ""
    return f"{path}.{key}" if path else key


class Weakening(NamedTuple):
    """A setting of a container that limited it and does not any more."""

    path: str
    old: Value
    new: Value
    says: str


def weakened(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Weakening]:
    """What no longer limits the containers of pods, also by the settings that they inherit from their pod."""
    for path, before, after in _pairs(old, new, ""):
        for name in _CONTAINERS:
            had, has = (
                {str(each.get("name")): each for each in items(pod.get(name)) if isinstance(each, Mapping)}
                for pod in (before, after)
            )
            for key in had.keys() & has.keys():
                here = f"{path}.{name}[{json.dumps(key)}].securityContext"
                yield from _looser(_Context(before, had[key]), _Context(after, has[key]), here)


class _Context(NamedTuple):
    """The security settings of a container."""

    pod: Mapping[str, Value]
    container: Mapping[str, Value]

    def own(self, path: str) -> Value:
        return value_at(self.container, f"securityContext.{path}")

    def get(self, path: str) -> Value:
        """A setting of the container, or of its pod."""
        found = self.own(path)
        return value_at(self.pod, f"securityContext.{path}") if found is None else found


def _is_never_root(context: _Context) -> bool:
    return word(context.get("runAsNonRoot")) == "true" or (finite(context.get("runAsUser")) or 0) > 0


_LIMITS: Final[Sequence[tuple[str, Callable[[_Context], bool], str]]] = (
    ("runAsNonRoot", _is_never_root, "its pods may run as root"),
    ("runAsUser", _is_never_root, "its pods may run as root"),
    (
        "allowPrivilegeEscalation",
        lambda context: word(context.own("allowPrivilegeEscalation")) == "false",
        "its pods' processes can get more privileges",
    ),
    (
        "capabilities.drop",
        lambda context: "ALL" in items(context.own("capabilities.drop")),
        "its pods get privileges that they had dropped",
    ),
    (
        "seccompProfile.type",
        lambda context: context.get("seccompProfile.type") is not None,
        "its pods' system calls may no longer be restricted",
    ),
)
"""Settings that the level Restricted requires, whether a container has them, and what it can do without them.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""


def _looser(old: _Context, new: _Context, path: str) -> Iterator[Weakening]:
    if is_hidden([each.get("securityContext") for each in (*old, *new)]):
        return
    for name, limits, says in _LIMITS:
        if limits(old) and not limits(new) and old.get(name) != new.get(name):
            yield Weakening(f"{path}.{name}", old.get(name), new.get(name), says)


def _pairs(old: Value, new: Value, path: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """The specifications of pods that are in both forms of an object."""
    if isinstance(old, list) and isinstance(new, list):
        if keys := natural_keys(old, new):
            had: Mapping[str, Any] = {key_of(each, keys): each for each in old}
            for each in new:
                key = key_of(each, keys)
                yield from _pairs(had.get(key), each, f"{path}[{json.dumps(key)}]")
        elif len(old) == len(new):
            for number, (one, other) in enumerate(zip(old, new, strict=True)):
                yield from _pairs(one, other, f"{path}[{number}]")
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        if path and "containers" in old and "containers" in new:
            yield path, old, new
        skipped = _CHART if path else _table().opaque
        for key in new:
            if key in old and key not in skipped and (here := _step(path, key)):
                yield from _pairs(old[key], new[key], here)
