"""Reading a stack's cluster over HTTP, from a server that responds like the Kubernetes API."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from mlpctl.recover.cluster import Cluster, ClusterError

JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train", "namespace": "models"}}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "gpu"}}


def resources(group_version: str, *kinds: tuple[str, str, bool]) -> dict[str, Any]:
    offered = [
        {"name": name, "kind": kind, "namespaced": inside, "singularName": "", "verbs": ["get", "list"]}
        for name, kind, inside in kinds
    ]
    return {"kind": "APIResourceList", "groupVersion": group_version, "resources": offered}


BATCH = {"groupVersion": "batch/v1", "version": "v1"}
ANSWERS: dict[str, tuple[int, dict[str, Any]]] = {
    "/version": (200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}),
    "/api": (200, {"kind": "APIVersions", "versions": ["v1"]}),
    "/apis": (
        200,
        {"kind": "APIGroupList", "groups": [{"name": "batch", "versions": [BATCH], "preferredVersion": BATCH}]},
    ),
    "/api/v1": (200, resources("v1", ("nodes", "Node", False), ("secrets", "Secret", True))),
    "/apis/batch/v1": (200, resources("batch/v1", ("jobs", "Job", True))),
    "/apis/batch/v1/namespaces/models/jobs": (
        200,
        {"apiVersion": "batch/v1", "kind": "JobList", "items": [{"metadata": JOB["metadata"]}]},
    ),
    "/apis/batch/v1/namespaces/models/jobs/train": (200, JOB),
    "/api/v1/nodes/gpu": (200, NODE),
    "/api/v1/namespaces/models/secrets": (403, {"kind": "Status", "message": "secrets is forbidden"}),
}


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        missing = (404, {"kind": "Status", "message": "not found", "reason": "NotFound"})
        code, body = ANSWERS.get(urlsplit(self.path).path, missing)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def kubeconfig(address: str) -> str:
    return json.dumps(
        {
            "clusters": [{"name": "main", "cluster": {"server": address}}],
            "contexts": [{"name": "main", "context": {"cluster": "main", "user": "main", "namespace": "models"}}],
            "users": [{"name": "main", "user": {"token": "x"}}],
            "current-context": "main",
        }
    )


@pytest.fixture
def cluster(server: str) -> Cluster:
    return Cluster({"kubeconfig": kubeconfig(server)})


def test_an_object_is_found_in_the_namespace_of_the_context(cluster: Cluster) -> None:
    assert cluster.namespace == "models"
    assert cluster.get("batch/v1", "Job", "train", None) == JOB
    assert cluster.get("v1", "Node", "gpu", None) == NODE


def test_a_missing_object_or_kind_is_none(cluster: Cluster) -> None:
    assert cluster.get("batch/v1", "Job", "other", None) is None
    assert cluster.get("example.com/v1", "Widget", "one", None) is None
    assert cluster.list("example.com/v1", "Widget", None) == []


def test_items_of_a_list_have_their_kind(cluster: Cluster) -> None:
    assert cluster.list("batch/v1", "Job", None) == [JOB]


def test_a_rejected_request_is_reported_with_the_message_of_the_api_server(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match=r"secrets is forbidden \(HTTP 403\)"):
        cluster.list("v1", "Secret", None)


def test_a_cluster_that_does_not_respond_is_an_error() -> None:
    with pytest.raises(ClusterError):
        Cluster({"kubeconfig": kubeconfig("http://127.0.0.1:9")}).get("v1", "Node", "gpu", None)


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ({"kubeconfig": "/no/such/file"}, "its kubeconfig cannot be read"),
        ({"kubeconfig": "{]"}, "its kubeconfig cannot be read"),
        ({"kubeconfig": "{}\n"}, "its kubeconfig has no context None"),
        ({"kubeconfig": kubeconfig("http://127.0.0.1:9"), "context": "other"}, "no context 'other'; it has: main"),
    ],
)
def test_an_invalid_kubeconfig_is_an_error(provider: dict[str, str], message: str) -> None:
    with pytest.raises(ClusterError, match=message):
        Cluster(provider)
