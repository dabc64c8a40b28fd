"""Arguments that flow: refused where a value turns out to be nothing."""

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import pulumi

A = TypeVar("A", bound=Mapping[str, Any])


def given(component: str, args: A) -> A:
    """The arguments of the component `component`, each checked as by `checked`."""
    return cast(A, {name: checked(f"{component}: {name}", value) for name, value in args.items()})


def checked(place: str, value: Any) -> Any:
    """A value that ends the update with its `place` where it is empty or, for an output, turns out to be None or empty.

    A stack output that does not exist is None, and AWS's default would take its place in silence: a key of AWS's own
    instead of the platform's, a role without its boundary, subnets of EKS's choice.

    Raises:
        pulumi.RunError: the value is empty. For an output, the error comes once its value is known.
    """
    if isinstance(value, pulumi.Output) or inspect.isawaitable(value):
        return pulumi.Output.from_input(value).apply(lambda known: _present(place, known))
    if isinstance(value, list | tuple):
        return [checked(f"{place}[{number}]", each) for number, each in enumerate(value)]
    if isinstance(value, Mapping):
        outputs = {key: each for key, each in value.items() if isinstance(each, pulumi.Output)}
        return {**value, **{key: checked(f"{place}.{key}", each) for key, each in outputs.items()}}
    return _present(place, value) if isinstance(value, str) else value


def _present(place: str, value: Any) -> Any:
    if value is None or value in ("", []):
        raise pulumi.RunError(
            f"{place} is {'None' if value is None else 'empty'}; allowed: a value, since AWS's default would take its "
            "place. An output that does not exist is None: look at where it is read from"
        )
    for part, each in _parts(value):
        _present(f"{place}{part}", each)
    return value


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        return [(f"[{number}]", each) for number, each in enumerate(value)]
    return [(f".{key}", each) for key, each in value.items()] if isinstance(value, Mapping) else []
