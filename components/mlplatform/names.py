"""Names of an author's choice, from which names in AWS and Kubernetes are made."""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

MAX_NAME: Final = 20
"""Longest name in a stack file, where names are joined: to the cluster's, the registry's, an add-on's."""

MAX_COMPONENT_NAME: Final = 40
"""Longest logical name of a component. What is derived from it has to fit the limits of AWS and Kubernetes, the
tightest that of an IAM role: `-flow-log-writer`, Pulumi's 8 random characters, and 64 in all,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

RANDOM: Final = len("-0a1b2c3")
"""Characters that Pulumi appends to the logical name for the name in AWS."""

Value = TypeVar("Value")


def name(value: str, longest: int = MAX_NAME) -> str:
    """`value` if it is a DNS label of at most `longest` characters; for use as a field validator.

    Raises:
        ValueError: saying what is allowed.
    """
    if len(value) > longest or not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", value):
        raise ValueError(
            f"allowed: lower-case letters a-z, digits and hyphens, a letter first, at most {longest} characters"
        )
    return value


def component(value: str) -> str:
    """`value` if it can be the logical name of a component.

    Raises:
        ValueError: saying what is allowed.
    """
    return name(value, MAX_COMPONENT_NAME)


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
