"""The steps of a declaration: the operations to create, read, update and delete a resource, and their options."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.protocol import Properties

Read = Callable[[Api, str], Properties | None]
"""Returns the live properties (inputs and outputs) for an ID; None if the resource is gone."""


def uses(*operations: str) -> Callable[[Any], Any]:
    """Declare the operations that a function of a declaration calls, by boto3's names."""

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
    """Create the resource with one operation, from every property that has a member in its request."""

    operation: str
    id: str | tuple[str, ...]
    """The ID: a JMESPath into the response, or the properties that it consists of, joined by the declaration's
    separator. An empty tuple stands for the account ID, for settings of the account."""

    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Members with constant values."""

    more: Callable[[Properties], Mapping[str, Any]] = lambda inputs: {}
    """Computes further members from the inputs."""

    empty: Mapping[str, Any] = field(default_factory=dict)
    """Values to send for properties that are not set, if omitting them would leave them unchanged."""


@dataclass(frozen=True)
class Describe:
    """Read the resource with one operation, every property from the member with its name."""

    operation: str
    result: str
    """JMESPath to the resource in the response."""

    key: str | None = None
    """The member for the ID, if it is not the declaration's `key` (`VpcIds`)."""

    more: Callable[[Api, str, dict[str, Any]], Properties] | None = None
    """Returns properties from other sources, for the ID and the described resource."""


class Update:
    """Update properties in place, by one operation with the declaration's key and these properties, or by a function.

    It is executed if one of the properties changed, and after the creation for set properties that the create operation
    does not accept. A function is called with the API, the ID, the old and the new inputs. For a function, `checked_as`
    is the operation whose members are used to validate the properties.

    For an operation: `changed_only` omits unchanged properties, except that those in `together` are always sent
    together. `empty` contains the values to send for unset properties, if omitting them would leave them unchanged.
    `unset` is an operation with only the key that removes all the properties. `also` maps other properties to members;
    they are sent if they are set. `then` is called with the API, the ID and the response.
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
        """The properties to send."""
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
    """Properties of the state to send: property → member."""

    when: str = "@"
    """JMESPath into the properties of the state. If the result is false, nothing is done."""


@dataclass(frozen=True)
class Tags:
    """Tags with an operation that adds them and one that removes them."""

    tag: str
    untag: str
    key: str
    """The member for the resource."""

    by: str | None = None
    """The output that identifies the resource, if it is not the ID, e.g. `arn`."""

    listed: str | None = None
    """The operation that lists the tags, if the describe response does not contain them."""

    specification: str | None = None
    """EC2's name of the type in `TagSpecifications`."""


@dataclass(frozen=True)
class State:
    """The path of a resource's state in its describe response, and the possible states."""

    path: str
    """JMESPath into the described resource."""

    ready: Collection[str]
    failed: Collection[str] = ()
    gone: Collection[str] = ()
    """States in which the resource counts as deleted although it can still be described."""

    reason: str | None = None
    """JMESPath to AWS's explanation of a failure."""


@dataclass(frozen=True)
class AutoName:
    """The property that by default gets an automatic name, `<logical name>-<7 hex digits>`."""

    property: str
    longest: int
    """AWS's length limit, in characters."""

    shape: Callable[[str], str] = str
    """Converts the name, e.g. `str.lower`."""

    prefix_property: str | None = None
    """The property that sets the prefix of the automatic name."""


@dataclass(frozen=True)
class Singleton:
    """A setting that an account has once per region."""

    name: str
    """Its name in a sentence."""

    unset: Callable[[Properties], bool] = lambda live: False
    """Whether the live properties are AWS's defaults."""
