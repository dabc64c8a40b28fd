"""For any valid stack file, the APIs of Kubernetes and AWS accept what the program declares."""

import copy
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

import stack_files
from acceptance import refused
from mlpctl import config
from mlpctl.config import Loaded, Platform
from mlplatform.testing import Plan, declare

ROOT = Path(__file__).parents[2]
STACKS = [*sorted((ROOT / "stacks").glob("Pulumi.*.yaml")), ROOT / "examples" / "shared-files" / "Pulumi.files.yaml"]


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_objects_of_the_project_s_stacks_are_valid(stack: Path, plan_of: Callable[[Path], Plan]) -> None:
    assert refused(plan_of(stack)) == []


@pytest.mark.engine  # seconds in all
@settings(max_examples=8, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(stack_files.models().map(stack_files.repaired))
def test_objects_of_any_model_are_valid(loaded: Loaded[Platform] | None) -> None:
    assume(loaded and loaded.platform.inference)
    assert loaded
    with patch.object(config, "load", lambda: loaded.platform):
        program = str(ROOT / "platform" / "__main__.py")
        look_ups = {"aws:secretsmanager/getSecret:getSecret": {"arn": "arn:aws:secretsmanager:x:1:secret:y"}}
        plan = declare(lambda: runpy.run_path(program), {"aws:region": loaded.region}, look_ups)
    assert refused(plan) == []


def at(*path: str | int, value: Any) -> Callable[[Any], None]:
    def change(inputs: Any) -> None:
        for key in path[:-1]:
            inputs = inputs[key]
        inputs[path[-1]] = value

    return change


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("Deployment", at(*CONTAINER, "env", value=[{"name": "A=B", "value": "x"}]), "A=B"),
        ("Deployment", at(*CONTAINER, "env", value=[{"name": "..", "value": "x"}]), "env.0.name is .."),
        ("Deployment", at(*CONTAINER, "resources", "requests", "cpu", value="4 cores"), "4 cores"),
        ("Deployment", at(*CONTAINER, "resources", "requests", "cpu", value="0m"), "cpu is 0m"),
        ("Deployment", at(*CONTAINER, "image", value="https://a/b:v1"), "https://a/b:v1"),
        ("Deployment", at(*CONTAINER, "ports", value=[{"containerPort": 123456}]), "123456"),
        ("Deployment", at(*CONTAINER, "colour", value="red"), "colour"),
        ("Deployment", at(*POD, "nodeSelector", value={"a b": "x"}), "a b"),
        ("Deployment", at("metadata", "name", value="A"), "metadata.name is A"),
        (
            "NetworkPolicy",
            at("spec", "egress", value=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]}]),
            "is not a subnet of",
        ),
        ("Repository", at("name", value="A"), "pattern"),
        ("Subnet", at("cidrBlock", value="10.0.0.0/30"), "InvalidSubnet.Range"),
        ("Vpc", at("tags", value={"aws:x": "y"}), "aws:x"),
        ("RolePolicy", at("policy", value="x" * 10_241), "policy"),
        ("NodeGroup", at("labels", value={"a": "x" * 64}), "labels"),
    ],
)
def test_objects_that_an_api_rejects_are_found(
    kind: str, change: Callable[[Any], None], message: str, plan_of: Callable[[Path], Plan]
) -> None:
    plan = plan_of(next(path for path in STACKS if path.stem == "Pulumi.local"))
    broken = copy.deepcopy([each for each in plan if each.type.endswith(f":{kind}")][:1])
    assert broken
    change(broken[0].inputs)
    assert message in " ".join(refused(Plan(tuple(broken))))
