"""Variables of a model server: references, their order, and reserved names."""

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pydantic import ValidationError

from mlplatform import InferenceService, InferenceServiceSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.serving.inference_service import variables
from mlplatform.testing import declare

WEIGHTS: Any = {
    "bucket_names": {"models": "models-0a1b"},
    "region": "us-east-1",
    "s3_cidrs": ["52.216.0.0/15"],
}


def service(beside: Any = None, **more: Any) -> Callable[[], Any]:
    given: Any = beside() if callable(beside) else beside
    spec: Any = {"image": "server:v1", "pool": "gpu", **more}
    return lambda: InferenceService("chat", {"inference": spec, **(given or {})})


def container(make: Callable[[], Any]) -> Any:
    return declare(make).one(k8s.apps.v1.Deployment).inputs["spec"]["template"]["spec"]["containers"][0]


def refused(make: Callable[[], Any]) -> dict[str, str]:
    with pytest.raises(ArgumentsError) as error:
        declare(make)
    return {each.path: each.reason for each in error.value.problems}


def resolved(made: Any) -> dict[str, str]:
    """Values with references resolved as in Kubernetes: only to earlier variables."""
    known: dict[str, str] = {}
    for each in made["env"]:
        text = each.get("value", "a secret")
        known[each["name"]] = re.sub(r"\$\((\w+)\)", lambda found: known.get(found[1], found[0]), text)
    return known


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$(A)", ["A"]),
        ("x$(A)y$(B.c-d)", ["A", "B.c-d"]),
        ("$$(A)", []),
        ("$$$(A)", ["A"]),
        ("$$$$(A)", []),
        ("$A ${A} $(A", []),
        ("$(hostname -i)", []),
        ("$()", []),
        ("$x$(A)", ["A"]),
        ("$", []),
        ("$($(A))", []),
        ("$\n$(A)", ["A"]),
    ],
)
def test_references_are_parsed_as_kubernetes_does(text: str, found: list[str]) -> None:
    assert [*variables.references(text)] == found


@pytest.mark.parametrize(
    ("given", "place", "name"),
    [
        ({"commandArgs": ["a", "--x=$(MISSING)"]}, "inference.commandArgs[1]", "MISSING"),
        ({"commandArgs": ["-c", "serve --cores $(nproc)"]}, "inference.commandArgs[1]", "nproc"),
        ({"env": {"A": "$(MISSING)/x"}}, "inference.env.A", "MISSING"),
        ({"env": {"PATH": "/opt/bin:$(PATH)"}}, "inference.env.PATH", "PATH"),
        ({"env": {"A": "$(AWS_REGION)"}}, "inference.env.A", "AWS_REGION"),
        ({"env": {"A": "$(B)", "B": "$(A)"}}, "inference.env.B", "A"),
    ],
)
def test_a_reference_to_a_missing_variable_is_rejected(given: Any, place: str, name: str) -> None:
    reason = refused(service(**given))[place]
    assert reason.startswith(f"has $({name}), which ") and "$$(NAME)" in reason


@pytest.mark.parametrize("later", [False, True])
def test_a_value_of_the_argument_env_must_refer_to_existing_variables(later: bool) -> None:
    def given(text: str) -> Any:
        return lambda: service({"env": {"B": pulumi.Output.from_input(text) if later else text}}, env={"A": "1"})()

    assert resolved(container(given("$(A)/$$(MISSING)")))["B"] == "1/$$(MISSING)"
    assert refused(given("$(MISSING)"))["env.B"].startswith("has $(MISSING), which the pod does not have")


def test_an_output_cannot_refer_to_later_variables() -> None:
    def program() -> None:
        service({"env": {"B": pulumi.Output.from_input("$(C)")}}, env={"C": "1"})()

    assert "not have before it" in refused(program)["env.B"]


def test_every_variable_of_the_pod_can_be_referred_to() -> None:
    declare(
        service(
            {"env": {"GIVEN": "1"}},
            env={"A": "$(HOME)/$(HUB)/$(GIVEN)/$(KUBERNETES_SERVICE_HOST)", "HOME": "/tmp/x"},
            secretEnv={"HUB": {"kubernetesSecret": "hub", "key": "k"}},
            commandArgs=["$(A)", "$(HUB)", "$(GIVEN)", "$(VLLM_NO_USAGE_STATS)", "$(AWS_REGION)", "$$(nproc)"],
        )
    )
    weights = {"bucket": "models", "revision": "v1"}
    asked = service(WEIGHTS, model=weights, commandArgs=["$(MODEL_URI)", "$(AWS_REGION)"], env={"A": "$(MODEL_URI)x"})
    assert resolved(container(asked))["A"] == "s3://models-0a1b/v1/x"


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"env": {"A": "$(Z)/a", "Z": "z"}}, "A", "z/a"),
        ({"env": {"A": "$(B)", "B": "$(C)", "C": "$(HOME)"}}, "A", "/tmp"),
        ({"env": {"A": "$(HUB)"}, "secretEnv": {"HUB": {"kubernetesSecret": "h", "key": "k"}}}, "A", "a secret"),
    ],
)
def test_variables_are_ordered_so_that_references_resolve(given: Any, name: str, value: str) -> None:
    assert resolved(container(service(**given)))[name] == value


def test_without_references_variables_are_sorted_with_secrets_last() -> None:
    assert variables.ordered({"B": "1", "A": "2"}, ["0"]) == ["A", "B", "0"]


@pytest.mark.parametrize("name", ["MODEL_URI", "AWS_REGION", "AWS_DEFAULT_REGION"])
def test_variables_that_model_sets_are_reserved(name: str) -> None:
    weights = {"bucket": "models", "revision": "v1"}
    assert refused(service({**WEIGHTS, "env": {name: "x"}}, model=weights))["env"].startswith(f"has {name}; allowed: ")
    for field, value in (("env", "x"), ("secretEnv", {"kubernetesSecret": "a", "key": "b"})):
        with pytest.raises(ValidationError, match=f"{field} has {name}; allowed: other names, since model sets it"):
            InferenceServiceSpec.model_validate({"image": "a:1", "pool": "p", "model": weights, field: {name: value}})
    declare(service({"env": {name: "x"}}))
    declare(service(env={name: "x"}, commandArgs=[f"$({name})"]))


@pytest.mark.parametrize("name", variables.AGENT)
def test_variables_that_eks_sets_for_a_role_are_reserved(name: str) -> None:
    assert refused(service({"env": {name: "/x"}}))["env"].startswith(f"has {name}; allowed: other names")
    assert refused(service(env={name: "/x"}))["inference.env"].startswith(f"has {name}; allowed: other names")
