"""How a resource type of pulumi-aws is made from operations of AWS's API: data, and small functions where it is odd.

A new type is a `Declaration` in its service family's module and a case in the table of the life cycle test. Sources:

- property names, types and what AWS chooses when nothing is given: the SDK's class (`resource`);
- operations and their members: botocore's service model;
- what replaces: CloudFormation's `createOnlyProperties` (`cloudformation` names the type; a test compares), the lack
  of an operation that updates, and Terraform's provider where it is known to differ (`unlike_cloudformation`, with the
  reason);
- `defaults`: Terraform's, which the SDK's class shows as an output that may be null although it never is.
"""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from botocore.model import ListShape, OperationModel, StructureShape

from mlsandbox.providers.aws import mapping
from mlsandbox.providers.aws.api import MODELS, Api, Passing
from mlsandbox.providers.aws.meaning import Meaning
from mlsandbox.providers.aws.schema import TEXT, MapOf, Object, Property, Schema, function_inputs, resource_schema
from mlsandbox.providers.protocol import Failure, Properties

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
        return (step.by,) if isinstance(step.by, str) else operations_of(step.by)
    if isinstance(step, Tags):
        return tuple(name for name in (step.tag, step.untag, step.listed) if name)
    return tuple(getattr(step, "operations", ()))


@dataclass(frozen=True)
class Create:
    """Make the resource with one operation, from every property that has a member in its request."""

    operation: str
    id: str | tuple[str, ...]
    """The id: a JMESPath into the answer, or the properties that make it, joined by the declaration's separator."""

    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Members that are always the same."""

    more: Callable[[Properties], Mapping[str, Any]] = lambda inputs: {}
    """Members that are made of properties in another form; gets the inputs."""


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
    """

    def __init__(
        self,
        *properties: str,
        by: "str | Callable[[Api, str, Properties, Properties], None]",
        fixed: Mapping[str, Any] | None = None,
        checked_as: str | None = None,
    ) -> None:
        self.properties = properties
        self.by = by
        self.fixed = fixed or {}
        self.checked_as = checked_as if checked_as or not isinstance(by, str) else by


@dataclass(frozen=True)
class Delete:
    """Delete the resource with one operation."""

    operation: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    """Properties of the state that the operation takes: property → member."""


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


PLAIN: Final = Meaning()
NO_FAILURES: Final[Sequence[Failure]] = ()


