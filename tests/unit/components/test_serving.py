import json
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pydantic import ValidationError

from mlplatform import InferenceService, InferenceServiceSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.serving.inference_service.pods import (
    WRITABLE,
    container,
    deployment_spec,
    network_policy,
    pod_spec,
    rollout_timeouts,
    secret_class_spec,
)
from mlplatform.serving.inference_service.spec import mebibytes
from mlplatform.testing import Plan, declare


def wanted(**more: Any) -> InferenceServiceSpec:
    return InferenceServiceSpec(**{"image": "server:v1", "pool": "inference", **more})


def made(asked: InferenceServiceSpec) -> dict[str, Any]:
    return container("chat", asked, str(asked.image), asked.env)


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


HOME: dict[str, Any] = {
    "repository_urls": {"serving": "123456789012.dkr.ecr.us-east-1.amazonaws.com/mlplatform/test/serving"},
    "registry_url": "123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "bucket_names": {"models": "models-0000000"},
    "s3_cidrs": ["52.216.0.0/15"],
    "region": "us-east-1",
}
DIGEST = f"sha256:{'0' * 64}"


def at_home(inference: dict[str, Any], **more: Any) -> Plan:
    args: dict[str, Any] = {"inference": {"pool": "inference", **inference}, **more}
    return declare(lambda: InferenceService("chat", args))  # type: ignore[arg-type]  # the test's own words


def pod_of(plan: Plan) -> dict[str, Any]:
    pod: dict[str, Any] = plan.one(k8s.apps.v1.Deployment).inputs["spec"]["template"]["spec"]["containers"][0]
    return pod


@pytest.mark.parametrize(
    ("source", "reference"),
    [
        ({"repository": "serving", "tag": "v1"}, f"{HOME['repository_urls']['serving']}:v1"),
        (
            {"repository": "serving", "tag": "v1", "digest": DIGEST},
            f"{HOME['repository_urls']['serving']}:v1@{DIGEST}",
        ),
        (
            {"cache": "hub", "path": "vllm/vllm-openai", "digest": DIGEST},
            f"{HOME['registry_url']}/hub/vllm/vllm-openai@{DIGEST}",
        ),
    ],
)
def test_an_image_of_the_stack_needs_no_account_number(source: dict[str, str], reference: str) -> None:
    assert pod_of(at_home({"imageFrom": source}, **HOME))["image"] == reference


def test_names_in_the_argument_env_are_validated() -> None:
    with pytest.raises(ArgumentsError) as error:
        at_home({"image": "a/b:1", "secretEnv": {"HUB": {"secret": "hf"}}}, **HOME, env={"HUB": "x", "1=": "y"})
    assert [(each.path, each.reason.partition(";")[0]) for each in error.value.problems] == [
        ("env", 'has "1="'),
        ("env", "has HUB"),
    ]


def test_an_image_of_a_repository_without_a_url_is_rejected_by_name() -> None:
    with pytest.raises(ArgumentsError) as error:
        at_home({"imageFrom": {"repository": "servng", "tag": "v1"}}, **HOME)
    assert {each.path: each.reason for each in error.value.problems} == {
        "inference.imageFrom.repository": f"is servng; allowed: {', '.join(sorted(HOME['repository_urls']))}"
    }


def test_an_image_and_values_of_the_environment_may_be_outputs() -> None:
    def program() -> None:
        url = pulumi.Output.from_input("registry/serving").apply(lambda repository: f"{repository}:v3")
        InferenceService(
            "chat",
            {
                "inference": InferenceServiceSpec(pool="inference", env={"A": "1", "B": "2"}),
                "image": url,
                "env": {"B": pulumi.Output.from_input("bucket-0")},
            },
        )

    pod = pod_of(declare(program))
    assert pod["image"] == "registry/serving:v3"
    assert {"A": "1", "B": "bucket-0"}.items() <= {each["name"]: each["value"] for each in pod["env"]}.items()


@pytest.mark.parametrize(
    ("inference", "args", "message"),
    [
        ({}, {}, "image is missing; allowed: exactly one of image, inference.image and inference.imageFrom"),
        ({"image": "a:1"}, {"image": "b:1"}, "inference.image is one of 2 images; allowed: exactly one"),
        ({"imageFrom": {"repository": "serving", "tag": "v1"}}, {}, "repository_urls is missing; required, since"),
        (
            {"image": "a:1", "model": {"bucket": "models", "revision": "v1"}},
            {},
            "s3_cidrs is missing; required, since inference has model",
        ),
        (
            {"image": "a:1", "model": {"bucket": "weights", "revision": "v1"}},
            HOME,
            "inference.model.bucket is weights; allowed: models",
        ),
        ({"image": "a:1", "secretEnv": {"HF_TOKEN": {"secret": "hf"}}}, {}, "region is missing; required, since"),
    ],
)
def test_missing_and_duplicate_arguments_are_rejected(inference: Any, args: Any, message: str) -> None:
    with pytest.raises(ArgumentsError, match=message):
        at_home(inference, **args)


