"""A client of the Kubernetes API with administrator rights, for paths and plain objects."""

import json
import ssl
from typing import Any

import urllib3

from mlsandbox.ground.layout import Layout
from mlsandbox.ground.ports import HOST

Object = dict[str, Any]
"""A Kubernetes object or list, as decoded JSON."""

FIELD_MANAGER = "eks"

_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class KubeError(Exception):
    """The API server rejected a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class UnreachableError(Exception):
    """The API server is not reachable."""


class Kube:
    """A client of the sandbox's API server. Thread-safe."""

    def __init__(self, layout: Layout) -> None:
        tls = ssl.create_default_context(cafile=str(layout.ca_certificate))
        tls.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")
        self._pool = urllib3.HTTPSConnectionPool(
            HOST, layout.ports().api_server, ssl_context=tls, maxsize=4, timeout=10.0, retries=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def ready(self) -> bool:
        """Whether the API server is reachable and ready."""
        try:
            return self._pool.request("GET", "/readyz", timeout=2.0).status == 200
        except (urllib3.exceptions.HTTPError, OSError):
            return False

    def get(self, path: str) -> Object:
        """The object or list at `path`."""
        return self._call("GET", path)

    def items(self, path: str) -> list[Object]:
        """The items of the list at `path`."""
        items: list[Object] = self._call("GET", path).get("items") or []
        return items

    def create(self, path: str, body: Object) -> Object:
        """Create an object in the collection at `path`."""
        return self._call("POST", f"{path}?fieldManager={FIELD_MANAGER}", body)

    def apply(self, path: str, body: Object) -> Object:
        """Apply the object at `path` (server-side apply with force)."""
        return self._call("PATCH", f"{path}?fieldManager={FIELD_MANAGER}&force=true", body, _APPLY)

    def merge(self, path: str, patch: Object) -> Object:
        """Patch the object at `path` (JSON merge patch)."""
        return self._call("PATCH", f"{path}?fieldManager={FIELD_MANAGER}", patch, _MERGE)

    def delete(self, path: str) -> None:
        """Delete the object at `path`. It is not an error if it does not exist."""
        try:
            self._call("DELETE", path)
        except KubeError as problem:
            if problem.status != 404:
                raise

    def evict(self, namespace: str, pod: str) -> bool:
        """Evict the pod from its node. False if a disruption budget does not allow it now."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
        try:
            self._call("POST", f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", body)
        except KubeError as problem:
            if problem.status == 404:
                return True
            # 500 if two budgets apply to the pod: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
            if problem.status not in (429, 500):
                raise
            return False
        return True

    def _call(self, method: str, path: str, body: Object | None = None, content_type: str = _JSON) -> Object:
        data = None if body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(method, path, body=data, headers={"Content-Type": content_type})
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            raise UnreachableError(str(problem)) from problem
        if answer.status >= 400:
            raise KubeError(answer.status, _message(answer.data))
        value: Object = json.loads(answer.data)
        return value


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        # For paths that no API group serves the response is plain text.
        return body.decode("utf-8", "replace").strip()
