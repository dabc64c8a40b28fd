"""Rights of a team's people in their namespaces."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

READ: Final = ("get", "list", "watch")
WRITE: Final = (*READ, "create", "delete", "deletecollection", "patch", "update")

VIEW: Final = "view"
"""The ClusterRole of Kubernetes for readers, which excludes secrets:
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles"""

EDITOR: Final[Sequence[Mapping[str, Any]]] = (
    {
        "api_groups": [""],
        "resources": ["configmaps", "persistentvolumeclaims", "pods", "secrets", "services"],
        "verbs": [*WRITE],
    },
    {
        "api_groups": [""],
        "resources": ["pods/attach", "pods/exec", "pods/portforward"],
        "verbs": ["get", "create"],
    },
    # The containers of `kubectl debug`, which the Pod Security Standard and the guardrails check as well.
    {"api_groups": [""], "resources": ["pods/ephemeralcontainers"], "verbs": ["patch", "update"]},
    {"api_groups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
    {
        "api_groups": [""],
        "resources": [
            *("endpoints", "events", "limitranges", "pods/log", "pods/status", "resourcequotas"),
            "serviceaccounts",
        ],
        "verbs": [*READ],
    },
    {
        "api_groups": ["apps"],
        "resources": ["deployments", "deployments/scale", "statefulsets", "statefulsets/scale"],
        "verbs": [*WRITE],
    },
    {"api_groups": ["apps"], "resources": ["controllerrevisions", "daemonsets", "replicasets"], "verbs": [*READ]},
    {"api_groups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": [*WRITE]},
    {"api_groups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": [*WRITE]},
    {"api_groups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": [*WRITE]},
    {"api_groups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": [*READ]},
    {"api_groups": ["networking.k8s.io"], "resources": ["ingresses", "networkpolicies"], "verbs": [*READ]},
    {"api_groups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings", "roles"], "verbs": [*READ]},
)
"""What editors may do: run programs. Unlike the ClusterRole `edit` of Kubernetes, they cannot change network policies,
Ingresses and service accounts, impersonate these, or create DaemonSets, whose pods run on every node."""
