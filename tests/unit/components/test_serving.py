from typing import Any

import pulumi_kubernetes as k8s
import pytest
from pydantic import ValidationError

from mlplatform import InferenceService, InferenceServiceSpec
from mlplatform.serving.inference_service.pods import (
    WRITABLE,
    deployment_spec,
    network_policy,
    pod_spec,
    rollout_timeouts,
)
from mlplatform.serving.inference_service.spec import mebibytes
from mlplatform.testing import Plan, declare
from unit.components.services import at_home, made, pod_of, wanted


def service(namespace: str | None = None, **more: Any) -> Plan:
    given = {} if namespace is None else {"namespace": namespace}
    return declare(lambda: InferenceService("chat", {"inference": wanted(**more), **given}))  # type: ignore[typeddict-item]  # an optional key


def test_each_pod_gets_its_gpus() -> None:
    resources = made(wanted(gpus=2))["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == "2"


def test_pods_run_on_their_pool_and_tolerate_the_gpu_taint() -> None:
    pod = pod_spec("chat", wanted(pool="big"), "server:v1", {})
    assert pod["node_selector"] == {"mlplatform.io/pool": "big"}
    assert [each["key"] for each in pod["tolerations"]] == ["nvidia.com/gpu"]


def test_the_startup_probe_waits_as_long_as_the_model_may_load() -> None:
    probe = made(wanted(startup_minutes=30))["startup_probe"]
    assert probe["period_seconds"] * probe["failure_threshold"] == 30 * 60


def test_the_rollout_waits_longer_than_the_start_may_take() -> None:
    assert deployment_spec("chat", wanted(startup_minutes=30), "server:v1", {})["progress_deadline_seconds"] > 30 * 60


def test_pods_comply_with_the_restricted_standard() -> None:
    pod = pod_spec("chat", wanted(), "server:v1", {})
    assert pod["security_context"]["run_as_non_root"] is True
    assert pod["security_context"]["seccomp_profile"] == {"type": "RuntimeDefault"}
    limits = made(wanted())["security_context"]
    assert limits["allow_privilege_escalation"] is False
    assert limits["capabilities"] == {"drop": ["ALL"]}
    namespace = service().one(k8s.core.v1.Namespace)
    assert namespace.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_an_existing_namespace_can_be_used() -> None:
    plan = service(namespace="models")
    assert plan.of(k8s.core.v1.Namespace) == []
    assert plan.outputs["chat"] == {"namespace": "models", "endpoint_url": "http://chat.models.svc.cluster.local:8080"}


def test_the_autoscaler_alone_sets_the_number_in_a_range_of_pods() -> None:
    plan = service(min_replicas=2, max_replicas=5)
    assert "replicas" not in plan.one(k8s.apps.v1.Deployment).inputs["spec"]
    scaler = plan.one(k8s.autoscaling.v2.HorizontalPodAutoscaler).inputs["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 5)
    assert scaler["scaleTargetRef"]["name"] == plan.one(k8s.apps.v1.Deployment).inputs["metadata"]["name"]


@pytest.mark.parametrize(("spare", "unavailable"), [(1, 0), (0, 1)])
def test_an_update_needs_no_more_gpus_than_are_spare(spare: int, unavailable: int) -> None:
    rolling = deployment_spec("chat", wanted(spare_pods=spare), "server:v1", {})["strategy"]["rolling_update"]
    assert rolling == {"max_surge": spare, "max_unavailable": unavailable}


def test_the_service_and_the_disruption_budget_select_the_pods() -> None:
    plan = service()
    pods = plan.one(k8s.apps.v1.Deployment).inputs["spec"]["template"]["metadata"]["labels"]
    assert plan.one(k8s.core.v1.Service).inputs["spec"]["selector"].items() <= pods.items()
    budget = plan.one(k8s.policy.v1.PodDisruptionBudget).inputs["spec"]
    assert budget["selector"]["matchLabels"].items() <= pods.items()
    assert budget["maxUnavailable"] == 1


def test_only_listed_namespaces_may_call() -> None:
    (rule,) = network_policy("chat", wanted(callers=["gateway"]))["ingress"]
    assert rule["from_"] == [
        {"pod_selector": {}},
        {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "gateway"}}},
    ]


