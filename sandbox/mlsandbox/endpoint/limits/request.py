"""The input and the result of the checks: a parsed request and an error."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request to AWS, parsed."""

    service: str
    """boto3's name of the service."""

    operation: str
    parameters: dict[str, Any]
    """Values by the names in botocore's model."""

    account: str
    region: str


@dataclass(frozen=True)
class Refusal:
    """An error that AWS returns."""

    code: str
    message: str