@dataclass(frozen=True)
class Singleton:
    """Something that an account has one of in a region."""

    name: str
    """What it is called in a sentence."""

    unset: Callable[[Properties], bool] = lambda live: False
    """Whether the live properties are those of an account where nobody set it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Declaration:
    """One resource type. Every input is in exactly one of: `replaces`, an update, `local`, `refused`, tags, region."""

    resource: type[pulumi.CustomResource]
    """The SDK's class."""

    service: str
    """boto3's name of the service."""

    key: str | tuple[str, ...]
    """Request members that take the id; several take its parts, between `separator`s."""

    create: Create | Callable[[Api, Properties], str]
    read: Describe | Read
    delete: Delete | Callable[[Api, str, Properties], None]
    updates: Sequence[Update] = ()

    replaces: frozenset[str] = frozenset()
    """Inputs whose change makes a new resource: names, or paths with dots below a name."""

    local: frozenset[str] = frozenset()
    """Inputs that AWS never reports: kept in the state as the program gave them."""

    refused: Mapping[str, str] = field(default_factory=dict)
    """Inputs that the sandbox does not model; setting one is an error that gives this reason."""

    chosen: frozenset[str] = frozenset()
    """Nested inputs, as paths with dots, that AWS fills in when they are left out, where the SDK does not say so."""

    absent: Mapping[str, str] = field(default_factory=dict)
    """Outputs that stay empty although the SDK has them never null, and why."""

    volatile: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Outputs that an update changes, each with the inputs whose change changes it."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Properties whose member has another name (see `mapping`)."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values of inputs that a program leaves out."""

    check: Callable[[Properties], Sequence[Failure]] = lambda inputs: NO_FAILURES
    """Rules over several properties. Gets inputs that may hold `UNKNOWN`."""

    name: AutoName | None = None
    arn: str | None = None
    """The part of the ARN after the account, with `{id}`, where the description has no ARN."""

    tags: Tags | None = None
    state: State | None = None
    waits_until_gone: bool = False
    """Whether a deletion goes on after the operation returned."""

    passing: Collection[Passing] = ()
    """Errors that pass by themselves; those that Terraform's resource retries, no more and no fewer."""

    timeout_s: float = 300
    """Longest wait of one operation where the program sets none."""

    separator: str = ":"
    singleton: Singleton | None = None
    """Set for what an account has one of, which a creation overwrites."""

    delete_first: bool = False
    """Whether there can be only one of these at its place, so that a replacement deletes before it creates."""

    global_arn: bool = False
    """Whether ARNs have no region (IAM)."""

    meaning: Meaning = PLAIN
    cloudformation: str | None = None
    """CloudFormation's type, e.g. `AWS::KMS::Key`."""

    unlike_cloudformation: Mapping[str, str] = field(default_factory=dict)
    """Properties for which `replaces` and CloudFormation disagree, each with the reason."""

    @functools.cached_property
    def schema(self) -> Schema:
        """The SDK's types."""
        return resource_schema(self.resource)

    @property
    def token(self) -> str:
        """E.g. `aws:kms/key:Key`."""
        return self.schema.token

    @functools.cached_property
    def operations(self) -> tuple[str, ...]:
        """All operations of `service` that this type uses, by AWS's names."""
        steps = (self.create, self.read, *self.updates, self.delete, self.tags)
        return tuple(sorted({self.model(name).name for step in steps for name in operations_of(step)}))

    def model(self, operation: str) -> OperationModel:
        """Botocore's model of an operation of the service."""
        return MODELS.operation(self.service, operation)

    def input_shape(self, operation: str) -> StructureShape:
        """What the operation takes."""
        shape = self.model(operation).input_shape
        assert isinstance(shape, StructureShape), f"{operation} takes nothing"
        return shape

    def keyed(self, operation: str, id: str, member: str | None = None) -> dict[str, Any]:
        """The members of the operation's request that say which resource is meant."""
        shape = self.input_shape(operation)
        members = (member,) if member else self.key if isinstance(self.key, tuple) else (self.key,)
        parts = id.split(self.separator, len(members) - 1)
        return {
            name: [part] if isinstance(shape.members[name], ListShape) else part
            for name, part in zip(members, parts, strict=True)
            if name in shape.members
        }

    def same(self, name: str, one: Any, other: Any) -> bool:
        """Whether two values of the input `name` mean the same."""
        return self.meaning.same(one, other, self.schema.inputs.type_of(name), (name,))

    def named_by(self, id: str) -> Properties:
        """The properties that are part of the id: those of the names of the key's members."""
        members = self.key if isinstance(self.key, tuple) else (self.key,)
        parts = dict(zip(members, id.split(self.separator, len(members) - 1), strict=True))
        names = {
            way[-1].lower(): name
            for name in self.schema.inputs.properties
            for way in mapping.ways(self.names.get(name, name))
        }
        return {names[member.lower()]: part for member, part in parts.items() if member.lower() in names}

    def request(
        self, operation: str, properties: Properties, given: Collection[str] = (), only: Collection[str] | None = None
    ) -> mapping.Request:
        """The request that `properties` make, of all inputs or of `only` some. Tags and region are no part of it."""
        inputs = self.schema.inputs.properties
        left_out = {"tags", "region"}
        chosen = {name: inputs[name] for name in inputs if (only is None or name in only) and name not in left_out}
        return mapping.request(self.input_shape(operation), properties, Object(chosen), self.names, given)

    def found(self, described: Mapping[str, Any]) -> Properties:
        """The properties that a described resource holds."""
        return mapping.properties(described, self.schema.outputs, self.names)

    def tag_parameters(self, operation: str, tags: Mapping[str, str]) -> dict[str, Any]:
        """The members with which the operation `operation` takes tags; empty where it takes none."""
        shape = self.input_shape(operation)
        if not tags:
            return {}
        if self.tags and self.tags.specification and "TagSpecifications" in shape.members:
            pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
            return {"TagSpecifications": [{"ResourceType": self.tags.specification, "Tags": pairs}]}
        schema = Object({"tags": Property(MapOf(TEXT))})
        return mapping.request(shape, {"tags": dict(tags)}, schema, {}, shape.required_members).parameters


@dataclass(frozen=True)
class Lookup:
    """A look-up, `aws.get_…`."""

    function: Callable[..., Any]
    """The SDK's function."""

    token: str
    answer: Callable[[Api, Properties], Properties]
    """From the arguments, without the region, to the result by its Pulumi names."""

    service: str = ""
    """boto3's service; empty for a look-up that calls nothing."""

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that the look-up uses, by AWS's names."""
        return tuple(sorted(MODELS.operation(self.service, name).name for name in operations_of(self.answer)))

    @functools.cached_property
    def inputs(self) -> frozenset[str]:
        """Names of its arguments."""
        return function_inputs(self.function)


def filters_of(args: Properties, **names: str) -> list[dict[str, Any]]:
    """Filters in the form of EC2 and Auto Scaling: those given as such, tags, and arguments that are a filter each."""
    filters = [{"Name": one["name"], "Values": one["values"]} for one in args.get("filters") or ()]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in (args.get("tags") or {}).items()]
    return filters + [{"Name": name, "Values": [args[key]]} for key, name in names.items() if args.get(key)]