def test_a_server_with_weights_from_a_bucket_does_not_call_hugging_face() -> None:
    model = {"bucket": "models", "prefix": "qwen3/", "revision": "v2"}
    pod = pod_of(at_home({"image": "a:1", "model": model, "commandArgs": ["--model=$(MODEL_URI)"]}, **HOME))
    env = {each["name"]: each["value"] for each in pod["env"]}
    assert env["MODEL_URI"] == "s3://models-0000000/qwen3/v2/"
    assert (env["AWS_REGION"], env["HF_HUB_OFFLINE"]) == ("us-east-1", "1")
    assert pod["args"] == ["--model=$(MODEL_URI)"]


def test_secrets_are_fetched_from_secrets_manager_with_the_pod_s_role() -> None:
    secrets = {
        "API_KEY": {"secret": "team/vllm", "key": "api-key"},
        "HF_TOKEN": {"secret": "hf-token"},
        "OTHER": {"kubernetesSecret": "made-elsewhere", "key": "token"},
    }
    plan = at_home({"image": "a:1", "secretEnv": secrets}, **HOME)
    (made_class,) = [each for each in plan if each.type.endswith(":SecretProviderClass")]
    assert made_class.urn in plan.one(k8s.apps.v1.Deployment).depends_on
    parameters = made_class.inputs["spec"]["parameters"]
    assert (parameters["usePodIdentity"], parameters["region"]) == ("true", "us-east-1")
    assert json.loads(parameters["objects"]) == [
        {"objectName": "hf-token", "objectType": "secretsmanager", "objectAlias": "secret_0"},
        {
            "objectName": "team/vllm",
            "objectType": "secretsmanager",
            "objectAlias": "secret_1",
            "jmesPath": [{"path": '"api-key"', "objectAlias": "API_KEY"}],
        },
    ]
    (synced,) = made_class.inputs["spec"]["secretObjects"]
    assert synced["secretName"] == "chat-secrets"
    assert synced["data"] == [
        {"objectName": "secret_0", "key": "HF_TOKEN"},
        {"objectName": "API_KEY", "key": "API_KEY"},
    ]
    sources = {each["name"]: each["valueFrom"] for each in pod_of(plan)["env"] if "valueFrom" in each}
    assert sources == {
        "API_KEY": {"secretKeyRef": {"name": "chat-secrets", "key": "API_KEY"}},
        "HF_TOKEN": {"secretKeyRef": {"name": "chat-secrets", "key": "HF_TOKEN"}},
        "OTHER": {"secretKeyRef": {"name": "made-elsewhere", "key": "token"}},
    }


def test_secrets_are_mounted_so_that_they_exist_before_the_container_starts() -> None:
    """The driver creates the Kubernetes secret when the volume is mounted."""
    asked = wanted(secret_env={"HF_TOKEN": {"secret": "hf"}})
    (volume,) = [each for each in pod_spec("chat", asked, "a:1", {})["volumes"] if "csi" in each]
    assert volume["csi"]["volume_attributes"] == {"secretProviderClass": "chat"}
    assert volume["name"] in [each["name"] for each in made(asked)["volume_mounts"]]
    assert [each for each in pod_spec("chat", wanted(), "a:1", {})["volumes"] if "csi" in each] == []


def test_a_changed_secret_reference_restarts_pods() -> None:
    def template(secret: str) -> Any:
        asked = wanted(secret_env={"HF_TOKEN": {"secret": secret}})
        return deployment_spec("chat", asked, "a:1", {})["template"]["metadata"]

    assert template("one") != template("two")
    assert template("one") == template("one")


def test_a_kubernetes_secret_needs_no_driver() -> None:
    plan = at_home({"image": "a:1", "secretEnv": {"T": {"kubernetesSecret": "made", "key": "t"}}})
    assert [each for each in plan if each.type.endswith(":SecretProviderClass")] == []
    assert secret_class_spec("chat", wanted(), "us-east-1")["secretObjects"][0]["data"] == []


