"""Names that Kubernetes or the platform reserves."""

from typing import Any

import pulumi
import pytest

import mlplatform
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.testing import declare

INFERENCE = {"inference": {"image": "model-server:v1", "pool": "serve"}}


def model(name: str, later: bool = False, **more: Any) -> Any:
    def program() -> None:
        make: Any = mlplatform.InferenceService
        make(name, {**INFERENCE, **{k: pulumi.Output.from_input(v) if later else v for k, v in more.items()}})

    return program


def workload(name: str, **fields: Any) -> Any:
    make: Any = mlplatform.WorkloadIdentity
    where = {"cluster_name": "c", "account_id": "123456789012", "region": "us-east-1"}
    return lambda: make(name, {"workload": {"queues": {"jobs": "consume"}, **fields}, **where})


def pool(name: str) -> Any:
    make: Any = mlplatform.GpuNodePool
    args = {
        "cluster_name": "c",
        "subnet_ids": ["subnet-aaaaaaaa"],
        "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
    }
    return lambda: make(name, {"pool": {"instanceTypes": ["g6.2xlarge"]}, **args})


def refused(program: Any) -> dict[str, str]:
    with pytest.raises(ArgumentsError) as error:
        declare(program)
    return {each.path: each.reason for each in error.value.problems}


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public", "kube-node-lease", "kube-x"])
def test_a_model_s_own_namespace_cannot_be_one_of_kubernetes(name: str) -> None:
    message = f"is {name}; allowed: names other than default and kube-…, which are namespaces of Kubernetes"
    assert refused(model(name)) == {"name": message}


@pytest.mark.parametrize("later", [False, True])
def test_a_model_s_service_account_cannot_be_the_default_one(later: bool) -> None:
    message = "is default; allowed: names other than default, since every namespace has a service account of that name"
    assert refused(model("default", later, namespace="team")) == {"name": message}


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease", "kube-anything"])
def test_a_model_cannot_run_in_a_namespace_of_kubernetes(namespace: str, later: bool) -> None:
    message = refused(model("chat", later, namespace=namespace))["namespace"]
    assert message == f'is "{namespace}"; allowed: namespaces other than kube-…, which Kubernetes reserves'


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("namespace", ["Team", "team_a", "-team", "a.b", "x" * 64])
def test_a_namespace_must_have_a_valid_name(namespace: str, later: bool) -> None:
    assert "allowed: the name of a namespace" in refused(model("chat", later, namespace=namespace))["namespace"]


def test_a_model_cannot_have_the_name_of_the_api_server_s_service() -> None:
    message = refused(model("kubernetes", namespace="default"))["namespace"]
    assert (
        message
        == 'is "default"; allowed: namespaces other than default, where the service kubernetes is the API server\'s'
    )
    assert declare(model("kubernetes"))
    assert declare(model("kubernetes", namespace="team"))


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-dns"])
def test_a_workload_in_a_namespace_of_kubernetes_must_name_it(name: str) -> None:
    assert refused(workload(name))["name"].startswith(f"is {name}; allowed: names other than default and kube-…")
    assert declare(workload(name, namespace="kube-system", serviceAccount="cluster-autoscaler"))


def test_a_workload_with_the_default_service_account_must_name_it() -> None:
    message = refused(workload("default", namespace="team"))["name"]
    assert message.startswith(
        "is default; allowed: names other than default, the service account of pods that name none"
    )
    assert declare(workload("trainer", namespace="team", serviceAccount="default"))


def test_a_workload_cannot_be_the_network_plugin() -> None:
    problems = refused(workload("cni", namespace="kube-system", serviceAccount="aws-node"))
    assert problems["workload.serviceAccount"].startswith("is aws-node in kube-system; allowed: another")


@pytest.mark.parametrize("name", ["system", "a-pinned", "a-hint", "a-tag"])
def test_a_pool_cannot_have_a_reserved_name_or_suffix(name: str) -> None:
    assert refused(pool(name))["name"].startswith(f"is {name}; allowed: ")


@pytest.mark.parametrize("name", ["default", "kubernetes", "kube-nodes"])
def test_names_without_a_kubernetes_object_are_not_reserved(name: str) -> None:
    make: Any = mlplatform.DataBucket
    assert declare(pool(name))
    assert declare(lambda: make(name, {"bucket": {}, "data_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key"}))


IMAGES = {
    "model": "an image with a tag other than latest",
    "model:latest": "an image with a tag other than latest",
    "https://ghcr.io/a/b:v1": "an image without a scheme",
    "Model:v1": "a name in lower case",
    "model:v1 ": "a name in lower case",
    "123456789012.dkr.ecr.us-east-9.amazonaws.com/a:v1": "an ECR registry in a region",
    "localhost:99999/a:v1": "a registry whose port",
}


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("image", IMAGES)
def test_the_argument_image_is_validated_like_the_spec_s_image(image: str, later: bool) -> None:
    def program() -> None:
        make: Any = mlplatform.InferenceService
        make("chat", {"inference": {"pool": "serve"}, "image": pulumi.Output.from_input(image) if later else image})

    assert f"; allowed: {IMAGES[image]}" in refused(program)["image"]


def test_the_argument_env_is_validated_like_the_spec_s_env() -> None:
    def program() -> None:
        make: Any = mlplatform.InferenceService
        make("chat", {**INFERENCE, "env": {"A": "a\0b", "B": "x" * 200_000}})

    problems = refused(program)
    assert problems["env.A"].startswith("has a zero byte; allowed: ")
    assert problems["env.B"].startswith("is 200002 characters long; allowed: ")
