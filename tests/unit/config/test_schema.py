"""The JSON schema of stack files."""

import json
from typing import Annotated

import jsonschema
import pytest
from pydantic import Field, StringConstraints, field_validator

from mlpctl.config.schema import schema
from mlplatform.spec import Spec, whole_numbers_as_text


class Pool(Spec):
    """A pool of nodes."""

    max_nodes: int = Field(default=4, ge=1)
    """Most nodes."""


class Stack(Spec):
    """One stack."""

    profile: str
    """Which defaults."""

    tags: dict[str, str] = Field(default={})
    """The tags."""

    cpu: str = Field(default="1")
    """The request."""

    pools: dict[Annotated[str, StringConstraints(pattern="^[a-z]+$")], Pool] = Field(default={})
    """The pools."""

    _numbers = field_validator("tags", "cpu", mode="before")(whole_numbers_as_text)


TABLE = {"dev": {"pools.*.maxNodes": 1}, "prod": {"pools.*.maxNodes": 9}}
PLATFORM = {"profile": "dev", "pools": {"a": {"maxNodes": 3}}}


def stack(**config):
    return {"config": {"aws:region": "eu-central-1", "mlplatform:platform": PLATFORM} | config}


def test_the_schema_describes_models_and_fields():
    made = schema(Stack, TABLE)
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["$defs"]["Stack"]["description"] == "One stack."
    field = made["$defs"]["Pool"]["properties"]["maxNodes"]
    assert field["description"] == "Most nodes. Default of `pools.*.maxNodes` by profile: 1 in dev, 9 in prod."
    assert (field["default"], field["minimum"]) == (4, 1)
    assert "title" not in field


def test_the_schema_is_deterministic():
    assert json.dumps(schema(Stack, TABLE)) == json.dumps(schema(Stack, TABLE))


@pytest.mark.parametrize(
    "document",
    [
        stack(),
        stack(**{"aws:profile": "x", "kubernetes:context": "y"}),
        stack(**{"mlplatform:platform": PLATFORM | {"tags": {"a": "x", "b": 12}, "cpu": 4}}),
        stack(**{"mlplatform:token": {"secure": "v1:x"}}),
        stack() | {"encryptionsalt": "v1:x", "secretsprovider": "awskms://alias/x", "encryptedkey": "x"},
    ],
)
def test_the_schema_accepts_valid_stack_files(document):
    jsonschema.validate(document, schema(Stack, TABLE))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"config": {}},
        stack(**{"aws:region": "us-east1"}),
        stack(**{"mlplatform:plaform": {}}),
        stack(**{"mlplatform:token": "in clear"}),
        stack(**{"platform": {}}),
        stack(**{"mlplatform:platform": {"profile": "dev", "pool": {}}}),
        stack(**{"mlplatform:platform": {"profile": "dev", "pools": {"A": {}}}}),
        stack(**{"mlplatform:platform": PLATFORM | {"tags": {"a": 1.5}}}),
        stack(**{"mlplatform:platform": PLATFORM | {"cpu": 1.5}}),
        stack() | {"confg": {}},
    ],
)
def test_the_schema_rejects_invalid_stack_files(document):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema(Stack, TABLE))


@pytest.mark.parametrize("pattern", ["pools.*.size", "pool.a", "pools.*.maxNodes.more"])
def test_a_profile_that_sets_an_unknown_field_is_an_error(pattern):
    with pytest.raises(ValueError, match="does not have"):
        schema(Stack, {"dev": {pattern: 1}})
