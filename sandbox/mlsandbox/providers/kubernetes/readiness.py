"""When an object is ready, kind by kind, as users of pulumi-kubernetes know it.

Source of what is awaited and how long: pulumi-kubernetes, provider/pkg/await (`awaiters.go` and a file per kind), and
https://www.pulumi.com/registry/packages/kubernetes/api-docs/ for the conditions of each kind. Kinds without an entry
are ready once they are made.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlsandbox.providers.kubernetes.annotations import SKIP_AWAIT, is_true, wait_for
from mlsandbox.providers.kubernetes.cluster import Cluster
from mlsandbox.providers.kubernetes.objects import Kind, Object, conditions, dig
from mlsandbox.providers.kubernetes.pods import pod_problems, workload_problems

_MINUTE_S = 60.0


@dataclass(frozen=True)
class Readiness:
    """Whether an object is ready at one moment."""

    ready: bool
    message: str = ""
    """What is still awaited, or why it will not come."""

    failed: bool = False
    """Whether waiting longer is of no use."""

    stalled: bool = False
    """Whether its controller reports no progress, which it does until there is some. A wait that begins so goes on."""


READY = Readiness(True)

Check = Callable[[Object, Cluster], Readiness]
Explain = Callable[[Object, Cluster], Sequence[str]]


@dataclass(frozen=True)
class Awaited:
    """How one kind becomes ready."""

    check: Check
    timeout_s: float
    """Seconds to wait if the program does not say."""

    explain: Explain = lambda _item, _cluster: ()
    """Details for an object that did not become ready."""

    created_only: bool = False
    """Whether the official provider awaits creations alone."""


def awaited(item: Object, *, created: bool) -> Awaited | None:
    """What to wait for after `item` (live, with the program's annotations) was created or updated; None for nothing."""
    if is_true(item, SKIP_AWAIT):
        return None
    kind = Kind(item["apiVersion"], item["kind"])
    known = AWAITED.get((kind.group, kind.name))
    if known is not None and known.created_only and not created:
        known = None
    expressions = wait_for(item)
    if not expressions:
        return known
    checks = [_expression(text) for text in expressions]
    return Awaited(
        lambda live, _cluster: next((result for check in checks if not (result := check(live)).ready), READY),
        timeout_s=known.timeout_s if known else 10 * _MINUTE_S,
        explain=known.explain if known else lambda _item, _cluster: (),
    )


_CONDITION = re.compile(r"condition=(?P<type>[^=]+)(=(?P<status>.+))?")
_JSONPATH = re.compile(r"jsonpath=\{(?P<path>(\.[\w-]+|\[\d+\])+)\}(=(?P<value>.*))?")


def expression_error(text: str) -> str | None:
    """Why an expression of `pulumi.com/waitFor` cannot be used; None if it can."""
    if _CONDITION.fullmatch(text) or _JSONPATH.fullmatch(text):
        return None
    return (
        f"pulumi.com/waitFor is {text!r}; the sandbox understands `condition=Type`, `condition=Type=Status`, "
        "`jsonpath={.a.b[0].c}` and `jsonpath={.a.b}=value`"
    )


def _expression(text: str) -> Callable[[Object], Readiness]:
    waiting = Readiness(False, f"{text} does not hold")
    if match := _CONDITION.fullmatch(text):
        type, status = match["type"], (match["status"] or "True").lower()
        return lambda item: READY if str(dig(conditions(item).get(type), "status")).lower() == status else waiting
    if match := _JSONPATH.fullmatch(text):
        parts = re.findall(r"\.([\w-]+)|\[(\d+)\]", match["path"])
        path = [name if name else int(index) for name, index in parts]
        wanted = match["value"]

        def holds(item: Object) -> Readiness:
            value = dig(item, *path)
            found = value is not None if wanted is None else str(value) == wanted
            return READY if found else waiting

        return holds
    # `check` refuses what is neither; this is an object that another program annotated.
    return lambda item: Readiness(False, str(expression_error(text)), failed=True)


def _deployment(item: Object, _cluster: Cluster) -> Readiness:
    spec, status = item["spec"], item.get("status") or {}
    progressing = conditions(item).get("Progressing", {})
    stalled = progressing.get("status") == "False"
    if (behind := _unobserved(item)) is not None:
        return replace(behind, stalled=stalled)
    if stalled:
        return Readiness(False, f"{progressing.get('reason')}: {progressing.get('message')}", stalled=True)
    replicas = spec.get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < replicas:
        return Readiness(False, f"{updated} of {replicas} replicas are of the new version")
    if status.get("replicas", 0) > updated:
        return Readiness(False, f"{status['replicas'] - updated} replicas of the old version still run")
    if available < updated:
        return Readiness(False, f"{available} of {replicas} replicas are available")
    return READY


def _stateful_set(item: Object, _cluster: Cluster) -> Readiness:
    if (behind := _unobserved(item)) is not None:
        return behind
    spec, status = item["spec"], item.get("status") or {}
    replicas = spec.get("replicas", 1)
    if (ready := status.get("readyReplicas", 0)) < replicas:
        return Readiness(False, f"{ready} of {replicas} replicas are ready")
    rolling = dig(spec, "updateStrategy", "rollingUpdate", "partition") or 0
    wanted = max(replicas - rolling, 0)
    if dig(spec, "updateStrategy", "type") != "OnDelete" and status.get("updatedReplicas", 0) < wanted:
        return Readiness(False, f"{status.get('updatedReplicas', 0)} of {wanted} replicas are of the new version")
    return READY


def _daemon_set(item: Object, _cluster: Cluster) -> Readiness:
    if (behind := _unobserved(item)) is not None:
        return behind
    status = item.get("status") or {}
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if dig(item, "spec", "updateStrategy", "type") != "OnDelete" and updated < wanted:
        return Readiness(False, f"{updated} of {wanted} pods are of the new version")
    if available < wanted:
        return Readiness(False, f"{available} of {wanted} pods are available")
    return READY


def _replica_set(item: Object, _cluster: Cluster) -> Readiness:
    if (behind := _unobserved(item)) is not None:
        return behind
    wanted, available = dig(item, "spec", "replicas") or 0, dig(item, "status", "availableReplicas") or 0
    return READY if available >= wanted else Readiness(False, f"{available} of {wanted} replicas are available")


def _job(item: Object, _cluster: Cluster) -> Readiness:
    if dig(item, "spec", "suspend") is True:
        # Who suspended it (a queue, usually) starts it; Pulumi's part is done.
        return READY
    found = conditions(item)
    if dig(found.get("Complete"), "status") == "True":
        return READY
    failure = found.get("Failed", {})
    if failure.get("status") == "True":
        return Readiness(False, f"the Job failed: {failure.get('reason')}: {failure.get('message')}", failed=True)
    succeeded, wanted = dig(item, "status", "succeeded") or 0, dig(item, "spec", "completions") or 1
    return Readiness(False, f"{succeeded} of {wanted} completions")


def _pod(item: Object, _cluster: Cluster) -> Readiness:
    phase = dig(item, "status", "phase")
    if phase == "Failed":
        return Readiness(False, "the pod failed", failed=True)
    if phase == "Succeeded" or dig(conditions(item).get("Ready"), "status") == "True":
        return READY
    return Readiness(False, f"the pod is {phase or 'not observed yet'} and not ready")


def _service(item: Object, cluster: Cluster) -> Readiness:
    spec = item["spec"]
    if spec.get("type") == "LoadBalancer" and not dig(item, "status", "loadBalancer", "ingress"):
        return Readiness(False, "no load balancer has been allocated")
    # Without a selector the endpoints are somebody else's; a headless Service may well start before its pods.
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return READY
    metadata = item["metadata"]
    slices = cluster.list(
        Kind("discovery.k8s.io/v1", "EndpointSlice"),
        metadata["namespace"],
        f"kubernetes.io/service-name={metadata['name']}",
    )
    ready = any(
        dig(endpoint, "conditions", "ready") is not False
        for endpoints in slices
        for endpoint in endpoints.get("endpoints") or ()
    )
    return READY if ready else Readiness(False, "no ready pod fits its selector")


def _ingress(item: Object, cluster: Cluster) -> Readiness:
    service = Kind("v1", "Service")
    present = {one["metadata"]["name"] for one in cluster.list(service, item["metadata"]["namespace"])}
    paths = [path for rule in item["spec"].get("rules") or () for path in dig(rule, "http", "paths") or ()]
    backends = [item["spec"].get("defaultBackend"), *(path.get("backend") for path in paths)]
    names = [name for backend in backends if (name := dig(backend, "service", "name"))]
    if missing := sorted({*names} - present):
        return Readiness(False, f"there is no Service {', '.join(missing)}")
    if not dig(item, "status", "loadBalancer", "ingress"):
        return Readiness(False, "no ingress controller has given it an address")
    return READY


def _claim(item: Object, cluster: Cluster) -> Readiness:
    phase, name = dig(item, "status", "phase"), dig(item, "spec", "storageClassName")
    if phase == "Bound":
        return READY
    classes = {one["metadata"]["name"]: one for one in cluster.list(Kind("storage.k8s.io/v1", "StorageClass"))}
    if phase == "Pending" and dig(classes.get(name), "volumeBindingMode") == "WaitForFirstConsumer":
        return READY
    if not name:
        return Readiness(False, "it names no StorageClass and the cluster has no default one")
    if name not in classes:
        return Readiness(False, f"there is no StorageClass {name}")
    return Readiness(False, f"the claim is {phase or 'not observed yet'}, not Bound")


def _volume(item: Object, _cluster: Cluster) -> Readiness:
    phase = dig(item, "status", "phase")
    return (
        READY if phase in ("Available", "Bound") else Readiness(False, f"the volume is {phase or 'not observed yet'}")
    )


def _quota(item: Object, _cluster: Cluster) -> Readiness:
    held = dig(item, "status", "hard") == dig(item, "spec", "hard")
    return READY if held else Readiness(False, "the quota is not in force yet")


def _secret(item: Object, _cluster: Cluster) -> Readiness:
    awaits_token = item.get("type") == "kubernetes.io/service-account-token" and not item.get("data")
    return Readiness(False, "no token has been issued") if awaits_token else READY


def _definition(item: Object, cluster: Cluster) -> Readiness:
    found = conditions(item)
    names = found.get("NamesAccepted", {})
    if names.get("status") == "False":
        return Readiness(False, f"its names were not accepted: {names.get('message')}", failed=True)
    if dig(found.get("Established"), "status") != "True":
        return Readiness(False, "the API server has not established it")
    spec = item["spec"]
    kinds = [Kind(f"{spec['group']}/{one['name']}", spec["names"]["kind"]) for one in spec["versions"] if one["served"]]
    if not all(map(cluster.served, kinds)):
        return Readiness(False, "the API server does not serve it yet")
    return READY


def _unobserved(item: Object) -> Readiness | None:
    observed = dig(item, "status", "observedGeneration") or 0
    if observed < item["metadata"].get("generation", 0):
        return Readiness(False, "its controller has not seen the change yet")
    return None


def _pod_explained(item: Object, _cluster: Cluster) -> Sequence[str]:
    return list(pod_problems(item))


AWAITED: Mapping[tuple[str, str], Awaited] = {
    ("", "PersistentVolume"): Awaited(_volume, 5 * _MINUTE_S, created_only=True),
    ("", "PersistentVolumeClaim"): Awaited(_claim, 5 * _MINUTE_S, created_only=True),
    ("", "Pod"): Awaited(_pod, 10 * _MINUTE_S, _pod_explained),
    ("", "ReplicationController"): Awaited(_replica_set, 10 * _MINUTE_S),
    ("", "ResourceQuota"): Awaited(_quota, _MINUTE_S),
    ("", "Secret"): Awaited(_secret, 5.0, created_only=True),
    ("", "Service"): Awaited(_service, 10 * _MINUTE_S),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Awaited(_definition, _MINUTE_S),
    ("apps", "DaemonSet"): Awaited(_daemon_set, 10 * _MINUTE_S, workload_problems),
    ("apps", "Deployment"): Awaited(_deployment, 10 * _MINUTE_S, workload_problems),
    ("apps", "ReplicaSet"): Awaited(_replica_set, 10 * _MINUTE_S, workload_problems),
    ("apps", "StatefulSet"): Awaited(_stateful_set, 10 * _MINUTE_S, workload_problems),
    ("batch", "Job"): Awaited(_job, 10 * _MINUTE_S, workload_problems),
    ("networking.k8s.io", "Ingress"): Awaited(_ingress, 10 * _MINUTE_S),
}
"""By group and kind. CustomResourceDefinitions are awaited although the official provider does not, so that a custom
resource that depends on one is never early."""
