from typing import Any

import pulumi_kubernetes as k8s
import pytest
from pydantic import ValidationError

from mlplatform import Inference, InferenceService
from mlplatform.inference import (
    METADATA_SERVICE,
    POD_IDENTITY_AGENT,
    container,
    deployment_spec,
    network_policy,
    pod_spec,
    rollout_timeouts,
)
from mlplatform.testing import Plan, declare


def wanted(**more: Any) -> Inference:
    return Inference(**{"image": "server:v1", "pool": "inference", **more})


def service(namespace: str | None = None, **more: Any) -> Plan:
    given = {} if namespace is None else {"namespace": namespace}
    return declare(lambda: InferenceService("chat", {"inference": wanted(**more), **given}))  # type: ignore[typeddict-item]  # an optional key


def test_each_pod_gets_its_gpus() -> None:
    resources = container(wanted(gpus=2))["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == "2"


def test_it_runs_on_its_pool_and_tolerates_the_gpu_taint() -> None:
    pod = pod_spec("chat", wanted(pool="big"))
    assert pod["node_selector"] == {"mlplatform.io/pool": "big"}
    assert [each["key"] for each in pod["tolerations"]] == ["nvidia.com/gpu"]


def test_the_start_probe_waits_as_long_as_the_model_may_load() -> None:
    probe = container(wanted(startup_minutes=30))["startup_probe"]
    assert probe["period_seconds"] * probe["failure_threshold"] == 30 * 60


def test_the_rollout_waits_longer_than_the_start_may_take() -> None:
    assert deployment_spec("chat", wanted(startup_minutes=30))["progress_deadline_seconds"] > 30 * 60


def test_pods_hold_to_the_restricted_standard() -> None:
    pod = pod_spec("chat", wanted())
    assert pod["security_context"]["run_as_non_root"] is True
    assert pod["security_context"]["seccomp_profile"] == {"type": "RuntimeDefault"}
    limits = container(wanted())["security_context"]
    assert limits["allow_privilege_escalation"] is False
    assert limits["capabilities"] == {"drop": ["ALL"]}
    namespace = service().one(k8s.core.v1.Namespace)
    assert namespace.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_namespace_that_exists_is_used() -> None:
    plan = service(namespace="models")
    assert plan.of(k8s.core.v1.Namespace) == []
    assert plan.outputs["chat"] == {"namespace": "models", "endpoint_url": "http://chat.models.svc.cluster.local"}


def test_the_number_of_pods_is_the_autoscaler_s_alone() -> None:
    plan = service(min_replicas=2, max_replicas=5)
    assert "replicas" not in plan.one(k8s.apps.v1.Deployment).inputs["spec"]
    scaler = plan.one(k8s.autoscaling.v2.HorizontalPodAutoscaler).inputs["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 5)
    assert scaler["scaleTargetRef"]["name"] == plan.one(k8s.apps.v1.Deployment).inputs["metadata"]["name"]


@pytest.mark.parametrize(("spare", "unavailable"), [(1, 0), (0, 1)])
def test_an_update_needs_no_more_gpus_than_are_spare(spare: int, unavailable: int) -> None:
    rolling = deployment_spec("chat", wanted(spare_pods=spare))["strategy"]["rolling_update"]
    assert rolling == {"max_surge": spare, "max_unavailable": unavailable}


def test_the_service_and_the_disruption_budget_find_the_pods() -> None:
    plan = service()
    pods = plan.one(k8s.apps.v1.Deployment).inputs["spec"]["template"]["metadata"]["labels"]
    assert plan.one(k8s.core.v1.Service).inputs["spec"]["selector"].items() <= pods.items()
    budget = plan.one(k8s.policy.v1.PodDisruptionBudget).inputs["spec"]
    assert budget["selector"]["matchLabels"].items() <= pods.items()
    assert budget["maxUnavailable"] == 1


def test_only_named_namespaces_may_call() -> None:
    (rule,) = network_policy("chat", wanted(callers=["gateway"]))["ingress"]
    assert rule["from_"] == [
        {"pod_selector": {}},
        {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "gateway"}}},
    ]


def test_a_model_cannot_reach_the_node_s_credentials() -> None:
    blocks = [
        to["ip_block"] for rule in network_policy("chat", wanted())["egress"] for to in rule["to"] if "ip_block" in to
    ]
    assert blocks == [{"cidr": "0.0.0.0/0", "except_": [METADATA_SERVICE]}, {"cidr": POD_IDENTITY_AGENT}]


def test_environment_variables_keep_one_order() -> None:
    names = [each["name"] for each in container(wanted(env={"ZONE": "2", "A": "1"}))["env"]]
    assert names == sorted(names)
    assert {"A", "ZONE"} < {*names}


def test_a_model_server_writes_where_it_may_unless_told_otherwise() -> None:
    def env(**given: str) -> dict[str, str]:
        return {each["name"]: each["value"] for each in container(wanted(env=given))["env"]}

    mounts = {each["mount_path"] for each in container(wanted())["volume_mounts"]}
    assert {value for name, value in env().items() if name != "USER" and not value.startswith("/tmp")} == set()
    assert "/tmp" in mounts
    assert env(HOME="/home/model")["HOME"] == "/home/model"


def test_pulumi_waits_as_long_as_the_rollout_does() -> None:
    asked = wanted(startup_minutes=30, max_replicas=3)
    timeouts = rollout_timeouts(asked)
    assert int(timeouts.create.removesuffix("m")) * 60 > deployment_spec("chat", asked)["progress_deadline_seconds"]
    assert (timeouts.create, timeouts.update) == ("34m", "102m")


def test_shared_memory_has_to_fit_into_memory() -> None:
    with pytest.raises(ValidationError, match=r"sharedMemory is 8Gi; allowed: less than memory \(8192Mi\)"):
        wanted(shared_memory="8Gi", memory="8192Mi")


@pytest.mark.parametrize("image", ["server", "server:latest", "registry:5000/server", "server@sha256:abc"])
def test_an_image_that_is_not_pinned_is_refused(image: str) -> None:
    with pytest.raises(ValidationError, match="allowed: an image with a tag other than latest"):
        wanted(image=image)


@pytest.mark.parametrize("image", ["server:v1", "registry:5000/team/server:1.2", f"server@sha256:{'0' * 64}"])
def test_a_pinned_image_is_taken(image: str) -> None:
    assert wanted(image=image).image == image


def test_replicas_cannot_be_fewest_above_most() -> None:
    with pytest.raises(ValidationError, match=r"minReplicas is 3; allowed: up to maxReplicas \(2\)"):
        wanted(min_replicas=3, max_replicas=2)