def test_environment_variables_have_a_stable_order() -> None:
    names = [each["name"] for each in made(wanted(env={"ZONE": "2", "A": "1"}))["env"]]
    assert names == sorted(names)
    assert {"A", "ZONE"} < {*names}


def test_home_and_caches_are_in_tmp_unless_env_sets_them() -> None:
    def env(**given: str) -> dict[str, str]:
        return {each["name"]: each["value"] for each in made(wanted(env=given))["env"]}

    mounts = {each["mount_path"] for each in made(wanted())["volume_mounts"]}
    assert {value for name, value in env().items() if name in WRITABLE and not value.startswith("/tmp")} == {"model"}
    assert "/tmp" in mounts
    assert env(HOME="/home/model")["HOME"] == "/home/model"


def test_pulumi_waits_as_long_as_the_rollout_does() -> None:
    asked = wanted(startup_minutes=30, max_replicas=3)
    timeouts = rollout_timeouts(asked)
    assert (
        int(timeouts.create.removesuffix("m")) * 60
        > deployment_spec("chat", asked, "server:v1", {})["progress_deadline_seconds"]
    )
    assert (timeouts.create, timeouts.update) == ("34m", "105m")


def test_shared_memory_must_be_less_than_memory() -> None:
    with pytest.raises(ValidationError, match=r"sharedMemory is 8Gi; allowed: less than memory \(8192Mi\)"):
        wanted(shared_memory="8Gi", memory="8192Mi")


@pytest.mark.parametrize(
    "image",
    [
        "server",
        "server:latest",
        "registry:5000/server",
        "server@sha256:abc",
        "https://docker.io/a/b:v1",
        "a b:v1",
        "bob:pass@ghcr.io/x/y:v1",
        "Server:v1",
        "server:v1\n",
    ],
)
def test_an_image_that_is_not_pinned_is_rejected(image: str) -> None:
    with pytest.raises(ValidationError, match=r"allowed: (an image with|a name in lower case)"):
        wanted(image=image)


@pytest.mark.parametrize("image", ["server:v1", "registry:5000/team/server:1.2", f"server@sha256:{'0' * 64}"])
def test_a_pinned_image_is_accepted(image: str) -> None:
    assert wanted(image=image).image == image


def test_min_replicas_cannot_exceed_max_replicas() -> None:
    with pytest.raises(ValidationError, match=r"minReplicas is 3; allowed: up to maxReplicas \(2\)"):
        wanted(min_replicas=3, max_replicas=2)


def test_a_fixed_number_of_pods_is_in_the_deployment_without_an_autoscaler() -> None:
    plan = service(min_replicas=3, max_replicas=3)
    assert plan.of(k8s.autoscaling.v2.HorizontalPodAutoscaler) == []
    assert plan.one(k8s.apps.v1.Deployment).inputs["spec"]["replicas"] == 3


def test_the_autoscaler_changes_before_the_deployment() -> None:
    """Otherwise one change to fewer nodes, fewer pods and a new image would wait forever for pods without room."""
    plan = service(min_replicas=1, max_replicas=2)
    scaler, deployment = plan.one(k8s.autoscaling.v2.HorizontalPodAutoscaler), plan.one(k8s.apps.v1.Deployment)
    assert scaler.urn in deployment.depends_on
    assert deployment.urn not in scaler.depends_on


def test_a_server_that_hangs_is_restarted_after_the_minutes_in_the_spec() -> None:
    probe = made(wanted(restart_after_minutes=7))["liveness_probe"]
    assert probe["period_seconds"] * probe["failure_threshold"] == 7 * 60
    assert "initial_delay_seconds" not in probe, "the startup probe runs first"
    assert "liveness_probe" not in made(wanted(restart_after_minutes=0))


