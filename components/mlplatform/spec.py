"""The base class of specs, which are the models of stack files."""

from collections.abc import Mapping, Sequence
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator
from pydantic.alias_generators import to_camel

REPEATS: Final[dict[str, JsonValue]] = {"uniqueItems": False}
"""JSON schema keyword for a list that may repeat an entry. All other lists of a spec reject duplicates."""


def entries_up_to(highest: int) -> dict[str, JsonValue]:
    """JSON schema for the whole numbers of a list, from 1 to `highest`.

    The schema for other languages cannot limit the entries of a list, so the field also needs `check_entries`.
    """
    return {"items": {"type": "integer", "minimum": 1, "maximum": highest}}


def check_entries(field: str, values: Sequence[int], highest: int) -> None:
    """Raise `ValueError`, with a line for each entry of a field that is not between 1 and `highest`."""
    wrong = [
        f"{field}[{index}] is {value}; allowed: 1 to {highest}"
        for index, value in enumerate(values)
        if not 1 <= value <= highest
    ]
    if wrong:
        raise ValueError("\n".join(wrong))


def whole_numbers_as_text(value: object) -> object:
    """Text, or a mapping to text, with whole numbers converted to text; for use as a validator with mode `before`.

    Other numbers are not converted and therefore rejected, because YAML reads 1.10 as 1.1.
    """
    if isinstance(value, Mapping):
        return {key: whole_numbers_as_text(each) for key, each in value.items()}
    return str(value) if type(value) is int else value


class Spec(BaseModel):
    """A component in plain values: strict and immutable, with camelCase names in files and other languages."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # Build a model at its first use, so that an import does not build all of them.
        defer_build=True,
    )

    @model_validator(mode="after")
    def _lists_have_no_duplicates(self) -> Self:
        again = [
            f"{to_camel(name)}[{index}] is {getattr(entry, 'value', entry)} again; allowed: each entry once"
            for name, field in type(self).model_fields.items()
            if field.json_schema_extra != REPEATS and isinstance(entries := getattr(self, name), list)
            for index, entry in enumerate(entries)
            if entry in entries[:index]
        ]
        if again:
            raise ValueError("\n".join(again))
        return self
