"""Validate every Kubernetes object of the program with the API server's schema, which a first preview cannot do."""

import copy
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

pytestmark = pytest.mark.engine

STACKS = sorted((Path(__file__).parents[2] / "stacks").glob("Pulumi.*.yaml"))


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return kubernetes.dynamic.DynamicClient(sandbox.kubernetes())


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_the_api_server_accepts_every_object_and_field(
    stack: Path, client: Any, plan_of: Callable[[Path], Iterable[Any]]
) -> None:
    manifests = emitted(plan_of(stack))
    assert manifests
    with namespaces(client, manifests):
        for manifest in manifests:
            check(client, manifest)


def test_a_misspelled_field_is_detected(client: Any) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x", "namespace": "default"},
        "spec": {"port": 1},
    }
    with pytest.raises(kubernetes.client.ApiException, match=r"\.spec\.port: field not declared"):
        check(client, manifest)


def emitted(plan: Iterable[Any]) -> list[dict[str, Any]]:
    """The Kubernetes objects of a plan in the form that the SDK sends."""
    return [whole(dict(each.inputs)) for each in plan if each.type.startswith("kubernetes:")]


def whole(value: Any) -> Any:
    """`value` with floats that mocks created from integers converted back."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check(client: Any, manifest: dict[str, Any]) -> None:
    """Send an object as a dry run with strict field validation."""
    kind = client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
    metadata = manifest["metadata"]
    kind.server_side_apply(
        body=yaml.safe_dump(manifest),
        name=metadata["name"],
        namespace=metadata.get("namespace"),
        field_manager="test",
        query_params=[("dryRun", "All"), ("fieldValidation", "Strict"), ("force", "true")],
    )


class namespaces:
    """The namespaces of objects, which exist during the checks."""

    def __init__(self, client: Any, manifests: list[dict[str, Any]]) -> None:
        self._kind = client.resources.get(api_version="v1", kind="Namespace")
        self._made = [copy.deepcopy(each) for each in manifests if each["kind"] == "Namespace"]

    def __enter__(self) -> None:
        for namespace in self._made:
            self._kind.create(body=namespace)

    def __exit__(self, *_: object) -> None:
        names = {namespace["metadata"]["name"] for namespace in self._made}
        for name in names:
            self._kind.delete(name=name)
        # Another stack may have a namespace with the same name.
        for _ in range(300):
            if names.isdisjoint(each.metadata.name for each in self._kind.get().items):
                return
            time.sleep(0.1)
        raise TimeoutError(f"namespaces {', '.join(sorted(names))} still exist")
