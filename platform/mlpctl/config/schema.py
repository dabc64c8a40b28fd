"""The JSON schema of a stack file, for editors."""

import json
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from mlpctl.config.profiles import Profiles
from mlpctl.config.shape import Json, Shape
from mlpctl.config.stack_file import REGION_PATTERN
from mlpctl.keys import NAMESPACE, PLATFORM, REGION
from mlplatform.spec import whole_numbers_as_text

_SECRET: Json = {
    "type": "object",
    "description": "A secret, encrypted by `pulumi config set --secret`.",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}


def schema(model: type[BaseModel], table: Profiles) -> Json:
    """The JSON schema (draft 2020-12) of stack files that contain a model.

    Descriptions are the fields' docstrings, followed by the defaults that profiles set, with their paths. The same
    model and table result in the same schema, in the same order.
    """
    platform = model.model_json_schema(by_alias=True, mode="validation", schema_generator=_ForEditors)
    definitions = platform.pop("$defs", {})
    _describe_profiles(platform, definitions, table)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "Platform stack",
        "description": "`Pulumi.<stack>.yaml`: the config of one stack of the platform.",
        "type": "object",
        "properties": {
            "secretsprovider": {"type": "string", "description": "The provider that encrypts the stack's secrets."},
            "encryptedkey": {"type": "string", "description": "Key of the secrets provider; written by Pulumi."},
            "encryptionsalt": {"type": "string", "description": "Salt of the passphrase; written by Pulumi."},
            "environment": {"description": "Pulumi ESC environments that the stack imports."},
            "config": {
                "type": "object",
                "description": "The stack's config: the region, the platform, and secrets.",
                "properties": {
                    REGION: {
                        "type": "string",
                        "description": "AWS region of the stack, such as `eu-central-1`.",
                        "pattern": REGION_PATTERN,
                    },
                    PLATFORM: {"$ref": f"#/$defs/{model.__name__}"},
                },
                "patternProperties": {
                    f"^{NAMESPACE}:(?!{PLATFORM.removeprefix(NAMESPACE + ':')}$)[^:]+$": _SECRET,
                    f"^(?!{NAMESPACE}:)[^:]+:.+$": {},
                },
                "additionalProperties": False,
                "required": [REGION, PLATFORM],
            },
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": {model.__name__: platform, **definitions},
    }


_TEXT_OR_NUMBER: Final[Json] = {"type": ["string", "integer"]}


class _ForEditors(GenerateJsonSchema):
    """Omits titles that only repeat a field's name, and enables editors to mark names that are not allowed."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> Json:
        json_schema = super().function_before_schema(schema)
        if schema["function"]["function"] is not whole_numbers_as_text:
            return json_schema
        if "additionalProperties" not in json_schema:
            return json_schema | _TEXT_OR_NUMBER
        return json_schema | {"additionalProperties": json_schema["additionalProperties"] | _TEXT_OR_NUMBER}

    def dict_schema(self, schema: core_schema.DictSchema) -> Json:
        json_schema = super().dict_schema(schema)
        return json_schema | {"additionalProperties": False} if "patternProperties" in json_schema else json_schema


def _describe_profiles(platform: Json, definitions: Json, table: Profiles) -> None:
    """Add the defaults that profiles set to the descriptions of the fields."""
    patterns = dict.fromkeys(pattern for values in table.values() for pattern in values)
    for pattern in patterns:
        shown = [
            f"{json.dumps(values[pattern])} in {profile}" for profile, values in table.items() if pattern in values
        ]
        *holder, name = pattern.split(".")
        shape = Shape(platform, definitions).at(tuple(holder))
        if shape is None or name not in shape.keys:
            raise ValueError(f"profiles set {pattern}, which the model does not have")
        field = shape.node["properties"][name]
        note = f"Default of `{pattern}` by profile: {', '.join(shown)}."
        field["description"] = " ".join(filter(None, [field.get("description"), note]))
