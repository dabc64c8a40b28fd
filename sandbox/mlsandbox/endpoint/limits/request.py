"""A request as the checks see it, and how they refuse it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request to AWS, parsed."""

    service: str
    """boto3's name."""

    operation: str
    parameters: dict[str, Any]
    """By the names of botocore's model."""

    account: str
    region: str


@dataclass(frozen=True)
class Refusal:
    """An error that AWS answers with."""

    code: str
    message: str
