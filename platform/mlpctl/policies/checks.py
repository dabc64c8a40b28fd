"""What rules of several themes check in the same way."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from mlpctl.policies.estate import NotEvaluated, Resource
from mlpctl.review.values import Secret, Unknown, items

AWS_ALIASES: Final = "alias/aws/"
"""Beginning of the aliases of keys that AWS manages: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html"""


def independently(checks: Iterable[Iterable[str]]) -> Iterator[str]:
    """The violations of several requirements.

    A requirement that cannot be evaluated does not hide the violations of the others.

    Raises:
        NotEvaluated: a requirement cannot be evaluated.
    """
    first: NotEvaluated | None = None
    left = iter(checks)
    more = True
    while more:
        try:
            check = next(left, None)
            more = check is not None
            yield from check or ()
        except NotEvaluated as error:
            first = first or error
    if first:
        raise first


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


def is_on(resource: Resource, path: str, default: bool = False) -> bool:
    """Whether a switch is on; `default` if it is not set.

    Raises:
        NotEvaluated: it is not known yet, or it is secret.
    """
    return str(resource.get(path, default)).lower() == "true"


def number(value: Any) -> float | None:
    """A number, also one in a text; None if it is not a number."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


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
