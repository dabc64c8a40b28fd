"""What the program declares in a cluster is what the Kubernetes API takes, whatever a right stack file says."""

import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

import stack_files
from mlpctl import config
from mlpctl.config import Loaded, Platform
from mlpctl.review import objects
from mlplatform.testing import Plan, declare

ROOT = Path(__file__).parents[2]
STACKS = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))

NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
LABEL = r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?"
VARIABLE = r"[-._a-zA-Z][-._a-zA-Z0-9]*"
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/; the schemas say nothing of these."""


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_objects_of_a_kept_stack_are_right(stack: Path, plan_of: Callable[[Path], Plan]) -> None:
    assert [*refused(plan_of(stack))] == []


@settings(max_examples=20, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(stack_files.models().map(stack_files.right))
def test_objects_of_any_model_are_right(loaded: Loaded[Platform] | None) -> None:
    assume(loaded and loaded.platform.inference)
    assert loaded
    with patch.object(config, "load", lambda: loaded.platform):
        program = str(ROOT / "platform" / "__main__.py")
        look_ups = {"aws:secretsmanager/getSecret:getSecret": {"arn": "arn:aws:secretsmanager:x:1:secret:y"}}
        plan = declare(lambda: runpy.run_path(program), {"aws:region": loaded.region}, look_ups)
    assert [*refused(plan)] == []


def test_an_object_that_the_api_refuses_is_noticed(plan_of: Callable[[Path], Plan]) -> None:
    plan = plan_of(next(path for path in STACKS if path.stem == "Pulumi.local"))
    (deployment,) = [each for each in plan if each.type.endswith(":Deployment")]
    (container,) = deployment.inputs["spec"]["template"]["spec"]["containers"]
    container["env"].append({"name": "A=B", "value": "x"})
    container["resources"]["requests"]["cpu"] = "4 cores"
    told = " ".join(refused(plan))
    container["env"].pop()
    container["resources"]["requests"]["cpu"] = "4"
    assert "A=B" in told
    assert "4 cores" in told


def refused(plan: Plan) -> Iterator[str]:
    """What the API would say of each object, by the schemas that it publishes and by its grammar of names."""
    for each in plan:
        if not each.type.startswith("kubernetes:"):
            continue
        value: Any = whole(each.inputs)
        metadata = value["metadata"]
        for problem in objects.problems(f"{value['apiVersion']}/{value['kind']}", value):
            yield f"{each.name}: {problem}"
        for name in (metadata["name"], metadata.get("namespace", "x")):
            if not re.fullmatch(NAME, name):
                yield f"{each.name} is named {name}"
        for key, label in labels(value):
            if not re.fullmatch(LABEL, label):
                yield f"{each.name} has the label {key}: {label}"
        for variable in variables(value):
            if not re.fullmatch(VARIABLE, variable):
                yield f"{each.name} has the variable {variable}"


def whole(node: Any) -> Any:
    """Whole numbers without the point that the engine's protocol gives every number."""
    if isinstance(node, dict):
        return {key: whole(value) for key, value in node.items()}
    if isinstance(node, list):
        return [whole(value) for value in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def labels(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("labels", "matchLabels", "selector", "nodeSelector"):
                yield from ((each, label) for each, label in value.items() if isinstance(label, str))
            yield from labels(value)
    elif isinstance(node, list):
        for each in node:
            yield from labels(each)


def variables(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (each["name"] for each in node.get("env") or ())
        for value in node.values():
            yield from variables(value)
    elif isinstance(node, list):
        for each in node:
            yield from variables(each)