def test_pull_secrets_are_used_for_a_private_registry() -> None:
    pod = pod_spec("chat", wanted(pull_secrets=["registry"]), "a:1", {})
    assert pod["image_pull_secrets"] == [{"name": "registry"}]
    assert "image_pull_secrets" not in pod_spec("chat", wanted(), "a:1", {})


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ({}, "secret is missing; allowed: exactly one of secret"),
        ({"secret": "a", "kubernetesSecret": "b", "key": "c"}, "secret is a; allowed: exactly one of secret"),
        ({"kubernetesSecret": "b"}, "key is missing; allowed: a key of the Kubernetes secret"),
    ],
)
def test_a_secret_reference_has_exactly_one_source(ref: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        wanted(secret_env={"TOKEN": ref})


def test_a_variable_cannot_be_in_env_and_secret_env() -> None:
    with pytest.raises(ValidationError, match="secretEnv has TOKEN; allowed: names that are not in env"):
        wanted(env={"TOKEN": "x"}, secret_env={"TOKEN": {"secret": "a"}})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"tag": "v1"}, "repository is missing; allowed: exactly one of repository and cache"),
        ({"repository": "a", "cache": "b", "path": "c", "tag": "v1"}, "repository is a; allowed: exactly one"),
        ({"cache": "b", "tag": "v1"}, "path is missing; allowed: a path with cache"),
        ({"repository": "a"}, "tag is missing; allowed: a tag other than latest, a digest, or both"),
        ({"repository": "a", "tag": "latest"}, "tag is latest; allowed: a tag other than latest"),
    ],
)
def test_an_image_of_the_stack_has_one_source_and_is_pinned(source: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        wanted(image=None, image_from=source)


def test_an_image_is_set_once() -> None:
    with pytest.raises(ValidationError, match="image is server:v1; allowed: either image or imageFrom"):
        wanted(image_from={"repository": "a", "tag": "v1"})


def test_a_secret_replaces_a_default_variable() -> None:
    """The API rejects two variables with the same name."""
    secret = {"secretEnv": {"HOME": {"kubernetesSecret": "made-elsewhere", "key": "home"}}}
    pod = pod_of(at_home({"image": "a:1", **secret}, **HOME))
    names = [each["name"] for each in pod["env"]]
    assert names.count("HOME") == 1
    assert "valueFrom" in next(each for each in pod["env"] if each["name"] == "HOME")


def test_a_revision_cannot_lead_to_another_folder() -> None:
    with pytest.raises(ValidationError, match="does not consist of dots"):
        wanted(image="a:1", model={"bucket": "models", "revision": ".."})


@pytest.mark.parametrize("secret", [True, False])
def test_a_secret_output_is_rejected_as_a_plain_variable(secret: bool) -> None:
    def program() -> None:
        value = pulumi.Output.from_input("eu")
        env: Any = {"ZONE": pulumi.Output.secret(value) if secret else value}
        InferenceService("chat", {"inference": wanted(), "env": env})

    if not secret:
        assert declare(program)
        return
    with pytest.raises(ArgumentsError, match=r"env\.ZONE is secret; allowed: .*inference\.secretEnv"):
        declare(program)


WEIGHTS: Any = {"weights": {"filesystem": "shared", "accessPoint": "team", "path": "/models"}}
HANDLES = {"shared/team": "fs-1::fsap-2"}


def with_volumes(volumes: Any = None, **more: Any) -> Plan:
    given: Any = {"inference": wanted(volumes=volumes or WEIGHTS), "volume_handles": HANDLES, **more}
    return declare(lambda: InferenceService("chat", given))


def test_a_volume_is_claimed_in_the_model_s_namespace_and_mounted_read_only() -> None:
    plan = with_volumes()
    volume, claim = plan.one(k8s.core.v1.PersistentVolume), plan.one(k8s.core.v1.PersistentVolumeClaim)
    pod = plan.one(k8s.apps.v1.Deployment).inputs["spec"]["template"]["spec"]
    assert volume.inputs["spec"]["csi"] == {"driver": "efs.csi.aws.com", "volumeHandle": "fs-1::fsap-2"}
    assert volume.inputs["spec"]["claimRef"]["namespace"] == claim.inputs["metadata"]["namespace"] == "chat"
    assert volume.inputs["spec"]["claimRef"]["name"] == claim.inputs["metadata"]["name"] == "chat-weights-2"
    assert claim.inputs["spec"]["volumeName"] == volume.inputs["metadata"]["name"] == "chat-chat-weights-2"
    assert pod["volumes"][-1] == {
        "name": "files-weights",
        "persistentVolumeClaim": {"claimName": "chat-weights-2", "readOnly": True},
    }
    assert pod["containers"][0]["volumeMounts"][-1] == {
        "name": "files-weights",
        "mountPath": "/models",
        "readOnly": True,
    }
    assert claim.urn in plan.one(k8s.apps.v1.Deployment).depends_on


def test_a_volume_may_be_written() -> None:
    plan = with_volumes({"weights": {**WEIGHTS["weights"], "readOnly": False}})
    pod = plan.one(k8s.apps.v1.Deployment).inputs["spec"]["template"]["spec"]
    assert pod["volumes"][-1]["persistentVolumeClaim"]["readOnly"] is False
    assert pod["containers"][0]["volumeMounts"][-1]["readOnly"] is False


def test_a_volume_in_a_namespace_that_is_an_output_is_claimed_there() -> None:
    def program() -> None:
        given: Any = {"inference": wanted(volumes=WEIGHTS), "volume_handles": HANDLES}
        InferenceService("chat", {**given, "namespace": pulumi.Output.from_input("models")})

    plan = declare(program)
    claim = plan.one(k8s.core.v1.PersistentVolumeClaim)
    assert claim.inputs["metadata"]["namespace"] == "models"


def test_another_access_point_is_claimed_by_another_name() -> None:
    names = {
        with_volumes(volume_handles={"shared/team": handle})
        .one(k8s.core.v1.PersistentVolumeClaim)
        .inputs["metadata"]["name"]
        for handle in ("fs-1::fsap-2", "fs-1::fsap-3")
    }
    assert names == {"chat-weights-2", "chat-weights-3"}


def test_a_volume_that_is_not_given_is_told_before_anything_is_created() -> None:
    given: Any = {"inference": wanted(volumes=WEIGHTS)}
    with pytest.raises(ArgumentsError, match=r"volume_handles is missing; required, since inference has volumes"):
        declare(lambda: InferenceService("chat", given))
    with pytest.raises(ArgumentsError, match=r"has no shared/team; needed for inference.volumes.weights; given: a/b"):
        declare(lambda: InferenceService("chat", {**given, "volume_handles": {"a/b": "fs-1::fsap-1"}}))


@pytest.mark.parametrize(
    "path", ["/", "models", "/models/", "/a/../b", "/a//b", "/tmp", "/tmp/x", "/mnt", "/mnt/secrets"]
)
def test_a_volume_is_mounted_where_nothing_else_is(path: str) -> None:
    with pytest.raises(ValidationError):
        wanted(volumes={"weights": {**WEIGHTS["weights"], "path": path}})


def test_volumes_do_not_hide_each_other() -> None:
    two = {"weights": WEIGHTS["weights"], "cache": {**WEIGHTS["weights"], "path": "/models/cache"}}
    with pytest.raises(ValidationError, match=r"volumes.cache.path is /models/cache; allowed: folders outside of /mod"):
        wanted(volumes=two)
    wanted(volumes={**two, "cache": {**WEIGHTS["weights"], "path": "/models-cache"}})
    with pytest.raises(ValidationError, match=r"volumes.weights.path is /models; allowed: folders outside of /models"):
        wanted(volumes={**two, "cache": WEIGHTS["weights"]})


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(
            ("registry_url", value)
            for value in (
                f"https://{HOME['registry_url']}",
                f"{HOME['registry_url']}/",
                f"{HOME['registry_url']}/team",
                "registry",
                f"{HOME['registry_url']}:v1",
                "123.dkr.ecr.us-east-1.amazonaws.com",
            )
        ),
        *(
            ("repository_urls", value)
            for value in (
                f"https://{HOME['registry_url']}/team/serving",
                f"{HOME['registry_url']}/team/serving:v2",
                f"{HOME['registry_url']}/team/serving@{DIGEST}",
                f"{HOME['registry_url']}/team/Serving",
                HOME["registry_url"],
                "serving",
                "team/serving",
            )
        ),
    ],
)
def test_a_registry_and_a_repository_have_the_form_of_an_image(argument: str, value: str, later: bool) -> None:
    source = (
        {"cache": "hub", "path": "a/b", "tag": "v1"}
        if argument == "registry_url"
        else {"repository": "serving", "tag": "v1"}
    )

    def program() -> None:
        known: Any = pulumi.Output.from_input(value) if later else value
        given = known if argument == "registry_url" else {"serving": known}
        spec: Any = {"pool": "inference", "imageFrom": source}
        InferenceService("chat", {"inference": spec, argument: given})  # type: ignore[misc]  # by its name

    with pytest.raises(ArgumentsError, match=rf"{argument}\S* is .*; allowed: "):
        declare(program)


@pytest.mark.parametrize("registry", ["localhost:5000", "registry.example.com", "r.example.com:443"])
def test_a_registry_may_be_another_one(registry: str) -> None:
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
