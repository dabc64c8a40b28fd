"""How a live object looks from the inputs that made it: what drifted, and what a new import should say."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from mlsandbox.providers.kubernetes.objects import Object
from mlsandbox.providers.protocol import UNKNOWN

# What the API server sets: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
_SERVER_SET = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_SERVER_ANNOTATIONS = (
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
)

# Keys that tell list items apart in the schemas of the API server (x-kubernetes-list-map-keys), most telling first.
_ITEM_KEYS = ("name", "key", "type", "containerPort", "port", "ip", "mountPath", "devicePath", "topologyKey", "uid")


def drift(inputs: Object, live: Object, reapplied: Callable[[], Object | None]) -> Object:
    """`inputs` with each field that differs in the cluster set to what it is there.

    Only fields that the inputs mention are looked at: what others add to the object is no drift. A value that the API
    server merely writes otherwise (`1000m` for `1`) is none either; to know, `reapplied` asks for the object as it
    would be if the inputs were applied again (None: not known), only where something differs at all.
    """
    inputs_seen, live_seen = _readable(inputs), _readable(live)
    pruned = _pruned(live_seen, inputs_seen)
    if pruned == inputs_seen:
        return inputs
    wanted = reapplied()
    if wanted is None:
        return _unreadable(pruned, inputs)
    return _unreadable(_merged(inputs_seen, pruned, _pruned(_readable(wanted), inputs_seen)), inputs)


def importable(live: Object) -> Object:
    """A live object as a program would describe it: without its status and what the API server sets."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVER_SET}
    annotations = {
        key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key not in _SERVER_ANNOTATIONS
    }
    if annotations:
        metadata["annotations"] = annotations
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def shown(live: Object) -> Object:
    """A live object as the resource's outputs show it, without the bookkeeping of field managers."""
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return {**live, "metadata": metadata}


def foreseen(outputs: Object, inputs: Object, live: Object, *, created: bool) -> Object:
    """The `outputs` of a dry run that came out as `live`, without what only the update itself decides.

    A creation's id and times, and addresses and ports that the program leaves to the cluster, are `UNKNOWN`.
    """
    told = {key: value for key, value in outputs.items() if key != "status"}
    if not created:
        return told
    uid = str(live["metadata"].get("uid"))
    metadata = {
        **told["metadata"],
        **dict.fromkeys(("uid", "resourceVersion", "creationTimestamp", "generation"), UNKNOWN),
    }
    told = {**_without(told, uid), "metadata": metadata}
    if live["kind"] == "Service":
        told["spec"] = _allocated(told["spec"], inputs.get("spec") or {})
    return told


def _without(value: Any, uid: str) -> Any:
    """`value` with `UNKNOWN` wherever the dry run's invented uid is."""
    if isinstance(value, Mapping):
        return {key: _without(item, uid) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(item, uid) for item in value]
    return UNKNOWN if isinstance(value, str) and uid in value else value


def _allocated(spec: Object, inputs: Mapping[str, Any]) -> Object:
    """A Service's spec in which what the dry run allocated is `UNKNOWN`."""
    told = {key: UNKNOWN if key in ("clusterIP", "clusterIPs") and key not in inputs else spec[key] for key in spec}
    if inputs.get("clusterIP") is not None:
        told["clusterIPs"] = spec.get("clusterIPs")
    given = inputs.get("ports") or []
    told["ports"] = [
        {**port, "nodePort": UNKNOWN}
        if "nodePort" in port and not (index < len(given) and given[index].get("nodePort"))
        else port
        for index, port in enumerate(spec.get("ports") or ())
    ]
    return told


def _pruned(live: Any, inputs: Any) -> Any:
    """The part of `live` that has the shape of `inputs`; a key that is gone is left out."""
    if isinstance(live, Mapping) and isinstance(inputs, Mapping):
        return {key: _pruned(live[key], value) for key, value in inputs.items() if key in live}
    if isinstance(live, list) and isinstance(inputs, list):
        key = _item_key(live, inputs)
        if key is None:
            return [_pruned(item, inputs[i]) if i < len(inputs) else item for i, item in enumerate(live)]
        by_key = {item[key]: item for item in live}
        return [_pruned(by_key[item[key]], item) for item in inputs if item[key] in by_key]
    return live


def _item_key(*lists: list[Any]) -> str | None:
    for key in _ITEM_KEYS:
        if all(_tells_apart(key, items) for items in lists):
            return key
    return None


def _tells_apart(key: str, items: list[Any]) -> bool:
    values = [item.get(key) for item in items if isinstance(item, Mapping)]
    return len(values) == len(items) == len({repr(value) for value in values}) and None not in values


def _merged(inputs: Any, live: Any, wanted: Any) -> Any:
    """`live`, but the inputs' own spelling wherever the cluster holds what they want."""
    if live == wanted:
        return inputs
    if isinstance(inputs, Mapping) and isinstance(live, Mapping) and isinstance(wanted, Mapping):
        return {
            key: _merged(inputs.get(key), live[key], wanted.get(key)) if key in inputs and key in wanted else live[key]
            for key in live
        }
    if (
        isinstance(inputs, list)
        and isinstance(live, list)
        and isinstance(wanted, list)
        and len(inputs) == len(live) == len(wanted)
    ):
        return [_merged(*items) for items in zip(inputs, live, wanted, strict=True)]
    return live


def _readable(item: Object) -> Object:
    """A Secret with `stringData` moved into `data`, where the API server puts what it never gives back."""
    if item.get("kind") != "Secret" or not isinstance(item.get("stringData"), Mapping):
        return item
    written = {key: base64.b64encode(str(value).encode()).decode() for key, value in item["stringData"].items()}
    rest = {key: value for key, value in item.items() if key != "stringData"}
    return {**rest, "data": {**(item.get("data") or {}), **written}}


def _unreadable(item: Object, inputs: Object) -> Object:
    """Undo `_readable` for the keys that `inputs` gives as text."""
    if item.get("kind") != "Secret" or not isinstance(inputs.get("stringData"), Mapping):
        return item
    data = item.get("data") or {}
    texts = {key: base64.b64decode(data[key]).decode(errors="replace") for key in inputs["stringData"] if key in data}
    rest = {key: value for key, value in data.items() if key not in texts}
    item = {key: value for key, value in item.items() if key != "data"}
    return {**item, "stringData": texts, **({"data": rest} if rest or "data" in inputs else {})}
