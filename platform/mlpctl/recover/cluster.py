"""A stack's cluster, read with the kubeconfig of its provider."""

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
"""Seconds to connect, and to wait for an answer."""


class ClusterError(Exception):
    """The cluster cannot be asked; the text says why."""


class Cluster:
    """A cluster and the namespace of objects that name none."""

    def __init__(self, provider: Mapping[str, Any]) -> None:
        """Read the kubeconfig in a Kubernetes provider's inputs; nothing is sent yet.

        Raises:
            ClusterError: it cannot be used.
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
        # By default, all programs of a machine share the library's cache of what servers offer.
        self._cache = TemporaryDirectory(prefix="mlpctl-")

    @cached_property
    def _resources(self) -> Any:
        """What the API server offers; asked for once."""
        new_client: Any = DynamicClient
        return new_client(self._api, cache_file=str(Path(self._cache.name) / "discovery.json")).resources

    def get(self, api_version: str, kind: str, name: str, namespace: str | None) -> Object | None:
        """An object; None where it, its namespace or its kind does not exist.

        Raises:
            ClusterError: the API server does not answer, or refuses to.
        """
        found: Object | None = self._ask(api_version, kind, name=name, namespace=namespace or self.namespace)
        return found

    def list(self, api_version: str, kind: str, namespace: str | None, labels: str = "") -> Sequence[Object]:
        """The objects of a kind in a namespace that fit a label selector; empty where the kind does not exist.

        Raises:
            ClusterError: the API server does not answer, or refuses to.
        """
        found = self._ask(api_version, kind, namespace=namespace or self.namespace, label_selector=labels)
        return (found and found["items"]) or []

    def _ask(self, api_version: str, kind: str, **what: str) -> Any:
        """What the API server answers; None where the object, its namespace or its kind does not exist."""
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
    """A provider's kubeconfig, which is its text or the path of a file."""
    text = kubeconfig
    try:
        # A path has no line break and no brace.
        if "\n" not in text and not text.lstrip().startswith("{"):
            text = Path(text).expanduser().read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise ClusterError(f"its kubeconfig cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ClusterError("its kubeconfig is not a mapping with clusters, users and contexts")
    return content


def _message(error: ApiException) -> str:
    """What the API server said, of which the library keeps the body as it came."""
    try:
        said = json.loads(error.body or "")["message"]
    except (KeyError, TypeError, ValueError):
        said = error.reason
    return f"{said} (HTTP {error.status})"
