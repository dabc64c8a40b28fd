"""Namespaces that Kubernetes creates or reserves, and the names that it uses in every namespace.

Sources: https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces and
https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
"""

import re
from typing import Final

from mlplatform import grammar

DEFAULT: Final = "default"
"""The namespace of objects that name none; also, in every namespace, the service account of pods that name none."""

API_SERVICE: Final = ("kubernetes", DEFAULT)
"""Name and namespace of the API server's own service."""

NAMES: Final = "names other than default and kube-…, which are namespaces of Kubernetes"


def of_kubernetes(namespace: str) -> bool:
    """Whether Kubernetes creates a namespace or reserves its name."""
    return namespace == DEFAULT or namespace.startswith("kube-")


def model_problem(name: str, *, own_namespace: bool) -> str | None:
    """What is allowed instead of a model's name; None for a valid one.

    Args:
        name: the model's name, which is also the name of its service and its service account.
        own_namespace: whether the model gets a namespace with its own name.
    """
    if own_namespace and of_kubernetes(name):
        return NAMES
    if name == DEFAULT:
        return f"names other than {DEFAULT}, since every namespace has a service account of that name"
    return None


def for_model(name: str, namespace: str) -> str:
    """`namespace` if the model `name` can run in this existing namespace.

    Raises:
        ValueError: states what is allowed.
    """
    if not re.fullmatch(grammar.KUBERNETES_NAME, namespace):
        raise ValueError("allowed: the name of a namespace: lower-case letters, digits and hyphens")
    if namespace != DEFAULT and of_kubernetes(namespace):
        raise ValueError("allowed: namespaces other than kube-…, which Kubernetes reserves")
    if (name, namespace) == API_SERVICE:
        raise ValueError(f"allowed: namespaces other than {DEFAULT}, where the service {name} is the API server's")
    return namespace


def workload_problem(name: str, namespace: str | None, service_account: str | None) -> str | None:
    """What is allowed instead of a workload's name, which is the default for its pods; None for a valid one.

    Args:
        name: the workload's name.
        namespace: the namespace of its pods; None for the one with the workload's name.
        service_account: their service account; None for the one with the workload's name.
    """
    if namespace is None and of_kubernetes(name):
        return f"{NAMES}; or set `namespace` and `serviceAccount` of its pods"
    if service_account is None and name == DEFAULT:
        return f"names other than {DEFAULT}, the service account of pods that name none; or set `serviceAccount`"
    return None
