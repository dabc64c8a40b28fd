"""What every spec has in common: the models that stack files are made of."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Spec(BaseModel):
    """A component described in plain values: strict, immutable, camelCase outside and snake_case inside."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # A program pays for the specs that it uses, not for all of them at its import.
        defer_build=True,
    )
