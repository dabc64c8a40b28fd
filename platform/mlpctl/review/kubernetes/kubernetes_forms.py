"""Aligns the new form of a Kubernetes object with its old one, where both mean the same to the API.

Written-out defaults (`kubernetes_defaults.yaml`), other notations of quantities, and rules that are split, joined or
reordered change nothing. What differs otherwise is left as it is.
"""

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any, Final

from awsfacts.tables import Row, read_table
from mlpctl import urns
from mlpctl.review.compare.equality import canonical, key_of, natural_keys
from mlpctl.review.plan.model import Change
from mlpctl.review.values.plain import Value, is_hidden, items

_ABSENT: Final = object()

_SELECTORS: Final = ("matchLabels", "matchExpressions")
"""Parts of label selectors that select everything if they are empty."""


class _Kind(Row):
    types: Sequence[str]
    pods: str = ""
    defaults: Mapping[str, Any] = {}


class _Table(Row):
    """`kubernetes_defaults.yaml`, which explains its fields."""

    pod: Mapping[str, Any]
    container: Mapping[str, Any]
    probe: Mapping[str, Any]
    kinds: Sequence[_Kind]
    subjects: Mapping[str, str]
    quotas: Mapping[str, str]
    quantities: Sequence[str]


@cache
def _table() -> _Table:
    return _Table.model_validate(read_table("kubernetes_defaults.yaml", "mlpctl.review.kubernetes"))


def aligned(change: Change) -> Change:
    """A change of a Kubernetes object, with the new inputs in the form of the old ones where both are equivalent."""
    # A patch leaves fields that it does not have as they are.
    is_whole = change.type.startswith(urns.KUBERNETES) and not change.type.endswith("Patch")
    if not is_whole or change.old is None or change.new is None:
        return change
    new = _aligned(change.old, change.new, "", _defaults(change.type))
    for pattern, form in _FORMS.items():
        if fnmatch.fnmatchcase(change.type, pattern):
            new = form(change.old, new)
    return replace(change, new=new)


@cache
def _defaults(type: str) -> Mapping[str, Any]:
    """The defaults of a type, by path."""
    table, found = _table(), dict[str, Any]()
    for kind in table.kinds:
        if any(fnmatch.fnmatchcase(type, each) for each in kind.types):
            found |= kind.defaults
            if kind.pods:
                found |= {f"{kind.pods}.{path}": each for path, each in _of_pods().items()}
    return found


@cache
def pods_of(type: str) -> str:
    """The path of the specification of pods in a built-in type; empty if it has none."""
    kinds = (kind for kind in _table().kinds if any(fnmatch.fnmatchcase(type, each) for each in kind.types))
    return next((kind.pods for kind in kinds if kind.pods), "")


@cache
def _of_pods() -> Mapping[str, Any]:
    table = _table()
    found = dict(table.pod)
    for name in ("containers", "initContainers"):
        found |= {f"{name}.{path}": each for path, each in table.container.items()}
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            found |= {f"{name}.{probe}.{path}": each for path, each in table.probe.items()}
    return found


def _aligned(old: Any, new: Any, path: str, defaults: Mapping[str, Any]) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return _mapping(old, new, path, defaults)
    if isinstance(old, list) and isinstance(new, list):
        return _list(old, new, path, defaults)
    if path.rpartition(".")[0].rpartition(".")[2] in _table().quantities and _same_quantity(old, new):
        return old
    return new