def test_every_probe_waits_for_a_slow_server() -> None:
    pod = made(wanted(probe_timeout_seconds=20))
    assert {pod[f"{kind}_probe"]["timeout_seconds"] for kind in ("startup", "readiness", "liveness")} == {20}
    assert made(wanted())["readiness_probe"]["timeout_seconds"] == 10


def test_the_grace_period_is_longer_than_the_drain() -> None:
    asked = wanted(drain_seconds=1800, startup_minutes=20, max_replicas=2, min_replicas=2)
    assert made(asked)["lifecycle"]["pre_stop"]["sleep"]["seconds"] == 1800
    deployment = deployment_spec("chat", asked, "server:v1", {})
    assert deployment["template"]["spec"]["termination_grace_period_seconds"] == 1845
    assert deployment["progress_deadline_seconds"] >= 1845 + 20 * 60, "a new pod waits for the old one's GPU"
    timeouts = rollout_timeouts(asked)
    assert int(timeouts.update.removesuffix("m")) * 60 >= 2 * (1845 + 20 * 60)
    assert int(timeouts.delete.removesuffix("m")) * 60 > 1845


def test_the_service_has_the_container_s_port() -> None:
    """A caller with egress rules can reach a service only on the container's port, because of the VPC CNI."""
    plan = service(port=8000)
    (port,) = plan.one(k8s.core.v1.Service).inputs["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (8000, "http")
    (container_port,) = plan.one(k8s.apps.v1.Deployment).inputs["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert container_port == {"name": "http", "containerPort": 8000}


def test_files_do_not_belong_to_the_root_group() -> None:
    security = pod_spec("chat", wanted(run_as_user=1234), "server:v1", {})["security_context"]
    assert (security["run_as_user"], security["run_as_group"], security["fs_group"]) == (1234, 1234, 1234)


def test_pods_spread_over_zones_and_nodes() -> None:
    spread = pod_spec("chat", wanted(), "server:v1", {})["topology_spread_constraints"]
    assert [each["topology_key"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]


def test_a_server_sends_no_statistics_by_default() -> None:
    def env(**given: str) -> dict[str, str]:
        return {each["name"]: each["value"] for each in made(wanted(env=given))["env"]}

    assert env()["VLLM_NO_USAGE_STATS"] == env()["DO_NOT_TRACK"] == "1"
    assert env(DO_NOT_TRACK="0")["DO_NOT_TRACK"] == "0"


@pytest.mark.parametrize("registry", ["localhost:5000", "registry.example.com", "r.example.com:443"])
def test_images_may_come_from_another_registry(registry: str) -> None:
    source = {"cache": "hub", "path": "a/b", "tag": "v1"}
    assert pod_of(at_home({"imageFrom": source}, registry_url=registry))["image"] == f"{registry}/hub/a/b:v1"


@pytest.mark.parametrize(
    ("quantity", "mib"), [("512Mi", 512), ("8Gi", 8192), ("1Ti", 2**20), ("1G", 954), ("24G", 22889), ("1T", 953675)]
)
def test_memory_has_the_units_of_kubernetes(quantity: str, mib: int) -> None:
    assert mebibytes(quantity) == mib
    assert InferenceServiceSpec(image="a:v1", pool="p", memory=quantity, shared_memory="256M").memory == quantity


def test_cores_may_be_a_whole_number() -> None:
    assert InferenceServiceSpec.model_validate({"image": "a:v1", "pool": "p", "cpu": 4}).cpu == "4"
    for wrong in (True, 0, -1, 1.5):
        with pytest.raises(ValidationError):
            InferenceServiceSpec.model_validate({"image": "a:v1", "pool": "p", "cpu": wrong})
