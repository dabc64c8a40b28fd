"""The Kubernetes objects of controllers, which their add-ons install on AWS."""

import base64
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import yaml

from mlsandbox.cluster.controllers.table import Controller
from mlsandbox.cluster.kube import Kube, KubeError, Object
from mlsandbox.ground.layout import Layout

LABEL = "mlplatform.dev/controller"
"""Label with the name of the controller. Objects without it belong to the user and are never deleted."""

_PLURALS = {
    "ServiceAccount": "serviceaccounts",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "RoleBinding": "rolebindings",
    "Service": "services",
    "APIService": "apiservices",
}


def of(controller: Controller, layout: Layout, port: int) -> list[Object]:
    """The objects of a controller that listens on `port` of 127.0.0.1, in the order in which they are created."""
    values = {"{port}": port, "{ca}": base64.b64encode(layout.ca_certificate.read_bytes()).decode()}
    text = files(__package__).joinpath(f"{controller.name}.yaml").read_text(encoding="utf-8")
    made = [_filled(each, values) for each in yaml.safe_load_all(text)]
    for each in made:
        each["metadata"].setdefault("labels", {})[LABEL] = controller.name
    return made


def is_called(item: Object) -> bool:
    """Whether the object makes the API server call the controller. It is created when the controller responds."""
    return bool(item["kind"] == "APIService")


def apply(kube: Kube, items: Sequence[Object]) -> None:
    """Create or change objects."""
    for each in items:
        kube.apply(path(each), each)


def remove(kube: Kube, items: Sequence[Object]) -> None:
    """Delete objects in reverse order, so that the API server stops calling the controller first."""
    for each in reversed(items):
        try:
            found = kube.get(path(each))
        except KubeError as problem:
            if problem.status != 404:
                raise
            continue
        if LABEL in found["metadata"].get("labels", {}):
            kube.delete(path(each))


def path(item: Object) -> str:
    """The path of an object in the Kubernetes API."""
    version, meta = item["apiVersion"], item["metadata"]
    group = f"/apis/{version}" if "/" in version else f"/api/{version}"
    inside = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    return f"{group}{inside}/{_PLURALS[item['kind']]}/{quote(meta['name'])}"


def _filled(value: Any, values: dict[str, Any]) -> Any:
    """`value` with strings that are a key of `values` replaced."""
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    return values.get(value, value) if isinstance(value, str) else value
