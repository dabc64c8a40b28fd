"""A part of AWS's API that moto lacks or that behaves differently from AWS."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass


class Kind(enum.Enum):
    """How the sandbox handles it."""

    KEPT = "served by the sandbox, from its own state"
    CORRECTED = "served by moto, with corrections"
    REFUSED = "rejected as not served, because moto would do something else, such as delete the bucket"


def _nothing() -> None:
    """Replace nothing in moto."""


@dataclass(frozen=True)
class Extension:
    """Operations of one service and how they are handled."""

    service: str
    """boto3's name of the service."""

    operations: Sequence[str]
    """AWS's names of the operations."""

    kind: Kind
    apply: Callable[[], None] = _nothing
    """Patches moto's classes, for the whole process. Idempotent."""
