"""Deletes the objects of a deleted cluster from the control plane, which the next cluster will use too."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from mlsandbox.cluster.eks.rbac import PREFIX
from mlsandbox.cluster.kube import Kube, KubeError, Object

TIMEOUT_S = 30.0
"""Seconds after which the deletion stops and the remaining objects are logged."""

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")

# The control plane manages these itself: it recreates them or derives them from other objects.
_MANAGED_BY_KUBERNETES = frozenset(
    {"bindings", "componentstatuses", "csinodes", "endpoints", "endpointslices", "events", "ipaddresses", "leases"}
    | {"flowschemas", "prioritylevelconfigurations", "servicecidrs", "nodes", "controllerrevisions", "namespaces"}
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kind:
    path: str
    """Path of the API group and version."""

    plural: str

    def collection(self) -> str:
        return f"{self.path}/{self.plural}"

    def of(self, item: Object) -> str:
        meta = item["metadata"]
        inside = f"/namespaces/{meta['namespace']}" if meta.get("namespace") else ""
        return f"{self.path}{inside}/{self.plural}/{meta['name']}"


def clean(kube: Kube) -> None:
    """Delete all namespaces except the system namespaces, and all objects that neither Kubernetes nor EKS manages.

    Finalizers are removed, because the controllers that would process them are deleted too.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while left := list(_remove(kube)):
        if time.monotonic() > deadline:
            logger.warning("cannot delete these objects of the deleted cluster: %s", ", ".join(left))
            return
        time.sleep(0.2)


def _remove(kube: Kube) -> Iterator[str]:
    """Delete the remaining objects, and yield the path of each."""
    for kind in _kinds(kube):
        for item in _list(kube, kind):
            if not _built_in(kind, item):
                yield kind.of(item)
                _delete(kube, kind.of(item), item)
    for namespace in kube.items("/api/v1/namespaces"):
        if (name := namespace["metadata"]["name"]) not in SYSTEM_NAMESPACES:
            yield name
            if "deletionTimestamp" not in namespace["metadata"]:
                kube.delete(f"/api/v1/namespaces/{name}")


def _kinds(kube: Kube) -> Iterator[_Kind]:
    groups = [group["preferredVersion"]["groupVersion"] for group in kube.get("/apis")["groups"]]
    for path in ("/api/v1", *(f"/apis/{version}" for version in groups)):
        try:
            resources = kube.get(path)["resources"]
        except KubeError:
            # An aggregated API without a server has no objects to delete.
            continue
        for resource in resources:
            plural, verbs = resource["name"], resource["verbs"]
            if "/" not in plural and plural not in _MANAGED_BY_KUBERNETES and {"list", "delete"} <= set(verbs):
                yield _Kind(path, plural)


def _list(kube: Kube, kind: _Kind) -> list[Object]:
    try:
        return kube.items(kind.collection())
    except KubeError:
        # The definition of this custom resource was just deleted.
        return []


def _delete(kube: Kube, path: str, item: Object) -> None:
    try:
        if item["metadata"].get("finalizers"):
            kube.merge(path, {"metadata": {"finalizers": None}})
        kube.delete(f"{path}?gracePeriodSeconds=0")
    except KubeError as problem:
        if problem.status != 404:
            logger.info("%s: %s", path, problem)


def _built_in(kind: _Kind, item: Object) -> bool:
    meta = item["metadata"]
    name: str = meta["name"]
    labels = meta.get("labels") or {}
    if kind.plural in ("clusterroles", "clusterrolebindings", "roles", "rolebindings"):
        bootstrapped = "kubernetes.io/bootstrapping" in labels
        return bootstrapped or name.startswith(("system:", PREFIX)) or name == "cluster-admin"
    if meta.get("namespace") == "kube-system" and kind.plural in ("serviceaccounts", "configmaps"):
        # Each controller has its own service account; each namespace has the CA and a default service account.
        return not meta.get("managedFields") or all(
            field["manager"].startswith("kube-") for field in meta["managedFields"]
        )
    if kind.plural == "serviceaccounts":
        return bool(name == "default")
    if kind.plural == "configmaps":
        return bool(name == "kube-root-ca.crt")
    if kind.plural == "services":
        return (meta.get("namespace"), name) == ("default", "kubernetes")
    if kind.plural == "clustertrustbundles":
        return name.startswith("kubernetes.io:")
    if kind.plural == "priorityclasses":
        return name.startswith("system-")
    if kind.plural == "apiservices":
        return "kube-aggregator.kubernetes.io/automanaged" in labels
    return False
