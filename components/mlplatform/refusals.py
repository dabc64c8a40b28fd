"""The error that a component raises if its arguments are invalid."""

import difflib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pulumi

from awsfacts import credentials, secret_names

_LONGEST_SHOWN: Final = 20
"""Maximum length of text that is quoted. Longer text may be a credential."""


class Problem(NamedTuple):
    """One problem of a component's arguments."""

    path: str
    """The argument, or the path of a value in it: `bucket.expireDays`."""

    reason: str
    """A phrase that follows the path: `is missing`."""


class ArgumentsError(pulumi.RunError):
    """A component can't be created with these arguments. The engine prints the message without a traceback.

    It is not a ValueError, because Pulumi wraps a ValueError that is raised in an output in other errors.
    """

    def __init__(self, what: str, problems: Sequence[Problem]) -> None:
        """Create the error for a component, e.g. `DataBucket weights`, and all its problems."""
        self.what = what
        self.problems = tuple(problems)
        lines = [f"{what} can't be created:", *(f"  {each.path} {each.reason}" for each in problems)]
        super().__init__("\n".join(lines))


def what_is(component: pulumi.Resource, name: Any) -> str:
    """How an error names a component: `DataBucket weights`."""
    return f"{type(component).__name__} {name}" if isinstance(name, str) else type(component).__name__


def shown(value: Any) -> str:
    """A value as an error message shows it: short, and never a possible credential."""
    if value is None:
        return "empty (None)"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, str):
        hidden = len(value) > _LONGEST_SHOWN or credentials.is_credential(value) or secret_names.gives_away(value)
        return "text" if hidden else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return "a list" if isinstance(value, list | tuple) else f"of type {type(value).__name__}"


def similar(word: str, choices: Collection[str], *, most: int = 1, cutoff: float = 0.7) -> list[str]:
    """The choices that a misspelled word most likely means, most similar first.

    Args:
        word: the word.
        choices: the valid words.
        most: maximum number of choices.
        cutoff: required similarity, between 0 and 1 (`difflib.get_close_matches`).
    """
    return difflib.get_close_matches(word, choices, n=most, cutoff=cutoff)
