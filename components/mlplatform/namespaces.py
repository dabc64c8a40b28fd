"""Namespaces, and names in every one of them, that Kubernetes has by itself.

Sources: https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces and
https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
"""

import re
from typing import Final

from mlplatform import grammar

DEFAULT: Final = "default"
"""The namespace of whatever names none, and in every namespace the service account of every pod that names none."""

API_SERVICE: Final = ("kubernetes", DEFAULT)
"""Name and namespace of the API server's own service."""

NAMES: Final = "names other than default and kube-…, which are namespaces of Kubernetes"


def of_kubernetes(namespace: str) -> bool:
    """Whether Kubernetes makes a namespace, or keeps its name for itself."""
    return namespace == DEFAULT or namespace.startswith("kube-")


def model_problem(name: str, *, own_namespace: bool) -> str | None:
    """What is allowed instead of a model's name; None for a right one.

    Args:
        name: the model's name, which its service and its service account have.
        own_namespace: whether it gets a namespace of its own name.
    """
    if own_namespace and of_kubernetes(name):
        return NAMES
    if name == DEFAULT:
        return f"names other than {DEFAULT}, since every namespace has a service account of that name"
    return None


def for_model(name: str, namespace: str) -> str:
    """`namespace` if the model `name` can be put into a namespace of that name, which is there.

    Raises:
        ValueError: saying what is allowed.
    """
    if not re.fullmatch(grammar.KUBERNETES_NAME, namespace):
        raise ValueError("allowed: the name of a namespace: lower-case letters, digits and hyphens")
    if namespace != DEFAULT and of_kubernetes(namespace):
        raise ValueError("allowed: namespaces other than kube-…, which are Kubernetes's own")
    if (name, namespace) == API_SERVICE:
        raise ValueError(f"allowed: namespaces other than {DEFAULT}, whose service {name} is the API server's")
    return namespace


def workload_problem(name: str, namespace: str | None, service_account: str | None) -> str | None:
    """What is allowed instead of a workload's name, where it stands for its pods; None for a right one.

    Args:
        name: the workload's name.
        namespace: the namespace of its pods; None for one of its own name.
        service_account: their service account; None for one of its own name.
    """
    if namespace is None and of_kubernetes(name):
        return f"{NAMES}, or with `namespace` and `serviceAccount` of its pods"
    if service_account is None and name == DEFAULT:
        return f"names other than {DEFAULT}, the service account of pods that name none, or with `serviceAccount`"
    return None
