"""How a node group's nodes are replaced by ones of another version: which go next, as a pure function of what runs.

https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from mlsandbox.endpoint.eks.backend import ClusterRecord, Instance, NodegroupRecord, Rollout, Shape, now

EVICTION_S: Final = 30.0
"""Seconds that the pods of a node have to leave it. They stand for EKS's 15 minutes."""

_RESTORED: Final = ("version", "releaseVersion", "launchTemplate")
"""Members of a node group that a failed update leaves as they were."""


@dataclass(frozen=True)
class Step:
    """What to do next. All empty while something is waited for."""

    launch: int = 0
    """How many instances of the new version to start."""

    drain: Sequence[str] = ()
    """Ids of instances whose pods have to leave from now on."""

    terminate: Sequence[str] = ()
    """Ids of drained instances that end."""


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

    `size` is how many the group wants, `parallel` how many may be unavailable at once, and `surge` how many more than
    `size` there are meanwhile: none with the strategy MINIMAL. `ready` and `empty` are ids of instances whose nodes are
    Ready, and of draining ones that all pods have left.
    """
    ended = tuple(one.id for one in instances if one.draining_since is not None and one.id in empty)
    staying = [one for one in instances if one.id not in ended]
    stale = [one for one in staying if one.launch != target]
    fresh = [one for one in staying if one.launch == target]
    launch = max(0, size + (surge if stale else 0) - len(staying))
    draining = [one for one in staying if one.draining_since is not None]
    waiting = launch + sum(one.id not in ready for one in fresh)
    if surge and waiting:
        # First the new ones, and all of them.
        return Step(launch, (), ended)
    most = parallel - len(draining) - waiting
    # Once no old one is left, what the surge made too many goes the same way, the newest first.
    candidates = stale if stale else list(reversed(fresh))[: max(0, len(fresh) - size)]
    chosen = [one.id for one in candidates if one.draining_since is None][: max(0, most)]
    return Step(launch, tuple(chosen), ended)


def done(instances: Sequence[Instance], size: int, target: str) -> bool:
    """Whether the group has as many instances as it wants, all with the launch configuration `target`."""
    return len(instances) == size and all(one.launch == target for one in instances)


def parallel(shape: Shape) -> int:
    """How many nodes of the group may be unavailable at once. `shape` is a `Nodegroup`."""
    config = shape["updateConfig"]
    if "maxUnavailable" in config:
        return int(config["maxUnavailable"])
    return max(1, int(shape["scalingConfig"]["desiredSize"]) * int(config["maxUnavailablePercentage"]) // 100)


def surge(shape: Shape, zones: int) -> int:
    """How many nodes the group has beyond its size while it is updated."""
    if shape["updateConfig"].get("updateStrategy") == "MINIMAL":
        return 0
    return max(2 * zones, parallel(shape))


def launch_key(record: NodegroupRecord) -> str:
    """What the group launches now, in a form that differs where AWS would replace a node."""
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
    """The group as an update finds it, to go back to should it fail."""
    members = {name: record.shape.get(name) for name in _RESTORED}
    return Rollout(members, record.instance_type, record.disk_gib)


def fail(cluster: ClusterRecord, record: NodegroupRecord, issue: Shape) -> None:
    """End the group's update as failed. It stays ACTIVE, with as many old nodes as are left."""
    assert record.rollout is not None
    rollout, record.rollout = record.rollout, None
    update = cluster.updates[rollout.update_id].shape
    update |= {"status": "Failed", "errors": [issue]}
    record.shape |= {**rollout.members, "status": "ACTIVE", "modifiedAt": now(), "health": {"issues": []}}
    record.instance_type, record.disk_gib = rollout.instance_type, rollout.disk_gib
    kept = record.instances[: record.shape["scalingConfig"]["desiredSize"]]
    record.instances = [replace(one, draining_since=None) for one in kept]


def launch_failure(nodegroup: str) -> Shape:
    """The `ErrorDetail` of new nodes that do not come."""
    # https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html
    message = f"Couldn't proceed with upgrade process as new nodes are not joining node group {nodegroup}"
    return {"errorCode": "NodeCreationFailure", "errorMessage": message, "resourceIds": []}


def eviction_failure(nodegroup: str, node_names: Sequence[str]) -> Shape:
    """The `ErrorDetail` of pods that did not leave their node in time."""
    # https://github.com/aws/containers-roadmap/issues/1282
    message = f"Reached max retries while trying to evict pods from nodes in node group {nodegroup}"
    return {"errorCode": "PodEvictionFailure", "errorMessage": message, "resourceIds": list(node_names)}
