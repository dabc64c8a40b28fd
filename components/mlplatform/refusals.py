"""How a component says that it can't be created as it was asked for."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import pulumi

from awsfacts import credentials, secret_names

_LONGEST_SHOWN: Final = 20
"""Longer text is not quoted: it may be a credential."""


class Problem(NamedTuple):
    """One thing that is wrong with a component's arguments."""

    path: str
    """The argument, or what is wrong inside it: `bucket.expireDays`."""

    reason: str
    """To be read after the path: `is missing`."""


class ArgumentsError(pulumi.RunError):
    """A component can't be created with these arguments. The engine prints it without a traceback.

    It is no ValueError, which Pulumi would wrap into others of its own where an output raises it.
    """

    def __init__(self, what: str, problems: Sequence[Problem]) -> None:
        """Take the component, e.g. `DataBucket weights`, and all its problems."""
        self.what = what
        self.problems = tuple(problems)
        lines = [f"{what} can't be created:", *(f"  {each.path} {each.reason}" for each in problems)]
        super().__init__("\n".join(lines))


def what_is(component: pulumi.Resource, name: Any) -> str:
    """How an error names a component: `DataBucket weights`."""
    return f"{type(component).__name__} {name}" if isinstance(name, str) else type(component).__name__


def shown(value: Any) -> str:
    """A value as an error shows it: short, and nothing that may be a credential."""
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