def _mapping(old: Mapping[str, Any], new: Mapping[str, Any], path: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in (*new, *(each for each in old if each not in new)):
        here = f"{path}.{key}" if path else str(key)
        if key in old and key in new:
            found[key] = _aligned(old[key], new[key], here, defaults)
            continue
        side, written = (new, new[key]) if key in new else (old, old[key])
        only_default = _is_default(written, here, side, defaults)
        if (key in new) is not only_default:
            # Either the new side alone has something else, or the old side alone has the default.
            found[key] = written
    return found


def _list(old: Sequence[Any], new: Sequence[Any], path: str, defaults: Mapping[str, Any]) -> list[Any]:
    if keys := natural_keys(old, new):
        before = {key_of(each, keys): each for each in old}
        return [_aligned(before.get(key_of(each, keys), each), each, path, defaults) for each in new]
    if len(old) == len(new):
        return [_aligned(one, other, path, defaults) for one, other in zip(old, new, strict=True)]
    return list(new)


def _is_default(written: Any, path: str, side: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Whether a value, or everything in it, is what the API sets anyway."""
    default = defaults.get(path, _ABSENT)
    if isinstance(default, str) and default.startswith("="):
        default = side.get(default[1:], _ABSENT)
    if path.rpartition(".")[2] in _SELECTORS and written in ({}, []):
        return True
    if default == {}:
        return isinstance(written, Mapping) and all(
            _is_default(each, f"{path}.{key}", written, defaults) for key, each in written.items()
        )
    if default is not _ABSENT:
        return bool(written == default and type(written) is type(default)) or str(written) == str(default)
    if path == "subjects.apiGroup":
        return bool(written == _table().subjects.get(str(side.get("kind"))))
    # An empty part of a selector adds nothing to the selector, but an empty selector selects everything.
    return (
        isinstance(written, Mapping)
        and bool(written)
        and not written.keys() & {*_SELECTORS}
        and all(_is_default(each, f"{path}.{key}", written, defaults) for key, each in written.items())
    )


_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(?P<unit>[numkMGTPE]|[KMGTPE]i)?"
)
_UNITS: Final = {
    **{"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal(1000)},
    **{unit: Decimal(1000) ** power for power, unit in enumerate("MGTPE", 2)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}


def quantity(value: Value) -> Decimal | None:
    """A quantity in its base unit; None if it is not one.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    found = _QUANTITY.fullmatch(str(value))
    return Decimal(found["number"]) * _UNITS.get(found["unit"] or "", Decimal(1)) if found else None


def _same_quantity(old: Value, new: Value) -> bool:
    before = quantity(old)
    return before is not None and before == quantity(new)


def _below(inputs: Mapping[str, Any], *path: str) -> Any:
    for each in path:
        inputs = inputs.get(each) if isinstance(inputs, Mapping) else None  # type: ignore[assignment]
    return inputs


def _with(inputs: Mapping[str, Any], value: Any, *path: str) -> dict[str, Any]:
    """Inputs with another value at a path, `_ABSENT` to remove it; unchanged if something above it is not a mapping."""
    first, *rest = path
    if rest:
        below = inputs.get(first)
        below = {} if below is None else below
        return {**inputs, first: _with(below, value, *rest)} if isinstance(below, Mapping) else {**inputs}
    return {key: each for key, each in inputs.items() if key != first} if value is _ABSENT else {**inputs, first: value}


def _alike(parts: Callable[[Any], frozenset[str] | None], *path: str) -> Callable[[Any, Any], dict[str, Any]]:
    """Takes the old value at a path if it has the same parts as the new one."""

    def form(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        before, after = _below(old, *path), _below(new, *path)
        if before is None or after is None or before == after or is_hidden([before, after]):
            return dict(new)
        one, other = parts(before), parts(after)
        return _with(new, before, *path) if one is not None and one == other else dict(new)

    return form


_MOST: Final = 20_000


def _parts_of(rules: Value, fields: Sequence[str]) -> frozenset[str] | None:
    """Every combination of the items of some fields of rules; None if there are other fields or too many of them."""
    found: set[str] = set()
    for rule in items(rules):
        if not isinstance(rule, Mapping) or rule.keys() - {*fields}:
            return None
        for each in product(*(items(rule.get(field)) or [None] for field in fields)):
            found.add(canonical([*each]))
            if len(found) > _MOST:
                return None
    return frozenset(found)


def _roles(rules: Value) -> frozenset[str] | None:
    return _parts_of(rules, ("apiGroups", "resources", "resourceNames", "verbs", "nonResourceURLs"))


def _certificates(tls: Value) -> frozenset[str] | None:
    return _parts_of(tls, ("hosts", "secretName"))


def _traffic(peers: str) -> Callable[[Value], frozenset[str] | None]:
    """The combinations of peers and ports that the rules of a network policy allow."""

    def parts(rules: Value) -> frozenset[str] | None:
        return _parts_of([_ported(each) for each in items(rules)], (peers, "ports"))

    return parts


def _ported(rule: Value) -> Value:
    """A rule of a network policy with the protocols of its ports, and without empty parts of selectors."""
    if not isinstance(rule, Mapping):
        return rule
    ports = [{"protocol": "TCP", **each} if isinstance(each, Mapping) else each for each in items(rule.get("ports"))]
    return {key: _selector(each) for key, each in rule.items()} | ({"ports": ports} if ports else {})


def _selector(value: Value) -> Any:
    """A value without empty parts of label selectors, which select everything as an empty selector does."""
    if isinstance(value, list):
        return [_selector(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {key: _selector(each) for key, each in value.items() if not (key in _SELECTORS and each in ({}, []))}


def _selected(selector: Value) -> frozenset[str] | None:
    return frozenset({canonical(_selector(selector))})


def _policy_types(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The directions of a network policy: by default incoming, and outgoing if it has rules for these."""
    before, after = (_directions(each.get("spec")) for each in (old, new))
    return _taken(old, new, "spec", "policyTypes") if before is not None and before == after else dict(new)


def _directions(spec: Value) -> frozenset[str] | None:
    """The directions that the spec of a network policy is about; None if it does not tell them."""
    if not isinstance(spec, Mapping):
        return None
    types = spec.get("policyTypes")
    if types in (None, []):
        egress = spec.get("egress")
        # An empty list of rules is not distinguished from none.
        types = ["Ingress", *(["Egress"] if egress else [])] if egress is None or isinstance(egress, list) else None
    known = isinstance(types, list) and all(isinstance(each, str) for each in types)
    return frozenset(items(types)) if known else None


def _taken(old: Mapping[str, Any], new: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The new inputs with the old value at a path."""
    above = _below(old, *path[:-1]) if path[1:] else old
    value = above.get(path[-1], _ABSENT) if isinstance(above, Mapping) else _ABSENT
    return _with(new, value, *path)


_CLASS: Final = "kubernetes.io/ingress.class"
"""https://kubernetes.io/docs/concepts/services-networking/ingress/#deprecated-annotation"""


def _ingress_class(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    named = [
        _below(each, "metadata", "annotations", _CLASS) or _below(each, "spec", "ingressClassName")
        for each in (old, new)
    ]
    if named[0] is None or named[0] != named[1] or not isinstance(named[0], str):
        return dict(new)
    made = _taken(old, new, "spec", "ingressClassName")
    return _taken(old, made, "metadata", "annotations", _CLASS) if _below(old, "metadata", "annotations") else made


def _quota(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    before, after = _below(old, "spec", "hard"), _below(new, "spec", "hard")
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return dict(new)
    smallest, least = _smallest(before), _smallest(after)
    if smallest is None or least is None:
        return dict(new)
    hard: dict[str, Value] = {}
    for name, key in least.items():
        was = smallest.get(name)
        if was is None:
            hard[key] = after[key]
        elif _same_quantity(before[was], after[key]):
            hard |= {each: value for each, value in before.items() if _quota_name(each) == name}
        else:
            hard[was] = after[key]
    return _with(new, hard, "spec", "hard")


def _quota_name(key: str) -> str:
    return _table().quotas.get(key, key)


def _smallest(hard: Mapping[str, Value]) -> Mapping[str, str] | None:
    """The key of the smallest limit by what it limits, since all are enforced; None if a limit is not known."""
    found: dict[str, str] = {}
    for key, value in hard.items():
        name, amount = _quota_name(key), quantity(value)
        if amount is None:
            return None
        other = quantity(hard[found[name]]) if name in found else None
        if other is None or amount < other:
            found[name] = key
    return found


def _secret(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of `stringData` are stored in `data`, and override it."""
    values = [{**_values(each.get("data")), **_values(each.get("stringData"))} for each in (old, new)]
    if values[0] != values[1]:
        return dict(new)
    return _taken(old, _taken(old, new, "data"), "stringData")


def _values(value: Value) -> Mapping[str, Any]:
    """A mapping; an empty one for any other value, which is kept as a whole."""
    return value if isinstance(value, Mapping) else {} if value is None else {"": value}


_POLICY: Final = "kubernetes:networking.k8s.io/*:NetworkPolicy"
_RULES: Final = "kubernetes:rbac.authorization.k8s.io/*:*Role"


def _each(*forms: Callable[[Any, Any], dict[str, Any]]) -> Callable[[Any, Any], dict[str, Any]]:
    def form(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        for each in forms:
            new = each(old, new)
        return dict(new)

    return form


_FORMS: Final[Mapping[str, Callable[[Any, Any], dict[str, Any]]]] = {
    _RULES: _alike(_roles, "rules"),
    _POLICY: _each(
        _policy_types,
        _alike(_selected, "spec", "podSelector"),
        _alike(_traffic("from"), "spec", "ingress"),
        _alike(_traffic("to"), "spec", "egress"),
    ),
    "kubernetes:networking.k8s.io/*:Ingress": _each(_ingress_class, _alike(_certificates, "spec", "tls")),
    "kubernetes:core/v1:ResourceQuota": _quota,
    "kubernetes:core/v1:Secret": _secret,
}
"""Other equivalent forms, by a pattern of the type."""
