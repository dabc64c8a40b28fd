"""The state in which an earlier version of this project left the stack `local`.

`states/local.json` contains the resources and their inputs as commit 43622e8 declared them, which was before the
components were grouped by domain. `${name:Type#path}` refers to a property of another resource that AWS chose.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CHANGED = {
    # vLLM's model argument, and the time to finish responses.
    *("chat", "chat-deployment"),
    # The Pod Security Standard as warnings about Deployments, and its version.
    "chat-namespace",
    # The networks that a model can reach.
    "chat-network-policy",
    # Arguments of the component that change none of its resources.
    "cluster",
    # Trust and permissions of the roles of flow logs and of the network plugin.
    *("network", "network-flow-log-writer", "network-flow-log-writes", "cluster-network-plugin"),
}
"""Names of the resources that this version updates, as the changelog says."""

NEW = (
    "mlplatform:index:ClusterGuardrails",
    "mlplatform:index:TeamWorkspace",
    "mlplatform:index:EksCluster$aws:eks/accessEntry:AccessEntry",
)
"""Beginnings of types that the earlier version did not create. Their resources remain in the state, because they exist
and cannot be created twice."""

STATE = Path(__file__).with_name("states") / "local.json"
_REFERENCE = re.compile(r"\$\{([^#}]+)#([^}]+)\}")

State = dict[str, Any]


def earlier(current: State) -> State:
    """The exported state `current` of a deployed stack, as if the earlier version had last updated it.

    Ids and outputs are those of `current`. Resources that only one version has are left out: `current`'s are then
    created, and those of the earlier version do not exist.
    """
    deployment = current["deployment"]
    now = {_place(each): each for each in deployment["resources"]}
    properties = {f"{each['urn'].split('::')[-1]}:{each['type'].split(':')[-1]}": each for each in now.values()}
    before = json.loads(STATE.read_text())
    resources = [each for place, each in now.items() if place.startswith(("pulumi:pulumi:Stack", *NEW))]
    for each in before:
        there = now.get(each["urn"])
        if there is None:
            continue
        inputs = _resolved(each.get("inputs", {}), properties)
        outputs = there.get("outputs", {})
        if "__inputs" in outputs:  # Pulumi's Kubernetes provider compares with the inputs in there.
            outputs = outputs | {"__inputs": inputs}
        flags = {flag: each.get(flag, False) for flag in ("protect", "retainOnDelete")}
        resources.append(there | flags | {"inputs": inputs, "outputs": outputs})
    there = {each["urn"] for each in resources}
    for each in resources:
        each["dependencies"] = [urn for urn in each.get("dependencies") or () if urn in there]
    return current | {"deployment": deployment | {"resources": list(_in_order(resources))}}


def removed(current: State) -> set[str]:
    """Type and name of the resources that the earlier version declared and that are not in `current`."""
    now = {_place(each) for each in current["deployment"]["resources"]}
    return {each["urn"] for each in json.loads(STATE.read_text()) if each["urn"] not in now}


def _place(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"]).split("::", 2)[2]


def _resolved(value: Any, properties: Mapping[str, State]) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(item, properties) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, properties) for item in value]
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _property(properties[found[1]], found[2].split(".")), value)
    return value


def _property(resource: State, path: list[str]) -> str:
    found: Any = resource["id"] if path == ["id"] else resource["outputs"]
    for step in path if path != ["id"] else ():
        found = found[int(step)] if isinstance(found, list) else found[step]
    return str(found)


def _in_order(resources: list[State]) -> Iterator[State]:
    """The resources, each after its parent, provider and dependencies, as the engine requires it."""
    left = {each["urn"]: each for each in resources}

    def emit(resource: State) -> Iterator[State]:
        if left.pop(resource["urn"], None) is None:
            return
        needed = [resource.get("parent"), (resource.get("provider") or "").rpartition("::")[0]]
        for urn in [*needed, *(resource.get("dependencies") or ())]:
            if urn in left:
                yield from emit(left[urn])
        yield resource

    for each in resources:
        yield from emit(each)
