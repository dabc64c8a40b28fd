"""The review's Kubernetes API schemas match those of the sandbox's API server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from kubernetes.dynamic import DynamicClient

from mlpctl.review.kubernetes.api_schemas import DATA, cut

pytestmark = pytest.mark.engine


def test_the_schemas_are_current(sandbox: Any, root: Path, golden: Callable[[Path, str], None]) -> None:
    client = DynamicClient(sandbox.kubernetes())

    def get(address: str) -> Any:
        url = urlsplit(address)
        return json.loads(client.request("get", url.path, query_params=parse_qsl(url.query), serialize=False).data)

    published = {name: each for name, each in get("/openapi/v3")["paths"].items() if "/v" in name}
    # Custom resources that other tests registered are excluded.
    ours = {name: each for name, each in published.items() if name == "api/v1" or _built_in(name)}
    documents = {name: get(each["serverRelativeURL"]) for name, each in ours.items()}
    schemas = cut(get("/version")["gitVersion"].removeprefix("v"), documents)
    golden(root / "platform" / "mlpctl" / "review" / "kubernetes" / DATA, json.dumps(schemas, indent=0) + "\n")


def _built_in(name: str) -> bool:
    """Whether a group is built in. The suffix does not show this, e.g. in `gateway.networking.k8s.io`."""
    group = name.split("/")[1]
    return name.startswith("apis/") and ("." not in group or group in BUILT_IN)


BUILT_IN = (
    *("admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io"),
    *("authorization.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io"),
    *("flowcontrol.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "rbac.authorization.k8s.io"),
    *("resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io"),
)
