"""Why the pods of a workload do not run, in the words of the scheduler, the kubelet and the controllers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlsandbox.providers.kubernetes.cluster import Cluster
from mlsandbox.providers.kubernetes.objects import Kind, Object, conditions, dig

POD = Kind("v1", "Pod")
_REPLICA_SET = Kind("apps/v1", "ReplicaSet")
_REVISION = ("metadata", "annotations", "deployment.kubernetes.io/revision")

# A container waits for these in a normal start.
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})


def workload_problems(workload: Object, cluster: Cluster) -> Sequence[str]:
    """What keeps a Deployment, StatefulSet, DaemonSet, ReplicaSet or Job from its pods, each problem once."""
    owners = [workload]
    problems: list[str] = []
    if workload["kind"] == "Deployment":
        owners = [
            owned
            for owned in _owned(workload, cluster.list(_REPLICA_SET, dig(workload, "metadata", "namespace")))
            if dig(owned, *_REVISION) == dig(workload, *_REVISION)
        ]
        problems += [problem for owner in owners for problem in _replica_failures(owner)]
    pods = cluster.list(POD, dig(workload, "metadata", "namespace"), _label_selector(workload))
    counted = Counter(
        problem for owner in owners for pod in _owned(owner, pods) for problem in dict.fromkeys(pod_problems(pod))
    )
    problems += [f"{'a pod' if count == 1 else f'{count} pods'}: {problem}" for problem, count in counted.items()]
    return list(dict.fromkeys([*_replica_failures(workload), *problems]))


def pod_problems(pod: Object) -> Iterator[str]:
    """What is wrong with a pod."""
    scheduled = conditions(pod).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        yield f"{scheduled.get('reason')}: {scheduled.get('message')}"
    if dig(pod, "status", "phase") == "Failed":
        yield f"failed: {dig(pod, 'status', 'message') or dig(pod, 'status', 'reason') or 'a container ended in error'}"
    for group in ("initContainerStatuses", "containerStatuses"):
        for container in dig(pod, "status", group) or ():
            yield from _container_problems(container)


def _container_problems(container: Mapping[str, Any]) -> Iterator[str]:
    waiting, ended = dig(container, "state", "waiting"), dig(container, "state", "terminated")
    if waiting and waiting.get("reason") not in _STARTING:
        message = waiting.get("message")
        yield f"container {container['name']}: {waiting.get('reason')}" + (f": {message}" if message else "")
    if ended and ended.get("exitCode"):
        yield f"container {container['name']}: {ended.get('reason') or 'Error'}, exit code {ended['exitCode']}"


def _replica_failures(owner: Object) -> Iterator[str]:
    failure = conditions(owner).get("ReplicaFailure", {})
    if failure.get("status") == "True":
        yield f"{failure.get('reason')}: {failure.get('message')}"


def _owned(owner: Object, items: Sequence[Object]) -> list[Object]:
    uid = owner["metadata"]["uid"]
    return [item for item in items if any(ref["uid"] == uid for ref in dig(item, "metadata", "ownerReferences") or ())]


def _label_selector(workload: Object) -> str:
    labels = dig(workload, "spec", "selector", "matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
