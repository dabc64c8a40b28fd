"""Places in the stack file of the components that a failure names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlpctl import failures
from mlpctl.config import Platform, read
from mlpctl.config.places import places
from mlpctl.config.shape import Shape
from mlpctl.failures import advices

LOCAL = Path(__file__).parents[2] / "stacks" / "Pulumi.local.yaml"


def test_every_component_class_has_a_place_pattern() -> None:
    assert places() == {
        "KeyRing": "keys",
        "Network": "network",
        "DataBucket": "buckets.{name}",
        "SharedFilesystem": "sharedFilesystems.{name}",
        "ImageRegistry": "images",
        "EksCluster": "cluster",
        "GpuNodePool": "gpuPools.{name}",
        "WorkloadIdentity": "workloads.{name}",
        "InferenceService": "inference.{name}",
        "ClusterGuardrails": "guardrails",
        "TeamWorkspace": "teams.{name}",
    }


def test_every_field_in_an_advice_exists_in_the_stack_file() -> None:
    platform = Shape.of(Platform)
    for advice in advices():
        for component, below in advice.fields.items():
            for path in [f"{places()[component]}.{each}" for each in below] or [places()[component]]:
                shape = platform
                for key in path.replace("{name}", "<name>").split("."):
                    found = shape.child(key)
                    assert found is not None, path
                    shape = found


def test_every_component_of_the_local_stack_has_a_place_in_its_file(plan_of: Callable[[Path], Any]) -> None:
    loaded = read(LOCAL)
    components = [each for each in plan_of(LOCAL) if each.type.startswith("mlplatform:index:")]
    assert components
    for each in components:
        urn = f"urn:pulumi:local::mlplatform::{each.type}::{each.name}"
        where = failures.place(urn)
        assert where, urn
        assert failures._at(loaded.platform, where) is not None, where
