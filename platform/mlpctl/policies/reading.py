"""Reads lists and loosely typed values of resources, for rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from mlpctl.policies.estate import NotEvaluated, Resource
from mlpctl.review.values import Secret, Unknown, items

_Item = TypeVar("_Item")


def is_on(value: Any) -> bool:
    """Whether a boolean is true. In EC2 launch templates, booleans are texts."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def number(value: Any) -> int | None:
    """A whole number, which may be a text; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def every(found: Iterable[_Item], check: Callable[[_Item], Iterable[str]]) -> Iterator[str]:
    """The violations of all items; an item that cannot be evaluated does not hide those of the items after it.

    Raises:
        NotEvaluated: after the violations, if some item could not be evaluated.
    """
    late: NotEvaluated | None = None
    for each in found:
        try:
            yield from check(each)
        except NotEvaluated as error:
            late = late or error
    if late:
        raise late


def in_each(resource: Resource, path: str, check: Callable[[Resource], Iterable[str]]) -> Iterator[str]:
    """The violations of all objects in the list at a path; `check` reads each object like a resource.

    Raises:
        NotEvaluated: after the violations, if some object could not be evaluated.
    """

    def of_item(item: Any) -> Iterable[str]:
        if isinstance(item, Unknown | Secret):
            raise NotEvaluated(f"a part of {path} is not known yet")
        return check(replace(resource, inputs=item)) if isinstance(item, Mapping) else ()

    return every(items(resource.get(path)), of_item)


def any_of(found: Iterable[_Item], holds: Callable[[_Item], bool]) -> bool:
    """Whether a condition holds for some item.

    Raises:
        NotEvaluated: it holds for none of those that can be evaluated.
    """
    late: NotEvaluated | None = None
    for each in found:
        try:
            if holds(each):
                return True
        except NotEvaluated as error:
            late = late or error
    if late:
        raise late
    return False


def parts(resource: Resource, path: str) -> list[Resource]:
    """The objects in the list at a path, each to be read like a resource.

    Raises:
        NotEvaluated: the list or one of the objects is not known yet or is secret.
    """
    return [replace(resource, inputs=each) for each in resource.each(path) if isinstance(each, Mapping)]
