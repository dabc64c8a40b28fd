"""What rules of several themes check in the same way."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from mlpctl.policies.estate import NotEvaluated, Resource
from mlpctl.review.values.plain import Secret, Unknown, items

_Item = TypeVar("_Item")
_Violation = TypeVar("_Violation")

AWS_ALIASES: Final = "alias/aws/"
"""Beginning of the aliases of keys that AWS manages: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html"""


def every(found: Iterable[_Item], check: Callable[[_Item], Iterable[_Violation]]) -> Iterator[_Violation]:
    """The violations of all items; an item that cannot be evaluated does not hide those of the items after it.

    Raises:
        NotEvaluated: after the violations, if some item could not be evaluated.
    """
    late: NotEvaluated | None = None
    left = iter(found)
    while True:
        try:
            each = next(left)
        except StopIteration:
            break
        except NotEvaluated as error:
            late = late or error
            break
        try:
            yield from check(each)
        except NotEvaluated as error:
            late = late or error
    if late:
        raise late


def independently(checks: Iterable[Iterable[str]]) -> Iterator[str]:
    """The violations of several requirements; one that cannot be evaluated does not hide those of the others.

    Raises:
        NotEvaluated: after the violations, if some requirement could not be evaluated.
    """
    return every(checks, iter)


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


def parts(resource: Resource, *paths: str) -> Iterator[Resource]:
    """The objects at paths, or in the lists there, each with its properties as its inputs.

    Raises:
        NotEvaluated: one of them is not known yet or is secret; after all others.
    """
    hidden: NotEvaluated | None = None
    for path in paths:
        try:
            for number, item in enumerate(items(resource.get(path))):
                if isinstance(item, Mapping):
                    yield replace(resource, inputs=item)
                elif isinstance(item, Unknown | Secret):
                    why = "secret" if isinstance(item, Secret) else "not known yet"
                    hidden = hidden or NotEvaluated(f"{path}[{number}] is {why}")
        except NotEvaluated as error:
            hidden = hidden or error
    if hidden:
        raise hidden


def is_on(value: Any) -> bool:
    """Whether a boolean is true. In EC2 launch templates, booleans are texts."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def number(value: Any) -> int | float | None:
    """A number, which may be a text; None for everything else."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(found):
        return None
    return int(found) if found.is_integer() else found


def stated(resource: Resource, path: str) -> str:
    """What an input is, for a sentence: `multiAz is false` or `multiAz is not set`.

    Raises:
        NotEvaluated: it is not known yet, or it is secret.
    """
    value = resource.get(path)
    if value in (None, "", [], {}):
        return f"{path} is not set"
    return f"{path} is {str(value).lower() if isinstance(value, bool) else value}"


def key_fault(resource: Resource, path: str) -> str:
    """Why an input names no KMS key of the customer, as in `stated`; empty if it names one.

    A key that is not known yet, or is secret, counts as one.

    Raises:
        NotEvaluated: something above the input is not known yet, or is secret.
    """
    if not resource.has(path):
        return f"{path} is not set"
    try:
        key = resource.get(path)
    except NotEvaluated:
        return ""
    return stated(resource, path) if AWS_ALIASES in str(key) else ""
