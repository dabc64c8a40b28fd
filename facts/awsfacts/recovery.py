"""Schema of the field `recovery` of a record: how a resource is found again after an interrupted update."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from awsfacts.tables import Row


class Listing(Row):
    """Search a list by tags, or by fields that identify the resource in its parent."""

    operation: str
    """boto3's name of the operation."""

    items: str
    """Field of the response that contains the items."""

    id: str
    """Field of an item that contains its ID."""

    filters: str = "Filters"
    """Parameter of the operation for filters by tags; empty if it has none, so that the items are compared."""

    call: Mapping[str, Any] = {}
    """Further parameters, in which `$name` stands for the input `name`."""

    fields: Mapping[str, str] = {}
    """Fields of an item that identify it, if the type has no tags, with values in which `$name` stands for the input
    `name`."""

    status: str = "State"
    """Field of an item that contains its status, if it has one."""


class Getting(Row):
    """Get the resource by a name from its inputs."""

    operation: str
    """boto3's name of the operation."""

    call: Mapping[str, Any]
    """Parameters, in which `$name` stands for the input `name`."""

    item: str
    """Field of the response that describes the resource, with its tags and its status."""

    id: str
    """Its ID, composed of inputs."""


class Ready(Row):
    """How to wait for a resource that AWS creates, changes or deletes asynchronously."""

    waiter: str
    """Botocore's waiter for the completion of its creation."""

    operation: str
    """boto3's operation that returns its status."""

    status: str
    """JMESPath of the status in the operation's response."""

    call: Mapping[str, Any]
    """Parameters of the operation, in which `$name` stands for the input `name` and `$id` for the ID."""


class Recovery(Row):
    """How a resource is found again: by exactly one of `again`, `id`, `list`, `get` and `function`."""

    again: str = ""
    """Why the resource need not be found: its creation can be repeated."""

    id: str = ""
    """Its ID, composed of inputs, e.g. `$role:$name`."""

    service: str = ""
    """boto3's name of the service to call."""

    list: Listing | None = None
    get: Getting | None = None
    function: str = ""
    """A function in `mlpctl.recover.looks` that finds it if neither `list` nor `get` can."""

    delete: str = ""
    """Command that deletes it, in which `$name` stands for the input `name` and `$id` for the ID."""

    ready: Ready | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.again, self.id, self.list, self.get, self.function)
        if sum(map(bool, ways)) != 1:
            raise ValueError("allowed: one of again, id, list, get, function")
        if bool(self.service) == bool(self.again or self.id):
            raise ValueError("service: required with list, get and function, and allowed only with these")
        return self
