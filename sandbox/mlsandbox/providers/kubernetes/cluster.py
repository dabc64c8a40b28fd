"""One Kubernetes API server: what it serves, and its objects read and written as plain JSON."""

import difflib
import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3.exceptions
from kubernetes.client import ApiClient, ApiException
from kubernetes.dynamic import DynamicClient

from mlsandbox.providers.kubernetes.objects import DEFAULT_NAMESPACE, Kind, Object, Reference
from mlsandbox.providers.protocol import ProviderError

_CONNECT_S, _READ_S = 5, 60
_REDISCOVER_S = 0.5

# A server that did not answer is not asked again for so long, so that a preview of many objects fails fast.
_DOWN_S = 2.0
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_APPLY = "application/apply-patch+yaml"

_ERRNO = re.compile(r"\[Errno \d+\] ")

Query = list[tuple[str, str]]


class UnreachableError(ProviderError):
    """The API server does not answer, or not to us."""


class ApiError(ProviderError):
    """The API server refused a request; the message is its own."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.reason = str(body.get("reason") or "")
        details = body.get("details") or {}
        self.causes: Sequence[tuple[str, str]] = tuple(
            (str(cause.get("field") or "").lstrip("."), str(cause.get("message") or ""))
            for cause in details.get("causes") or ()
        )
        self.about: str = str(details.get("kind") or "")
        super().__init__(str(body.get("message") or f"HTTP {status}"))

    @property
    def namespace_missing(self) -> bool:
        """Whether it is the object's namespace that was not found, not the object."""
        return self.status == 404 and self.about == "namespaces"


class NotServedError(ProviderError):
    """The API server has no such kind (yet)."""


@dataclass(frozen=True)
class Served:
    """A kind as the API server serves it."""

    kind: Kind
    plural: str
    namespaced: bool


