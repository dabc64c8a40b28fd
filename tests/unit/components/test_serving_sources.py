"""Where an inference service gets its image, weights, secrets and volumes."""

import json
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pydantic import ValidationError

from mlplatform import InferenceService, InferenceServiceSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.serving.inference_service.pods import (
    deployment_spec,
    pod_spec,
    secret_class_spec,
)
from mlplatform.testing import Plan, declare
from unit.components.services import at_home, made, pod_of, wanted

HOME: dict[str, Any] = {
    "repository_urls": {"serving": "123456789012.dkr.ecr.us-east-1.amazonaws.com/mlplatform/test/serving"},
    "registry_url": "123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "bucket_names": {"models": "models-0000000"},
    "s3_cidrs": ["52.216.0.0/15"],
    "region": "us-east-1",
}
DIGEST = f"sha256:{'0' * 64}"


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


def test_a_volume_can_be_mounted_writable() -> None:
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


def test_the_claim_of_another_access_point_has_another_name() -> None:
    names = {
        with_volumes(volume_handles={"shared/team": handle})
        .one(k8s.core.v1.PersistentVolumeClaim)
        .inputs["metadata"]["name"]
        for handle in ("fs-1::fsap-2", "fs-1::fsap-3")
    }
    assert names == {"chat-weights-2", "chat-weights-3"}


def test_a_volume_without_a_handle_is_rejected_before_anything_is_created() -> None:
    given: Any = {"inference": wanted(volumes=WEIGHTS)}
    with pytest.raises(ArgumentsError, match=r"volume_handles is missing; required, since inference has volumes"):
        declare(lambda: InferenceService("chat", given))
    with pytest.raises(ArgumentsError, match=r"has no shared/team; required for inference.volumes.weights; given: a/b"):
        declare(lambda: InferenceService("chat", {**given, "volume_handles": {"a/b": "fs-1::fsap-1"}}))


@pytest.mark.parametrize(
    "path", ["/", "models", "/models/", "/a/../b", "/a//b", "/tmp", "/tmp/x", "/mnt", "/mnt/secrets"]
)
def test_a_volume_is_not_mounted_over_system_folders(path: str) -> None:
    with pytest.raises(ValidationError):
        wanted(volumes={"weights": {**WEIGHTS["weights"], "path": path}})


def test_volumes_do_not_hide_each_other() -> None:
    two = {"weights": WEIGHTS["weights"], "cache": {**WEIGHTS["weights"], "path": "/models/cache"}}
    with pytest.raises(ValidationError, match=r"volumes.cache.path is /models/cache; allowed: paths outside /mod"):
        wanted(volumes=two)
    wanted(volumes={**two, "cache": {**WEIGHTS["weights"], "path": "/models-cache"}})
    with pytest.raises(ValidationError, match=r"volumes.weights.path is /models; allowed: paths outside /models"):
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
