"""The JSON schema of a stack file, for editors."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from mlpctl.config.profiles import Profiles
from mlpctl.config.shape import Json, Shape
from mlpctl.config.stack_file import REGION_PATTERN
from mlpctl.keys import NAMESPACE, PLATFORM, REGION

_SECRET: Json = {
    "type": "object",
    "description": "A secret, encrypted by `pulumi config set --secret`.",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}


def schema(model: type[BaseModel], table: Profiles) -> Json:
    """Make the JSON schema (draft 2020-12) of stack files that hold a model.

    Descriptions are the fields' docstrings; what profiles set is told there, with the path that it is set for.
    The same model and table give the same schema, in the same order.
    """
    platform = model.model_json_schema(by_alias=True, mode="validation", schema_generator=_ForEditors)
    definitions = platform.pop("$defs", {})
    _tell_profiles(platform, definitions, table)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "Stack of the platform",
        "description": "`Pulumi.<stack>.yaml`: what one stack of the platform is made of.",
        "type": "object",
        "properties": {
            "secretsprovider": {"type": "string", "description": "What encrypts the stack's secrets."},
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


class _ForEditors(GenerateJsonSchema):
    """Leaves out titles that only repeat a field's name, and lets an editor mark a name that is not allowed."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> Json:
        made = super().dict_schema(schema)
        return made | {"additionalProperties": False} if "patternProperties" in made else made


def _tell_profiles(platform: Json, definitions: Json, table: Profiles) -> None:
    """Add what profiles set to the descriptions of the fields that they set."""
    patterns = dict.fromkeys(pattern for values in table.values() for pattern in values)
    for pattern in patterns:
        said = [f"{json.dumps(values[pattern])} in {profile}" for profile, values in table.items() if pattern in values]
        *holder, name = pattern.split(".")
        shape = Shape(platform, definitions).at(tuple(holder))
        if shape is None or name not in shape.keys:
            raise ValueError(f"profiles set {pattern}, which the model does not have")
        field = shape.node["properties"][name]
        note = f"Default of `{pattern}` by profile: {', '.join(said)}."
        field["description"] = " ".join(filter(None, [field.get("description"), note]))
