"""Queries to AWS, with uniform results."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from string import Template
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from mlpctl import errors
from mlpctl.recover.plan import Candidate

Inputs: TypeAlias = Mapping[str, Any]
Marks: TypeAlias = Mapping[str, str]
Find: TypeAlias = Callable[[Any, Inputs, Marks], Iterable[Candidate]]
"""Finds candidates for a resource, given a boto3 client and the inputs and tags of the resource."""


def filled(template: Any, inputs: Inputs, *, strict: bool = False) -> Any:
    """A template, or a structure of templates, with each `$name` replaced by the input `name`.

    A missing input is replaced by an empty string. If `strict`, it raises the error that `inputs` raises for the key.
    """
    if isinstance(template, str):
        names = Template(template).get_identifiers()
        values = {name: inputs[name] if strict else inputs.get(name) or "" for name in names}
        return Template(template).substitute(values)
    if isinstance(template, Mapping):
        return {key: filled(item, inputs, strict=strict) for key, item in template.items()}
    return [filled(item, inputs, strict=strict) for item in template]


def is_missing(error: ClientError) -> bool:
    """Whether the error means that a resource does not exist, rather than that the query failed."""
    return errors.is_missing(error.response["Error"]["Code"])


def listed(client: Any, operation: str, items: str, **call: Any) -> Iterator[dict[str, Any]]:
    """Items of all pages of a list operation; none if the parent resource does not exist."""
    pages = client.get_paginator(operation).paginate(**call) if client.can_paginate(operation) else None
    try:
        for page in pages or [getattr(client, operation)(**call)]:
            yield from page.get(items) or ()
    except ClientError as error:
        if not is_missing(error):
            raise


def answered(client: Any, operation: str, **call: Any) -> dict[str, Any] | None:
    """An operation's response; None if the resource does not exist."""
    try:
        answer: dict[str, Any] = getattr(client, operation)(**call)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return answer
