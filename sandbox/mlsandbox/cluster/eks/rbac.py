"""Binds the Kubernetes groups of EKS access policies to roles."""

from collections.abc import Iterable
from urllib.parse import quote

from awsfacts.eks_settings import ACCESS_POLICIES
from mlsandbox.cluster.kube import Kube, KubeError, Object
from mlsandbox.endpoint.eks.backend import AccessEntryRecord
from mlsandbox.endpoint.eks.policy_groups import group

PREFIX = "eks:"
"""Prefix of the names of objects that EKS manages in a cluster. Users of the cluster do not use it."""

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_LABELS = {"app.kubernetes.io/managed-by": "eks"}

_ADMIN_VIEW: Object = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "eks:admin-view", "labels": _LABELS},
    "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}],
}

Binding = tuple[str, str]
"""An access policy and a namespace."""


def bindings(entries: Iterable[AccessEntryRecord]) -> set[Binding]:
    """The policies in namespace scope, with their namespaces."""
    return {
        (arn.rsplit("/", 1)[-1], namespace)
        for entry in entries
        for arn, association in entry.policies.items()
        for namespace in association["accessScope"]["namespaces"]
    }


def install(kube: Kube) -> None:
    """Create the roles and bindings of policies in cluster scope."""
    kube.apply(f"{_RBAC}/clusterroles/{quote('eks:admin-view')}", _ADMIN_VIEW)
    for policy in ACCESS_POLICIES:
        binding = _binding("ClusterRoleBinding", policy, group(policy))
        kube.apply(f"{_RBAC}/clusterrolebindings/{quote(binding['metadata']['name'])}", binding)


def sync(kube: Kube, wanted: set[Binding]) -> None:
    """Bind the policies in their namespaces, if those exist, and remove other bindings."""
    selector = quote(",".join(f"{key}={value}" for key, value in _LABELS.items()))
    present = {
        (item["metadata"]["name"].rsplit(":", 1)[-1], item["metadata"]["namespace"])
        for item in kube.items(f"{_RBAC}/rolebindings?labelSelector={selector}")
    }
    for policy, namespace in present - wanted:
        kube.delete(_path(policy, namespace))
    for policy, namespace in wanted - present:
        try:
            kube.apply(_path(policy, namespace), _binding("RoleBinding", policy, group(policy, namespace)))
        except KubeError as problem:
            if problem.status != 404:
                raise


def _path(policy: str, namespace: str) -> str:
    return f"{_RBAC}/namespaces/{quote(namespace)}/rolebindings/{quote(_name(policy))}"


def _name(policy: str) -> str:
    return f"{PREFIX}access-policy:{policy}"


def _binding(kind: str, policy: str, to_group: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": _name(policy), "labels": _LABELS},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": ACCESS_POLICIES[policy],
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": to_group}],
    }
