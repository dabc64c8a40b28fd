"""Names of an author's choice, from which names in AWS and Kubernetes are made."""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

MAX_NAME: Final = 20
"""Longest name of an author's choice: every name made from it has to fit AWS limits, the tightest an IAM role's 64,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

Value = TypeVar("Value")


def name(value: str) -> str:
    """`value` if it is a DNS label of at most `MAX_NAME` characters; for use as a field validator.

    Raises:
        ValueError: saying what is allowed.
    """
    if len(value) > MAX_NAME or not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", value):
        raise ValueError(
            f"allowed: lower-case letters a-z, digits and hyphens, a letter first, at most {MAX_NAME} characters"
        )
    return value


def named(value: Mapping[str, Value], field: str) -> Mapping[str, Value]:
    """`value` if each of its keys is a `name`; for use in a validator of the model that has it as `field`.

    Raises:
        ValueError: a line for each key that is none.
    """
    problems = []
    for key in value:
        try:
            name(key)
        except ValueError as error:
            problems.append(f"{field} has {key}; {error}")
    if problems:
        raise ValueError("\n".join(problems))
    return value
