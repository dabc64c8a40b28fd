"""Read objects in a stack's cluster, with the kubeconfig of its provider."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import urllib3.exceptions
import yaml
from kubernetes import config
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError, ResourceNotFoundError

Object = dict[str, Any]
"""A Kubernetes object as the API server returns it."""

_TIMEOUT_S: Final = (5, 60)
"""Timeouts in seconds for connecting and for the response."""


class ClusterError(Exception):
    """The cluster cannot be queried; the text contains the reason."""


class Cluster:
    """A cluster, and the default namespace of its objects."""

    def __init__(self, provider: Mapping[str, Any]) -> None:
        """Read the kubeconfig in a Kubernetes provider's inputs, without sending a request.

        Raises:
            ClusterError: The kubeconfig is invalid.
        """
        content = _content(provider["kubeconfig"])
        name = provider.get("context") or content.get("current-context")
        contexts = {each.get("name"): each.get("context") or {} for each in content.get("contexts") or ()}
        if name not in contexts:
            raise ClusterError(f"its kubeconfig has no context {name!r}; it has: {', '.join(map(str, contexts))}")
        if provider.get("cluster"):
            contexts[name]["cluster"] = provider["cluster"]
        self.namespace = str(provider.get("namespace") or contexts[name].get("namespace") or "default")
        try:
            new_client: Any = config.new_client_from_config_dict
            client = new_client(content, context=name, persist_config=False)
        except ConfigException as error:
            raise ClusterError(f"its kubeconfig cannot be used: {error}") from None
        self._api = client
        # By default, all programs on a machine share the library's discovery cache.
        self._cache = TemporaryDirectory(prefix="mlpctl-")

    @cached_property
    def _resources(self) -> Any:
        """The API server's resource types; queried once."""
        new_client: Any = DynamicClient
        return new_client(self._api, cache_file=str(Path(self._cache.name) / "discovery.json")).resources

    def get(self, api_version: str, kind: str, name: str, namespace: str | None) -> Object | None:
        """An object; None if it, its namespace or its kind does not exist.

        Raises:
            ClusterError: The API server does not respond, or rejects the request.
        """
        found: Object | None = self._ask(api_version, kind, name=name, namespace=namespace or self.namespace)
        return found

    def list(self, api_version: str, kind: str, namespace: str | None, labels: str = "") -> Sequence[Object]:
        """The objects of a kind in a namespace that match a label selector; empty if the kind does not exist.

        Raises:
            ClusterError: The API server does not respond, or rejects the request.
        """
        found = self._ask(api_version, kind, namespace=namespace or self.namespace, label_selector=labels)
        return (found and found["items"]) or []

    def _ask(self, api_version: str, kind: str, **what: str) -> Any:
        """The API server's response; None if the object, its namespace or its kind does not exist."""
        try:
            resource = self._resources.get(api_version=api_version, kind=kind)
            if not resource.namespaced:
                what.pop("namespace")
            return resource.get(**what, _request_timeout=_TIMEOUT_S).to_dict()
        except (NotFoundError, ResourceNotFoundError):
            return None
        except ApiException as error:
            raise ClusterError(_message(error)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(str(error)) from None


def _content(kubeconfig: str) -> dict[str, Any]:
    """A provider's kubeconfig, given as content or as the path of a file."""
    text = kubeconfig
    try:
        # A path contains no line break and does not start with a brace.
        if "\n" not in text and not text.lstrip().startswith("{"):
            text = Path(text).expanduser().read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise ClusterError(f"its kubeconfig cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ClusterError("its kubeconfig is not a mapping with clusters, users and contexts")
    return content


def _message(error: ApiException) -> str:
    """The API server's message, from the response body that the library keeps as text."""
    try:
        message = json.loads(error.body or "")["message"]
    except (KeyError, TypeError, ValueError):
        message = error.reason
    return f"{message} (HTTP {error.status})"
