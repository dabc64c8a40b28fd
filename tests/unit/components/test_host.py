"""The schema of the components for other languages, and the errors for invalid inputs."""

import runpy
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import InputPropertiesError
from pulumi.output import Unknown
from pydantic import BaseModel

import catalogue
import mlplatform
from mlplatform import host
from mlplatform.checks import arguments
from mlplatform.spec import Spec
from mlplatform.testing import declare

KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
SCHEMA = catalogue.schema()
SPECS = {
    token: kind
    for token in SCHEMA["types"]
    for module in sys.modules.values()
    if module.__name__.startswith("mlplatform.")
    and isinstance(kind := getattr(module, token.rsplit(":", 1)[-1], None), type)
    and issubclass(kind, BaseModel)
}


@pytest.mark.parametrize("token", SPECS)
def test_a_field_without_a_default_is_required(token: str) -> None:
    fields = SPECS[token].model_fields.values()
    assert {*SCHEMA["types"][token].get("required", ())} == {each.alias for each in fields if each.is_required()}


@pytest.mark.parametrize("token", SPECS)
def test_every_field_has_its_stack_file_name_and_a_description(token: str) -> None:
    properties = SCHEMA["types"][token]["properties"]
    assert {name: each["description"] for name, each in properties.items()} == {
        each.alias: " ".join((each.description or "").split()) for each in SPECS[token].model_fields.values()
    }


@pytest.mark.parametrize("token", host.COMPONENTS)
def test_an_argument_is_required_if_python_requires_it(token: str) -> None:
    args = arguments.of(host.COMPONENTS[token])
    assert {*SCHEMA["resources"][token]["requiredInputs"]} == {
        host.to_camel(name) for name in args.__annotations__ if name in args.__required_keys__
    }


def test_the_schema_contains_every_spec_and_every_component() -> None:
    exported = [getattr(mlplatform, name) for name in mlplatform.__all__]
    assert {*SPECS.values()} >= {each for each in exported if isinstance(each, type) and issubclass(each, Spec)}
    assert {*SCHEMA["resources"]} == {f"mlplatform:index:{each.__name__}" for each in host.COMPONENTS.values()}


def test_an_enumeration_lists_its_values() -> None:
    level = SCHEMA["types"]["mlplatform:index:AccessLevel"]
    assert [each["value"] for each in level["enum"]] == ["clusterAdmin", "admin", "edit", "view"]


def problems(kind: str, inputs: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InputPropertiesError) as raised:
        catalogue.provider().construct("example", f"mlplatform:index:{kind}", inputs)
    return {each["property_path"]: each["reason"] for each in raised.value.errors or ()}


def test_all_problems_are_reported_at_once_with_their_paths() -> None:
    found = problems(
        "GpuNodePool",
        {
            "pool": {"instanceTypes": ["g6.2xlarge"], "maxNods": 3, "diskGb": 5},
            "clusterName": "cluster",
            "subnetIds": ["subnet-aaaaaaaa"],
            "diskKeyArn": KEY,
        },
    )
    assert [*found] == ["disksKeyArn", "pool.diskGb", "pool.maxNods", "diskKeyArn"]
    assert found["disksKeyArn"] == "is missing"
    assert found["pool.diskGb"] == "is 5; allowed: greater than or equal to 20"
    assert found["pool.maxNods"] == "is unknown; did you mean `maxNodes`?"
    assert found["diskKeyArn"] == "is unknown; did you mean `disksKeyArn`?"


def test_an_output_for_a_plain_value_is_rejected() -> None:
    unknown = problems("DataBucket", {"bucket": {"expireDays": Unknown()}, "dataKeyArn": KEY})
    found: list[dict[str, str]] = []

    def program() -> None:
        bucket = pulumi.Output.from_input({"expireDays": 9})
        found.append(problems("DataBucket", {"bucket": bucket, "dataKeyArn": KEY}))

    declare(program)
    assert [unknown, *found] == [{"bucket.expireDays": arguments.OUTPUT}, {"bucket": arguments.OUTPUT}]


def test_a_name_that_aws_or_kubernetes_would_reject_is_rejected() -> None:
    with pytest.raises(InputPropertiesError) as raised:
        catalogue.provider().construct("Weights", "mlplatform:index:DataBucket", {"bucket": {}, "dataKeyArn": KEY})
    (problem,) = raised.value.errors or ()
    assert problem["property_path"] == "name"
    assert problem["reason"].startswith('is "Weights"; allowed: lower-case letters')


def test_a_missing_argument_is_reported_with_its_camel_case_name() -> None:
    found: list[dict[str, str]] = []
    pool = {"instanceTypes": ["p5.48xlarge"], "zones": ["us-east-1a"], "efa": True}
    inputs = {"pool": pool, "clusterName": "c", "subnetIds": ["subnet-aaaaaaaa"], "disksKeyArn": KEY}
    declare(lambda: found.append(problems("GpuNodePool", inputs)))
    reason = "is missing; required, since pool has efa"
    assert found == [{"clusterSecurityGroupId": reason}]


def test_an_unknown_component_is_rejected_with_the_list_of_components() -> None:
    with pytest.raises(ValueError, match=r"mlplatform:index:Lake is not a component; allowed: .*DataBucket"):
        catalogue.provider().construct("example", "mlplatform:index:Lake", {})


def test_importing_the_library_does_not_load_the_host(root: Path) -> None:
    """Programs in Python do not need Pulumi's schema inference."""
    library = (root / "components" / "mlplatform").rglob("*.py")
    assert [path.name for path in library if "mlplatform.host" in path.read_text()] == []


def test_the_entry_point_provides_the_components(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosted: list[Any] = []
    monkeypatch.setattr("mlplatform.host.serve", lambda provider, args: hosted.append(provider))
    runpy.run_path(str(root / "components"), run_name="__main__")
    assert [type(each) for each in hosted] == [host.Catalogue]
