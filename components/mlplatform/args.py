"""Arguments that several components take, written once; a component's own args inherit them."""

from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict

import pulumi


class TagArgs(TypedDict):
    """Tags of what a component creates."""

    tags: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Tags for every taggable child."""


class PartitionArgs(TypedDict):
    """Where a component's ARNs lie."""

    partition: NotRequired[pulumi.Input[str]]
    """AWS partition. Default: `aws`."""


class BoundaryArgs(TypedDict):
    """What bounds a component's IAM roles."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Policy that bounds the IAM roles. Default: none."""


SHARED: Final = (TagArgs, PartitionArgs, BoundaryArgs)
"""A `TypedDict` does not know its bases, so whoever documents inherited fields looks here."""
