"""The replacement of a node group's nodes: the next step, as a pure function of the current instances.

https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from mlsandbox.endpoint.eks.backend import ClusterRecord, Instance, NodegroupRecord, Rollout, Shape, now

EVICTION_S: Final = 30.0
"""Timeout for the eviction of a node's pods, in seconds. On AWS, it is 15 minutes."""

_RESTORED: Final = ("version", "releaseVersion", "launchTemplate")
"""Members of a node group that a failed update restores."""


@dataclass(frozen=True)
class Step:
    """The next step of a rollout. All fields are empty while it has to wait."""

    launch: int = 0
    """How many instances of the new version to launch."""

    drain: Sequence[str] = ()
    """IDs of instances to start draining."""

    terminate: Sequence[str] = ()
    """IDs of drained instances to terminate."""


def step(
    instances: Sequence[Instance],
    size: int,
    target: str,
    *,
    parallel: int,
    surge: int,
    ready: Set[str],
    empty: Set[str],
) -> Step:
    """The next step of a rollout to instances with the launch configuration `target`.

    `size` is the group's desired size, `parallel` the number of nodes that can be unavailable at once, and `surge` the
    number of additional instances during the update: 0 with the strategy MINIMAL. `ready` contains the IDs of instances
    whose nodes are Ready, `empty` those of draining instances without pods.
    """
    ended = tuple(one.id for one in instances if one.draining_since is not None and one.id in empty)
    staying = [one for one in instances if one.id not in ended]
    stale = [one for one in staying if one.launch != target]
    fresh = [one for one in staying if one.launch == target]
    launch = max(0, size + (surge if stale else 0) - len(staying))
    draining = [one for one in staying if one.draining_since is not None]
    waiting = launch + sum(one.id not in ready for one in fresh)
    if surge and waiting:
        # All new instances must be ready before the first old one is drained.
        return Step(launch, (), ended)
    most = parallel - len(draining) - waiting
    # After the last old instance, the additional instances of the surge are drained too, newest first.
    candidates = stale if stale else list(reversed(fresh))[: max(0, len(fresh) - size)]
    chosen = [one.id for one in candidates if one.draining_since is None][: max(0, most)]
    return Step(launch, tuple(chosen), ended)


def done(instances: Sequence[Instance], size: int, target: str) -> bool:
    """Whether the group has its desired size and all instances have the launch configuration `target`."""
    return len(instances) == size and all(one.launch == target for one in instances)


def parallel(shape: Shape) -> int:
    """How many nodes of the group can be unavailable at once. `shape` is a `Nodegroup`."""
    config = shape["updateConfig"]
    if "maxUnavailable" in config:
        return int(config["maxUnavailable"])
    return max(1, int(shape["scalingConfig"]["desiredSize"]) * int(config["maxUnavailablePercentage"]) // 100)


def surge(shape: Shape, zones: int) -> int:
    """How many additional nodes the group has during an update."""
    if shape["updateConfig"].get("updateStrategy") == "MINIMAL":
        return 0
    return max(2 * zones, parallel(shape))


def launch_key(record: NodegroupRecord) -> str:
    """A key for the group's current launch configuration. AWS replaces a node if its key differs."""
    template = record.shape.get("launchTemplate") or {}
    parts = (
        record.shape["version"],
        record.shape["releaseVersion"],
        template.get("version", ""),
        record.instance_type,
        str(record.disk_gib),
    )
    return "|".join(parts)


def before(record: NodegroupRecord) -> Rollout:
    """The group's settings before an update, to restore them if it fails."""
    members = {name: record.shape.get(name) for name in _RESTORED}
    return Rollout(members, record.instance_type, record.disk_gib)


def fail(cluster: ClusterRecord, record: NodegroupRecord, issue: Shape) -> None:
    """Mark the group's update as failed. The group stays ACTIVE, with the remaining nodes."""
    assert record.rollout is not None
    rollout, record.rollout = record.rollout, None
    update = cluster.updates[rollout.update_id].shape
    update |= {"status": "Failed", "errors": [issue]}
    record.shape |= {**rollout.members, "status": "ACTIVE", "modifiedAt": now(), "health": {"issues": []}}
    record.instance_type, record.disk_gib = rollout.instance_type, rollout.disk_gib
    kept = record.instances[: record.shape["scalingConfig"]["desiredSize"]]
    record.instances = [replace(one, draining_since=None) for one in kept]


def launch_failure(nodegroup: str) -> Shape:
    """The `ErrorDetail` if new nodes do not join."""
    # https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html
    message = f"Couldn't proceed with upgrade process as new nodes are not joining node group {nodegroup}"
    return {"errorCode": "NodeCreationFailure", "errorMessage": message, "resourceIds": []}


def eviction_failure(nodegroup: str, node_names: Sequence[str]) -> Shape:
    """The `ErrorDetail` if the eviction of pods timed out."""
    # https://github.com/aws/containers-roadmap/issues/1282
    message = f"Reached max retries while trying to evict pods from nodes in node group {nodegroup}"
    return {"errorCode": "PodEvictionFailure", "errorMessage": message, "resourceIds": list(node_names)}
