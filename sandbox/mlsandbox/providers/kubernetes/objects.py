"""What a Kubernetes object is to the provider: plain JSON, named by its kind, namespace and name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Object = dict[str, Any]
"""A Kubernetes object, or a part of one, as the API server sends it."""

DEFAULT_NAMESPACE = "default"

# https://kubernetes.io/docs/reference/kubernetes-api/ (the API server's own groups; all others come from
# CustomResourceDefinitions or from aggregated API servers).
OWN_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)


@dataclass(frozen=True, order=True)
class Kind:
    """A kind in one version of one API group."""

    api_version: str
    """`v1` or `<group>/<version>`."""

    name: str
    """E.g. `Deployment`."""

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def comes_with_kubernetes(self) -> bool:
        """Whether the API server itself serves the group, so that no definition can add the kind later."""
        return self.group in OWN_GROUPS

    def __str__(self) -> str:
        return f"{self.api_version} {self.name}"


@dataclass(frozen=True)
class Reference:
    """One object in a cluster."""

    kind: Kind
    name: str
    namespace: str | None = None

    @classmethod
    def to(cls, item: Mapping[str, Any]) -> Self:
        """The reference to an object that has its kind and name in it."""
        metadata = item.get("metadata") or {}
        return cls(Kind(item["apiVersion"], item["kind"]), metadata["name"], metadata.get("namespace"))

    @property
    def id(self) -> str:
        """The id of the Pulumi resource: `<namespace>/<name>`, or the name alone."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind.name} {self.id}"


def parse_id(id: str) -> tuple[str | None, str]:
    """Namespace (None without one) and name of a Pulumi resource's id."""
    namespace, _, name = id.rpartition("/")
    return namespace or None, name


def dig(item: object, *path: str | int) -> Any:
    """The value at `path` inside nested mappings and lists; None where there is none."""
    for part in path:
        if isinstance(item, Mapping):
            item = item.get(part)
        elif isinstance(item, list) and isinstance(part, int) and part < len(item):
            item = item[part]
        else:
            return None
    return item


def conditions(item: Mapping[str, Any]) -> dict[str, Object]:
    """The conditions in the object's status, by type."""
    return {condition["type"]: condition for condition in dig(item, "status", "conditions") or ()}


_EXTENSION = re.compile(r"^x([_-])kubernetes\1")


def as_kubernetes(item: Any) -> Any:
    """Pulumi's spelling of a CustomResourceDefinition's schema, `x_kubernetes_…`, as Kubernetes': `x-kubernetes-…`."""
    return _respelled(item, "_", "-")


def as_pulumi(item: Any) -> Any:
    """The reverse of `as_kubernetes`."""
    return _respelled(item, "-", "_")


def _respelled(item: Any, old: str, new: str) -> Any:
    if isinstance(item, Mapping):
        return {
            key.replace(old, new) if _EXTENSION.match(key) else key: _respelled(value, old, new)
            for key, value in item.items()
        }
    if isinstance(item, list):
        return [_respelled(value, old, new) for value in item]
    return item
