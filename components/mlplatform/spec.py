"""What every spec has in common: the models that stack files are made of."""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator
from pydantic.alias_generators import to_camel

REPEATS: Final[dict[str, JsonValue]] = {"uniqueItems": False}
"""JSON schema's word for a list in which an entry may come again; in no other list of a spec may it."""


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

    @model_validator(mode="after")
    def _lists_hold_nothing_twice(self) -> Self:
        again = [
            f"{to_camel(name)}[{index}] is {getattr(entry, 'value', entry)} again; allowed: each of them once"
            for name, field in type(self).model_fields.items()
            if field.json_schema_extra != REPEATS and isinstance(entries := getattr(self, name), list)
            for index, entry in enumerate(entries)
            if entry in entries[:index]
        ]
        if again:
            raise ValueError("\n".join(again))
        return self
