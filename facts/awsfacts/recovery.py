"""The form of what says how a resource is found again after an interrupted update."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from awsfacts.tables import Row


class Listing(Row):
    """Look through a listing that AWS filters by tags."""

    operation: str
    """boto3's name of the operation."""

    items: str
    """Member of the answer with the items."""

    id: str
    """Member of an item with its id."""

    filters: str = "Filters"
    """Argument of the operation with the filters."""


class Getting(Row):
    """Get it by a name that the inputs contain."""

    operation: str
    """boto3's name of the operation."""

    call: Mapping[str, Any]
    """Arguments, in which `$name` stands for the input `name`."""

    item: str
    """Member of the answer that describes the resource, with its tags and its status."""

    id: str
    """Its id, made of inputs."""


class Ready(Row):
    """How a resource that AWS goes on creating, changing or deleting after the operation returned comes to rest."""

    waiter: str
    """Botocore's waiter for the end of its creation."""

    operation: str
    """boto3's operation that returns its status."""

    status: str
    """JMESPath of the status in the operation's answer."""

    call: Mapping[str, Any]
    """Arguments of the operation, in which `$name` stands for the input `name` and `$id` for the id."""


class Recovery(Row):
    """How a resource is found again: by exactly one of `again`, `id`, `list`, `get` and `function`."""

    again: str = ""
    """Why it need not be found: why its creation may be repeated."""

    id: str = ""
    """Its id, made of inputs, e.g. `$role:$name`."""

    service: str = ""
    """boto3's name of the service that is asked."""

    list: Listing | None = None
    get: Getting | None = None
    function: str = ""
    """A function in `mlpctl.recover.looks` that finds it where neither of the two does."""

    delete: str = ""
    """Command that deletes one, in which `$name` stands for the input `name` and `$id` for the id."""

    ready: Ready | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.again, self.id, self.list, self.get, self.function)
        if sum(map(bool, ways)) != 1:
            raise ValueError("allowed: one of again, id, list, get, function")
        if bool(self.service) == bool(self.again or self.id):
            raise ValueError("service: allowed with list, get and function, and required there")
        return self