class Cluster:
    """A client of one API server, for many threads at once."""

    def __init__(self, client: ApiClient) -> None:
        # The discovery that the library would do keeps a file that every program of the machine shares, and is not
        # made for threads; what is used of the dynamic client is how it writes requests and reads errors.
        self._client = DynamicClient(client, discoverer=lambda *_: None)  # type: ignore[no-untyped-call]  # untyped library
        self.address = str(client.configuration.host)
        self._served: dict[Kind, Served] = {}
        self._discovered_at = float("-inf")
        self._down: tuple[float, UnreachableError] | None = None
        self._lock = threading.Lock()

    def served(self, kind: Kind) -> Served | None:
        """How `kind` is served; None if it is not. What is missing is looked for again, but not all the time."""
        with self._lock:
            if kind not in self._served and time.monotonic() - self._discovered_at > _REDISCOVER_S:
                self._served = self._discover()
                self._discovered_at = time.monotonic()
            return self._served.get(kind)

    def nearest(self, kind: Kind) -> Sequence[Kind]:
        """At most three served kinds that may have been meant instead of `kind`, the likeliest first."""
        with self._lock:
            known = list(self._served)
        same_name = sorted(other for other in known if other.name == kind.name)
        texts = {str(other): other for other in known}
        similar = [texts[text] for text in difflib.get_close_matches(str(kind), texts, n=3, cutoff=0.75)]
        return list(dict.fromkeys([*same_name, *similar]))[:3]

    def not_served(self, kind: Kind) -> NotServedError:
        """The error for a kind that is not served."""
        near = self.nearest(kind)
        advice = f" Served are: {', '.join(map(str, near))}." if near else ""
        origin = "" if kind.comes_with_kubernetes else " Is its CustomResourceDefinition registered?"
        return NotServedError(f"The cluster serves no {kind}.{origin}{advice}")

    def get(self, reference: Reference) -> Object | None:
        """The object as it is now; None if it, its namespace or its kind is gone."""
        if self.served(reference.kind) is None:
            return None
        try:
            return self._request("get", self._path(reference))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> Sequence[Object]:
        """The objects of a kind in a namespace (None: everywhere) that fit a label selector; empty if not served."""
        if self.served(kind) is None:
            return []
        query: Query = [("labelSelector", labels)] if labels else []
        items = self._request("get", self._collection(kind, namespace), query=query)["items"] or []
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in items]

    def apply(self, item: Object, manager: str, *, force: bool = False, dry_run: bool = False) -> Object:
        """Apply an object server-side; the object as it is (or, in a dry run, would be) afterwards.

        Fields that the object's schema lacks are refused. A field of another manager is taken over only by `force`.
        """
        query = [("fieldManager", manager), ("force", str(force).lower()), ("fieldValidation", "Strict")]
        return self._request(
            "patch", self._path(Reference.to(item)), item, [*query, *_dry(dry_run)], content_type=_APPLY
        )

    def relinquish(self, reference: Reference, manager: str) -> None:
        """Give up a manager's fields of an object: those that nobody else manages go."""
        metadata = {"name": reference.name, **({"namespace": reference.namespace} if reference.namespace else {})}
        bare = {"apiVersion": reference.kind.api_version, "kind": reference.kind.name, "metadata": metadata}
        self.apply(bare, manager)

    def create(self, item: Object, manager: str, *, dry_run: bool = False) -> Object:
        """Create an object that must not exist."""
        kind = Kind(item["apiVersion"], item["kind"])
        query = [("fieldManager", manager), ("fieldValidation", "Strict"), *_dry(dry_run)]
        return self._request("post", self._collection(kind, item["metadata"].get("namespace")), item, query)

    def delete(self, reference: Reference, *, propagation: str = "Background", uid: str | None = None) -> None:
        """Ask for an object's deletion; `uid` guards against deleting a namesake. One that is gone is no error."""
        if self.served(reference.kind) is None:
            return
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._request("delete", self._path(reference), options)
        except ApiError as error:
            if error.status != 404:
                raise

    def _path(self, reference: Reference) -> str:
        return f"{self._collection(reference.kind, reference.namespace or DEFAULT_NAMESPACE)}/{quote(reference.name)}"

    def _collection(self, kind: Kind, namespace: str | None) -> str:
        served = self.served(kind)
        if served is None:
            raise self.not_served(kind)
        root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}"
        inside = f"/namespaces/{quote(namespace)}" if served.namespaced and namespace else ""
        return f"{root}{inside}/{served.plural}"

    def _discover(self) -> dict[Kind, Served]:
        return {
            kind: Served(kind, resource["resource"], resource["scope"] == "Namespaced")
            for root in ("/api", "/apis")
            for group in self._request("get", root, accept=_AGGREGATED)["items"]
            for version in group["versions"]
            for resource in version.get("resources") or ()
            if (kind := _kind(group, version, resource)).name
        }

    def _request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        query: Query | None = None,
        *,
        content_type: str | None = None,
        accept: str = "application/json",
    ) -> Object:
        if self._down and time.monotonic() - self._down[0] < _DOWN_S:
            raise self._down[1]
        try:
            response = self._client.request(
                method,
                path,
                body=body,
                query_params=list(query or ()),
                header_params={"Accept": accept},
                content_type=content_type,
                serialize=False,
                _request_timeout=(_CONNECT_S, _READ_S),
            )
            answer = json.loads(response.data)
        except ApiException as error:
            raise self._noted(self._explained(error)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._noted(self._unreachable(error)) from None
        assert isinstance(answer, dict)
        return answer

    def _noted(self, error: ProviderError) -> ProviderError:
        if isinstance(error, UnreachableError):
            self._down = (time.monotonic(), error)
        return error

    def _explained(self, error: ApiException) -> ProviderError:
        status = int(error.status or 0)
        try:
            body = json.loads(error.body or "")
        except ValueError:
            body = {}
        if not isinstance(body, dict) or not body.get("message"):
            body = {"message": str(error.body or error.reason or "no reason given").strip()}
        if status == 0:
            return UnreachableError(
                f"The Kubernetes API server at {self.address} cannot be reached: {body['message']}."
            )
        if status == 401:
            return UnreachableError(
                f"The Kubernetes API server at {self.address} does not accept the kubeconfig's credentials."
            )
        return ApiError(status, body)

    def _unreachable(self, error: Exception) -> UnreachableError:
        cause: object = error
        while (deeper := getattr(cause, "reason", None)) and isinstance(deeper, Exception):
            cause = deeper
        text = _ERRNO.sub("", str(cause).rpartition(": ")[2]) or type(cause).__name__
        return UnreachableError(f"The Kubernetes API server at {self.address} cannot be reached: {text}.")


def _dry(dry_run: bool) -> Query:
    return [("dryRun", "All")] if dry_run else []


def _kind(group: Object, version: Object, resource: Object) -> Kind:
    name = group["metadata"].get("name")
    api_version = f"{name}/{version['version']}" if name else str(version["version"])
    return Kind(api_version, (resource.get("responseKind") or {}).get("kind") or "")
