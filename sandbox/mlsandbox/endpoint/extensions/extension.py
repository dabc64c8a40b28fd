"""A part of AWS's API that moto lacks, or answers otherwise than AWS."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass


class Kind(enum.Enum):
    """What the sandbox does about it."""

    KEPT = "answered by the sandbox, from what it retains itself"
    CORRECTED = "answered by moto, and corrected"
    REFUSED = "refused as not served: moto would do something else, such as delete the bucket"


def _nothing() -> None:
    """Nothing in moto is replaced."""


@dataclass(frozen=True)
class Extension:
    """Operations of one service, and what is done about them."""

    service: str
    """boto3's name."""

    operations: Sequence[str]
    """AWS's names."""

    kind: Kind
    apply: Callable[[], None] = _nothing
    """Replace what has to be in moto's classes, for the whole process. A second time changes nothing."""
