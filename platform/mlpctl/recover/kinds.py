"""How resources of each AWS type are found: by tags, by name, or by an id that follows from the inputs.

The records of the types define the method. The Resource Groups Tagging API would find all types in one lookup, but it
does not support IAM roles and lags behind creations.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import jmespath

from awsfacts import types
from awsfacts.recovery import Getting, Listing, Ready, Recovery
from mlpctl.recover import looks
from mlpctl.recover.asking import Find, Inputs, Marks, answered, filled, listed
from mlpctl.recover.plan import Candidate, Idempotent
from mlpctl.tags import pairs

_IN_TRANSITION: Final = frozenset({"creating", "updating", "deleting", "pending"})
_GONE: Final = frozenset({"deleting", "deleted", "failed", "error"})


@dataclass(frozen=True)
class Look:
    """A lookup in AWS that finds the resource."""

    service: str
    find: Find
    delete: str = ""
    """Command that deletes the resource, with `$name` for the input `name` and `$id` for the id."""

    ready: Ready | None = None


@dataclass(frozen=True)
class Id:
    """The id follows from the inputs, e.g. `$bucket`."""

    template: str

    def of(self, inputs: Inputs) -> str:
        """The id."""
        return str(filled(self.template, inputs))


@cache
def method(type: str) -> Look | Id | Idempotent | None:
    """How resources of a type are found, by type token; None if unknown."""
    recovery = types.record(type).recovery
    if recovery is None:
        return None
    if recovery.again:
        return Idempotent(recovery.again)
    if recovery.id:
        return Id(recovery.id)
    return Look(recovery.service, _find(recovery), recovery.delete, recovery.ready)


def in_transition(ready: Ready, client: Any, inputs: Inputs) -> bool:
    """Whether a resource is being created, changed or deleted; False if it does not exist."""
    answer = answered(client, ready.operation, **filled(ready.call, inputs))
    return str(jmespath.search(ready.status, answer or {})).lower() in _IN_TRANSITION


def known() -> Iterator[str]:
    """All types whose resources can be found."""
    return (type for type in types.tokens() if types.record(type).recovery)


def _find(recovery: Recovery) -> Find:
    if recovery.list:
        return _listing(recovery.list)
    if recovery.get:
        return _getting(recovery.get)
    function: Find = getattr(looks, recovery.function)
    return function


def _listing(how: Listing) -> Find:
    """Find resources with a list operation. Deleted resources remain listed for a while."""

    def find(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
        wanted = [{"Name": f"tag:{key}", "Values": [value]} for key, value in marks.items()]
        filters = {how.filters: wanted} if how.filters else {}
        fields = filled(how.fields, inputs, strict=True)
        for item in listed(client, how.operation, how.items, **filters, **filled(how.call, inputs, strict=True)):
            tags = None if fields else pairs(item.get("Tags"))
            if str(item.get(how.status, "")).lower() in _GONE or any(item[key] != fields[key] for key in fields):
                continue
            if tags is None or marks.items() <= tags.items():
                yield Candidate(item[how.id], tags)

    return find


def _getting(how: Getting) -> Find:
    """Find the resource with the name in the inputs."""

    def find(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
        answer = answered(client, how.operation, **filled(how.call, inputs, strict=True))
        item = answer and answer[how.item]
        if item and item.get("status") != "DELETING":
            yield Candidate(filled(how.id, inputs), pairs(item.get("tags") or item.get("Tags")))

    return find
