"""The steps of a declaration: what is called to create, read, update and delete a resource, and what goes with them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.protocol import Properties

Read = Callable[[Api, str], Properties | None]
"""From an id to the live properties (settable ones and outputs); None when the resource is gone."""


def uses(*operations: str) -> Callable[[Any], Any]:
    """Say which operations of the declaration's service a function of it calls, in boto3's spelling."""

    def mark(function: Any) -> Any:
        function.operations = operations
        return function

    return mark


def operations_of(step: object) -> tuple[str, ...]:
    """The operations that a step of a declaration calls."""
    if isinstance(step, Create | Describe | Delete):
        return (step.operation, *operations_of(step.more if isinstance(step, Describe) else None))
    if isinstance(step, Update):
        own = (step.by,) if isinstance(step.by, str) else operations_of(step.by)
        return (*own, *((step.unset,) if step.unset else ()), *operations_of(step.then))
    if isinstance(step, Tags):
        return tuple(name for name in (step.tag, step.untag, step.listed) if name)
    return tuple(getattr(step, "operations", ()))


@dataclass(frozen=True)
class Create:
    """Make the resource with one operation, from every property that has a member in its request."""

    operation: str
    id: str | tuple[str, ...]
    """The id: a JMESPath into the answer, or the properties that make it, joined by the declaration's separator: of
    none, it is the account's, for what an account has once."""

    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Members that are always the same."""

    more: Callable[[Properties], Mapping[str, Any]] = lambda inputs: {}
    """Members that are made of properties in another form; gets the inputs."""

    empty: Mapping[str, Any] = field(default_factory=dict)
    """What to send for properties that are not set, where leaving them out leaves them as they are."""


@dataclass(frozen=True)
class Describe:
    """Read the resource with one operation, every property from the member of its name."""

    operation: str
    result: str
    """JMESPath to the resource in the answer."""

    key: str | None = None
    """The member that takes the id where it is not the declaration's `key` (`VpcIds`)."""

    more: Callable[[Api, str, dict[str, Any]], Properties] | None = None
    """Properties that come from elsewhere: gets the id and the described resource."""


class Update:
    """Change properties in place, with one operation from the declaration's key and these properties, or by a function.

    It runs when one of the properties changed, and after the creation for those set that the creation did not take.
    A function gets the API, the id, the old inputs and the new ones. `checked_as` is an operation against whose members
    the properties of a function are checked.

    For an operation: `changed_only` leaves out what did not change, but for properties of `together`, which go with
    each other. `empty` has what is sent for a property that is not set (any more), where leaving it out leaves it as it
    is; `unset` is the operation, of the key alone, that takes all of them away. `also` has other properties that the
    operation takes where they are set: property → member. `then` gets the API, the id and the answer.
    """

    def __init__(
        self,
        *properties: str,
        by: "str | Callable[[Api, str, Properties, Properties], None]",
        fixed: Mapping[str, Any] | None = None,
        checked_as: str | None = None,
        changed_only: bool = False,
        together: Collection[str] = (),
        empty: Mapping[str, Any] | None = None,
        also: Mapping[str, str] | None = None,
        unset: str | None = None,
        then: Callable[[Api, str, dict[str, Any]], None] | None = None,
    ) -> None:
        self.properties = properties
        self.by = by
        self.fixed = fixed or {}
        self.checked_as = checked_as if checked_as or not isinstance(by, str) else by
        self.changed_only = changed_only
        self.together = frozenset(together)
        self.empty = empty or {}
        self.also = also or {}
        self.unset = unset
        self.then = then

    def sent(self, olds: Properties, news: Properties) -> set[str]:
        """The properties that the operation is called with."""
        if not self.changed_only:
            return {*self.properties}
        changed = {name for name in self.properties if olds.get(name) != news.get(name)}
        return changed | self.together if changed & self.together else changed


@dataclass(frozen=True)
class Delete:
    """Delete the resource with one operation."""

    operation: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    """Properties of the state that the operation takes: property → member."""

    when: str = "@"
    """JMESPath into the properties of the state; false where nothing is to be done."""


@dataclass(frozen=True)
class Tags:
    """Tags by two operations that add and remove."""

    tag: str
    untag: str
    key: str
    """The member that takes the resource."""

    by: str | None = None
    """The output that names the resource where its id does not, e.g. `arn`."""

    listed: str | None = None
    """The operation that lists them, where the description does not hold them."""

    specification: str | None = None
    """EC2's name of the type in `TagSpecifications`."""


@dataclass(frozen=True)
class State:
    """Where in a description the state of a resource is, and what it may be."""

    path: str
    """JMESPath into the described resource."""

    ready: Collection[str]
    failed: Collection[str] = ()
    gone: Collection[str] = ()
    """States in which the resource counts as deleted, though it is still described."""

    reason: str | None = None
    """JMESPath to AWS's own explanation of a failure."""


@dataclass(frozen=True)
class AutoName:
    """The property that gets an automatic name, `<logical name>-<7 hex digits>`, when a program gives none."""

    property: str
    longest: int
    """AWS's limit, in characters."""

    shape: Callable[[str], str] = str
    """E.g. `str.lower`."""

    prefix_property: str | None = None
    """The property that asks for a name with a given beginning instead."""


@dataclass(frozen=True)
class Singleton:
    """Something that an account has one of in a region."""

    name: str
    """What it is called in a sentence."""

    unset: Callable[[Properties], bool] = lambda live: False
    """Whether the live properties are those of an account where nobody set it."""
