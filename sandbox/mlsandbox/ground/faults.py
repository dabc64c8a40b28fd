"""Requested failures: AWS operations that the sandbox rejects with an error, to test runbooks and programs."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

PATH: Final = "/_sandbox/faults"
"""The path at which the AWS endpoint lists (GET), adds (POST) and clears (DELETE) failures. No AWS service has it."""

ANY: Final = "*"
"""Stands for all operations."""

LATER: Final = {"CreateCluster": "cluster", "CreateNodegroup": "nodegroup", "CreateAddon": "addon"}
"""EKS operations whose resource can fail after the response, with the name of the resource in the response."""


class Fault(BaseModel):
    """A requested failure."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    operation: str
    """AWS's name of the operation, `CreateNodegroup`, optionally with boto3's name of the service, `ec2:CreateVpc`; `*`
    for all operations."""

    code: str
    """The error code, e.g. `InsufficientInstanceCapacity`."""

    message: str
    """The error message."""

    times: int | None = Field(default=None, ge=1)
    """How many requests fail; None for no limit."""

    rate: float = Field(default=1.0, gt=0, le=1)
    """The fraction of requests that fail."""

    match: str = ""
    """Only requests that contain this text in their path, query or body fail."""

    later: bool = False
    """Whether the request is accepted, and the resource fails afterwards."""


class Planned(BaseModel):
    """A requested failure in a running sandbox."""

    fault: Fault
    struck: int = 0
    """How many requests it has failed."""


PLANNED: Final = TypeAdapter(list[Planned])
"""The body of the response to GET."""
