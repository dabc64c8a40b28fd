"""The real control plane: pods run on a fake GPU node, objects survive a restart, and no process survives a stop."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

from mlsandbox.cluster.controlplane import PROGRAMS, ControlPlane
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import Phase
from mlsandbox.tools import toolchain

pytestmark = pytest.mark.engine

# A `kubernetes.client.CoreV1Api`. Its annotations do not allow plain dicts, and mark required fields as optional.
CoreV1 = Any


@pytest.fixture(scope="module")
def tools() -> Mapping[str, Path]:
    return toolchain.ensure(list(PROGRAMS), toolchain.SilentReporter())


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(tmp_path_factory.mktemp("control-plane") / "sandbox")
    layout.prepare()
    return layout


@pytest.fixture
def plane(layout: Layout, tools: Mapping[str, Path]) -> Iterator[ControlPlane]:
    plane = ControlPlane(layout, tools)
    plane.start()
    state = plane.wait()
    assert state.phase is Phase.READY, state.reason
    yield plane
    plane.stop()


@pytest.fixture
def core(layout: Layout, plane: ControlPlane) -> Iterator[CoreV1]:
    with client(layout) as api:
        yield kubernetes.client.CoreV1Api(api)


def client(layout: Layout) -> Any:
    settings = yaml.safe_load(layout.kubeconfig.read_text())
    return kubernetes.config.new_client_from_config_dict(settings)  # type: ignore[no-untyped-call]  # has no annotations


def eventually(condition: Callable[[], Any], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.1)


def gpu_node(name: str, gpus: int) -> dict[str, Any]:
    resources = {"cpu": "8", "memory": "32Gi", "pods": "58", "nvidia.com/gpu": str(gpus)}
    return {"metadata": {"name": name}, "status": {"capacity": resources, "allocatable": resources}}


def pod_spec(gpus: int) -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": str(gpus)}}
    return {"containers": [{"name": "model", "image": "model:1", "resources": limits}], "restartPolicy": "Never"}


def pod(name: str, gpus: int) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": pod_spec(gpus)}


def phase(core: CoreV1, name: str) -> str:
    return str(core.read_namespaced_pod(name, "default").status.phase)


def test_a_pod_runs_if_its_gpus_fit_and_is_pending_with_a_reason_otherwise(
    core: CoreV1,
) -> None:
    core.create_node(gpu_node("gpu-1", gpus=2))
    core.create_namespaced_pod("default", pod("fits", gpus=2))
    core.create_namespaced_pod("default", pod("too-big", gpus=4))
    eventually(lambda: phase(core, "fits") == "Running")
    eventually(lambda: core.read_namespaced_pod("too-big", "default").status.conditions)
    waiting = core.read_namespaced_pod("too-big", "default").status
    assert waiting.phase == "Pending"
    assert "Insufficient nvidia.com/gpu" in waiting.conditions[0].message


def test_objects_keys_and_port_survive_a_restart(layout: Layout, core: CoreV1) -> None:
    assert phase(core, "fits") == "Running"
    assert core.read_node("gpu-1").status.node_info.kubelet_version.startswith("kwok")


def test_a_kubeconfig_remains_valid_after_a_restart(layout: Layout, tools: Mapping[str, Path]) -> None:
    before = layout.kubeconfig.read_bytes()
    plane = ControlPlane(layout, tools)
    plane.start()
    assert plane.wait().phase is Phase.READY
    try:
        assert layout.kubeconfig.read_bytes() == before
    finally:
        plane.stop()


def test_a_job_s_pod_succeeds_and_the_job_completes(layout: Layout, core: CoreV1) -> None:
    with client(layout) as api:
        batch: Any = kubernetes.client.BatchV1Api(api)
        job = {"metadata": {"name": "training"}, "spec": {"template": {"spec": pod_spec(gpus=0)}, "completions": 2}}
        batch.create_namespaced_job("default", job)
        eventually(lambda: batch.read_namespaced_job("training", "default").status.completion_time)
        assert batch.read_namespaced_job("training", "default").status.succeeded == 2
    pods = core.list_namespaced_pod("default", label_selector="job-name=training").items
    ready = [c.status for pod in pods for c in pod.status.conditions if c.type == "Ready"]
    assert ready == ["False", "False"]


def test_deleted_pods_and_namespaces_are_removed(core: CoreV1) -> None:
    core.delete_namespaced_pod("fits", "default")
    eventually(lambda: "fits" not in [pod.metadata.name for pod in core.list_namespaced_pod("default").items])
    core.create_namespace({"metadata": {"name": "team"}})
    core.create_namespaced_config_map("team", {"metadata": {"name": "settings"}})
    core.delete_namespace("team")
    eventually(lambda: "team" not in [namespace.metadata.name for namespace in core.list_namespace().items])


def test_a_service_gets_an_address_in_the_range_of_eks(core: CoreV1) -> None:
    service = core.create_namespaced_service("default", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    assert service.spec.cluster_ip.startswith("172.20.")


def test_pod_security_is_enforced_in_a_namespace_with_its_label(core: CoreV1) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.create_namespace({"metadata": {"name": "strict", "labels": labels}})
    eventually(lambda: core.list_namespaced_service_account("strict").items)
    with pytest.raises(kubernetes.client.ApiException, match="violates PodSecurity"):
        core.create_namespaced_pod("strict", pod("loose", gpus=0))


def test_an_unknown_token_is_rejected(layout: Layout, plane: ControlPlane) -> None:
    configuration = kubernetes.client.Configuration(host=layout.api_server_endpoint)
    configuration.ssl_ca_cert = str(layout.ca_certificate)
    configuration.api_key = {"authorization": "Bearer k8s-aws-v1.bm90LWEtdG9rZW4"}
    with (
        kubernetes.client.ApiClient(configuration) as stranger,
        pytest.raises(kubernetes.client.ApiException, match="Unauthorized"),
    ):
        kubernetes.client.CoreV1Api(stranger).list_node()


def test_no_process_survives_a_stop(layout: Layout, plane: ControlPlane) -> None:
    running = dict(plane.state.processes)
    assert running.keys() == PROGRAMS.keys()
    plane.stop()
    assert [name for name, identity in running.items() if identity.find()] == []


ALONE = """
import json, sys
from pathlib import Path
from mlsandbox.cluster.controlplane import ControlPlane
from mlsandbox.ground.layout import Layout

layout = Layout(Path(sys.argv[1]))
layout.prepare()
plane = ControlPlane(layout, {name: Path(path) for name, path in json.loads(sys.argv[2]).items()})
plane.start()
state = plane.wait()
plane.stop()
print(state.phase, state.reason)
"""


def test_it_starts_on_a_machine_without_a_network(tmp_path: Path, tools: Mapping[str, Path]) -> None:
    alone = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("network namespaces are not available on this machine")
    programs = json.dumps({name: str(path) for name, path in tools.items()})
    command = [*alone, sys.executable, "-c", ALONE, str(tmp_path / "sandbox"), programs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["ready", "None"], done
