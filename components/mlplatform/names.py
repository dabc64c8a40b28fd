"""Names that authors choose, from which names in AWS and Kubernetes are derived."""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from mlplatform.validators import refuse, refused

MAX_NAME: Final = 20
"""Maximum length of a name in a stack file. Such names are joined to those of the cluster, registry or add-on."""

MAX_COMPONENT_NAME: Final = 40
"""Maximum length of a component's logical name. Names derived from it must fit the limits of AWS and Kubernetes. The
tightest is 64 characters for an IAM role, including `-flow-log-writer` and the 8 random characters that Pulumi adds:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

RANDOM: Final = len("-0a1b2c3")
"""Characters that Pulumi appends to the logical name for the name in AWS."""

Value = TypeVar("Value")


def name(value: str, longest: int = MAX_NAME) -> str:
    """`value` if it is a DNS label of at most `longest` characters; for use as a field validator.

    Raises:
        ValueError: states what is allowed.
    """
    if len(value) > longest or not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", value):
        raise ValueError(
            f"allowed: lower-case letters a-z, digits and hyphens, a letter first, at most {longest} characters"
        )
    return value


def component(value: str) -> str:
    """`value` if it can be the logical name of a component.

    Raises:
        ValueError: states what is allowed.
    """
    return name(value, MAX_COMPONENT_NAME)


def named(value: Mapping[str, Value], field: str) -> Mapping[str, Value]:
    """`value` if each of its keys is a valid `name`; for use in a validator of the model whose `field` it is.

    Raises:
        ValueError: one line per invalid key.
    """
    refuse(f"{field} has {key}; {error}" for key, error in refused(value, name))
    return value
