"""How a resource of each AWS type is found again: by its tags, by its name, or by the id that its inputs say.

The types' records say how. The Resource Groups Tagging API would be one look-up for all, but it knows no IAM roles and
lags behind creations.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import jmespath

from awsfacts import types
from awsfacts.recovery import Getting, Listing, Ready, Recovery
from mlpctl.recover import looks
from mlpctl.recover.asking import Find, Inputs, Marks, answered, filled, listed, pairs
from mlpctl.recover.plan import Again, Candidate

_MOVING: Final = frozenset({"creating", "updating", "deleting", "pending"})
_GONE: Final = frozenset({"deleting", "deleted", "failed"})


@dataclass(frozen=True)
class Look:
    """Look it up in AWS."""

    service: str
    find: Find
    delete: str = ""
    """Command that deletes one, with `$name` for the input `name` and `$id` for the id."""

    ready: Ready | None = None


@dataclass(frozen=True)
class Id:
    """Its inputs say its id: `$bucket`."""

    template: str

    def of(self, inputs: Inputs) -> str:
        """The id."""
        return str(filled(self.template, inputs))


@cache
def way(type: str) -> Look | Id | Again | None:
    """How a resource of a type is found, by its token; None where nobody knows."""
    said = types.record(type).recovery
    if said is None:
        return None
    if said.again:
        return Again(said.again)
    if said.id:
        return Id(said.id)
    return Look(said.service, _find(said), said.delete, said.ready)


def moves(ready: Ready, client: Any, inputs: Inputs) -> bool:
    """Whether a resource is still being created, changed or deleted; not, where it is gone."""
    answer = answered(client, ready.operation, **filled(ready.call, inputs))
    return str(jmespath.search(ready.status, answer or {})).lower() in _MOVING


def known() -> Iterator[str]:
    """Every type that can be found."""
    return (type for type in types.tokens() if types.record(type).recovery)


def _find(said: Recovery) -> Find:
    if said.list:
        return _listing(said.list)
    if said.get:
        return _getting(said.get)
    function: Find = getattr(looks, said.function)
    return function


def _listing(how: Listing) -> Find:
    """A look through a listing that AWS filters by tags. What is deleted stays listed for a while."""

    def find(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
        wanted = [{"Name": f"tag:{key}", "Values": [value]} for key, value in marks.items()]
        for item in listed(client, how.operation, how.items, **{how.filters: wanted}):
            if str(item.get("State", "")).lower() not in _GONE:
                yield Candidate(item[how.id], pairs(item["Tags"]))

    return find


def _getting(how: Getting) -> Find:
    """A look at what has the name that the inputs say."""

    def find(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
        answer = answered(client, how.operation, **filled(how.call, inputs, strict=True))
        item = answer and answer[how.item]
        if item and item.get("status") != "DELETING":
            yield Candidate(filled(how.id, inputs), pairs(item.get("tags") or item.get("Tags")))

    return find
