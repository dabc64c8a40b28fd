"""Changes of deployed models: the new pods run, and the next update has no changes."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import kubernetes
import pytest
import yaml

pytestmark = pytest.mark.engine

NEW = "v0.11.1"


def model(project: Any) -> tuple[str, dict[str, Any]]:
    """The only model of the project's stack."""
    file = project.folder / "stacks" / f"Pulumi.{project.stack}.yaml"
    ((name, wanted),) = yaml.safe_load(file.read_text())["config"]["mlplatform:platform"]["inference"].items()
    return name, wanted


def up(project: Any, *options: str, check: bool = True) -> Any:
    return project.pulumi("up", "--yes", "--skip-preview", "--stack", project.stack, *options, check=check)


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait up to a minute for an asynchronous change of a controller."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.5)


def images(sandbox: Any, namespace: str) -> list[tuple[str, str]]:
    """Phase and image of the namespace's pods that are not terminating."""
    pods = kubernetes.client.CoreV1Api(sandbox.kubernetes()).list_namespaced_pod(namespace).items
    return [(pod.status.phase, pod.spec.containers[0].image) for pod in pods if not pod.metadata.deletion_timestamp]


@pytest.fixture
def local(project_for: Any) -> Iterator[Any]:
    """The stack `local` with two nodes and a model on both nodes."""
    with project_for("local") as project:
        project.edit("gpuPools", "inference", "nodes", value=2)
        yield project


@pytest.mark.parametrize("before", [(2, 2), (1, 2)], ids=["a fixed number", "a range"])
def test_fewer_nodes_fewer_pods_and_a_new_image_in_one_update_complete(local: Any, sandbox: Any, before: Any) -> None:
    for field, value in zip(("minReplicas", "maxReplicas"), before, strict=True):
        local.edit("inference", "chat", field, value=value)
    up(local)
    local.edit("gpuPools", "inference", "nodes", value=1)
    local.edit("inference", "chat", "minReplicas", value=1)
    local.edit("inference", "chat", "maxReplicas", value=1)
    local.edit("inference", "chat", "image", value=f"vllm/vllm-openai:{NEW}")
    up(local)
    assert images(sandbox, "chat") == [("Running", f"vllm/vllm-openai:{NEW}")]
    up(local, "--expect-no-changes")


def test_the_number_of_pods_can_be_increased_while_an_autoscaler_owns_it(local: Any, sandbox: Any) -> None:
    """The autoscaler becomes the field manager of `replicas` when it changes the field."""
    local.edit("gpuPools", "inference", "maxNodes", value=3)
    local.edit("gpuPools", "inference", "nodes", value=3)
    local.edit("inference", "chat", "minReplicas", value=2)
    local.edit("inference", "chat", "maxReplicas", value=3)
    up(local)
    running = [("Running", "vllm/vllm-openai:v0.23.0")]
    wait_for(lambda: images(sandbox, "chat") == running * 2)
    local.edit("inference", "chat", "minReplicas", value=3)
    up(local)
    assert images(sandbox, "chat") == running * 3
    up(local, "--expect-no-changes")


def test_a_model_with_a_secret_from_secrets_manager_installs_the_add_on(local: Any, sandbox: Any) -> None:
    """The SecretProviderClass CRD is installed and removed with the add-on."""
    local.edit("inference", "chat", "secretEnv", value={"HF_TOKEN": {"secret": "hf-token"}})
    local.edit("workloads", "chat", "secrets", value=["hf-token"])
    up(local)
    made = kubernetes.client.CustomObjectsApi(sandbox.kubernetes()).get_namespaced_custom_object(
        "secrets-store.csi.x-k8s.io", "v1", "chat", "secretproviderclasses", "chat"
    )
    assert made["spec"]["parameters"]["usePodIdentity"] == "true"
    (cluster,) = sandbox.aws("eks").list_clusters()["clusters"]
    assert "aws-secrets-store-csi-driver-provider" in sandbox.aws("eks").list_addons(clusterName=cluster)["addons"]
    up(local, "--expect-no-changes")
    local.remove("inference", "chat", "secretEnv")
    up(local)
    assert "aws-secrets-store-csi-driver-provider" not in sandbox.aws("eks").list_addons(clusterName=cluster)["addons"]


@pytest.fixture(scope="module", params=["staging", "prod"])
def served(request: pytest.FixtureRequest, project_for: Any) -> Iterator[Any]:
    """A deployed stack with a model. Tests that use it come last, because it exists until the end of the module."""
    with project_for(request.param) as project:
        up(project)
        yield project
        if request.param == "prod":
            project.edit("profile", value="staging")
            up(project)


def test_the_image_of_a_model_can_be_changed_while_all_gpus_are_in_use(served: Any, sandbox: Any) -> None:
    name, wanted = model(served)
    served.edit("inference", name, "imageFrom", "tag", value=NEW)
    up(served)
    found = images(sandbox, name)
    assert [phase for phase, _ in found] == ["Running"] * wanted.get("minReplicas", 1)
    assert all(f"/serving:{NEW}@sha256:" in image for _, image in found)
    up(served, "--expect-no-changes")


def test_an_update_without_free_gpus_is_rejected_before_any_change(served: Any, sandbox: Any) -> None:
    name, _ = model(served)
    before = images(sandbox, name)
    served.edit("inference", name, "sparePods", value=1)
    refused = up(served, check=False)
    assert refused.returncode != 0
    assert "gpuPools.inference.nodes is" in refused.stdout + refused.stderr
    assert images(sandbox, name) == before
    served.edit("inference", name, "sparePods", value=0)
    up(served, "--expect-no-changes")
