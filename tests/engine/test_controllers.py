"""metrics-server as a process of the sandbox: usage of pods and nodes, autoscaling, restarts and removal.

It is tested only if it was built before: a build takes minutes, which CI does not have.
"""

import os
import signal
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml
from kubernetes.client import ApiException

from engine.eks_bench import Bench, bench, eventually
from mlsandbox.ground.record import ControllerState
from mlsandbox.tools import toolchain

__all__ = ["bench"]  # fixture

NAME = "metrics-server"

pytestmark = pytest.mark.engine

FIGURES_S = 60.0
"""metrics-server reads usage every 15 s and reports the difference of two readings."""


@pytest.fixture(scope="module")
def program() -> Path:
    """The program, if it was built before."""
    found = toolchain.look(NAME).found
    if found is None:
        pytest.skip("metrics-server is not built; `mlsandbox up --with metrics-server` builds it")
    return found.path


@pytest.fixture(scope="module")
def cluster(program: Path, bench: Bench) -> Bench:
    """A cluster with one node, a request for the controller, and no add-on."""
    eks = bench.aws("eks")
    config = eks.describe_cluster(name="main")["cluster"]["resourcesVpcConfig"]
    eks.create_nodegroup(
        clusterName="main",
        nodegroupName="system",
        nodeRole=bench.role("node", Service="ec2.amazonaws.com"),
        subnets=config["subnetIds"],
        instanceTypes=["m7i.large"],
        scalingConfig={"minSize": 1, "maxSize": 1, "desiredSize": 1},
    )
    eventually(lambda: bench.nodegroup_status("system") == "ACTIVE")
    bench.layout.write_controllers({NAME: program})
    return bench


def api_service(bench: Bench) -> Any:
    registration = kubernetes.client.ApiregistrationV1Api(bench.admin.api_client)
    try:
        return registration.read_api_service("v1beta1.metrics.k8s.io")
    except ApiException as refusal:
        assert refusal.status == 404
        return None


def usage(bench: Bench, kind: str) -> dict[str, dict[str, str]]:
    """The usage of nodes or pods by name, as `kubectl top` reads it; empty without a server."""
    custom = kubernetes.client.CustomObjectsApi(bench.admin.api_client)
    try:
        items = custom.list_cluster_custom_object("metrics.k8s.io", "v1beta1", kind)["items"]
    except ApiException as refusal:
        assert refusal.status in (404, 503)
        return {}
    return {
        each["metadata"]["name"]: each["usage"] if "usage" in each else each["containers"][0]["usage"] for each in items
    }


def process(bench: Bench) -> ControllerState | None:
    return bench.controllers.get(NAME)


def deploy(bench: Bench, name: str, usage_cpu: str) -> None:
    """A Deployment whose pods use `usage_cpu`, scaled at 50 % of 500m."""
    labels = {"app": name}
    container = {"name": "c", "image": "c:1", "resources": {"requests": {"cpu": "500m"}}}
    pod = {
        "metadata": {"labels": labels, "annotations": {"kwok.x-k8s.io/usage-cpu": usage_cpu}},
        "spec": {"containers": [container]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    apps = kubernetes.client.AppsV1Api(bench.admin.api_client)
    apps.create_namespaced_deployment("default", {"metadata": {"name": name}, "spec": spec})
    target = {"type": "Utilization", "averageUtilization": 50}
    scaling = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": 1,
        "maxReplicas": 2,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    autoscaling = kubernetes.client.AutoscalingV2Api(bench.admin.api_client)
    autoscaling.create_namespaced_horizontal_pod_autoscaler("default", {"metadata": {"name": name}, "spec": scaling})


def replicas(bench: Bench, name: str) -> int:
    apps = kubernetes.client.AppsV1Api(bench.admin.api_client)
    return int(apps.read_namespaced_deployment(name, "default").spec.replicas)


def test_usage_appears_and_an_autoscaler_acts_on_it(cluster: Bench) -> None:
    assert (process(cluster), api_service(cluster)) == (None, None), "without the add-on it does not run"
    deploy(cluster, "busy", "450m")
    deploy(cluster, "idle", "1m")
    cluster.aws("eks").create_addon(clusterName="main", addonName=NAME)
    eventually(lambda: {"busy", "idle"} == {name.split("-")[0] for name in usage(cluster, "pods")}, FIGURES_S)
    figures = {name.split("-")[0]: each for name, each in usage(cluster, "pods").items()}
    assert int(figures["busy"]["cpu"].removesuffix("n")) == pytest.approx(450e6, rel=0.1)
    assert figures["idle"]["memory"] == "1Mi" or figures["idle"]["memory"] == "1024Ki"
    (node,) = usage(cluster, "nodes").values()
    assert int(node["cpu"].removesuffix("n")) == pytest.approx(451e6, rel=0.1)
    eventually(lambda: replicas(cluster, "busy") == 2, 60)
    assert replicas(cluster, "idle") == 1


def test_it_signs_in_with_its_own_permissions(cluster: Bench) -> None:
    settings = yaml.safe_load((cluster.layout.pki / "metrics-server.kubeconfig").read_text())
    its = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config_dict(settings))
    assert its.list_node().items
    with pytest.raises(ApiException, match=r"kube-system:metrics-server.* cannot list resource"):
        its.list_namespaced_secret("default")


def test_it_is_started_again_after_it_was_killed(cluster: Bench) -> None:
    before = process(cluster)
    assert before and before.process
    os.kill(before.process.pid, signal.SIGKILL)

    def restarted() -> bool:
        now = process(cluster)
        return bool(now and now.process and now.process != before.process and now.reason is None)

    eventually(restarted)
    eventually(lambda: usage(cluster, "nodes"), FIGURES_S)


def roles(bench: Bench) -> list[str]:
    found = kubernetes.client.RbacAuthorizationV1Api(bench.admin.api_client).list_cluster_role().items
    return [role.metadata.name for role in found if NAME in role.metadata.name]


def test_it_ends_with_its_add_on(cluster: Bench) -> None:
    running = process(cluster)
    assert running and running.process
    assert roles(cluster)
    cluster.aws("eks").delete_addon(clusterName="main", addonName=NAME)
    eventually(lambda: process(cluster) is None)
    assert running.process.find() is None
    assert api_service(cluster) is None
    assert roles(cluster) == []


def test_it_ends_with_its_cluster(cluster: Bench) -> None:
    eks = cluster.aws("eks")
    eks.create_addon(clusterName="main", addonName=NAME)
    eventually(lambda: api_service(cluster))
    running = process(cluster)
    assert running and running.process
    eks.delete_nodegroup(clusterName="main", nodegroupName="system")
    eventually(lambda: cluster.nodegroup_status("system") is None)
    eks.delete_cluster(name="main")
    eventually(lambda: cluster.cluster_status() is None)
    assert (process(cluster), running.process.find(), api_service(cluster)) == (None, None, None)
    assert roles(cluster) == []
