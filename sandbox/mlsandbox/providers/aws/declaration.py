"""How a resource type of pulumi-aws is made from operations of AWS's API: data, and small functions where it is odd.

A new type is a `Declaration` in its service family's module and a case in `tests/types/<service>/<type>.yaml`. What is
like many others needs little: see `conventions`. Sources:

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
from mlsandbox.providers.aws.steps import (
    AutoName,
    Create,
    Delete,
    Describe,
    Read,
    Singleton,
    State,
    Tags,
    Update,
    operations_of,
)
from mlsandbox.providers.protocol import Failure, Properties

PLAIN: Final = Meaning()
NO_FAILURES: Final[Sequence[Failure]] = ()


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
    answered: Mapping[str, str] = field(default_factory=dict)
    """Nested inputs, as paths with dots, that no request takes although the SDK has them, and why."""

    cloudformation: str | None = None
    """CloudFormation's type, e.g. `AWS::KMS::Key`."""

    cloudformation_names: Mapping[str, str] = field(default_factory=dict)
    """CloudFormation's names of inputs that neither the SDK nor botocore's model calls so."""

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
        if not members:
            return {}
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
        if not members:
            return {}
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

    def emptied(self, operation: str, empty: Mapping[str, Any], properties: Properties) -> dict[str, Any]:
        """The members that say that the properties of `empty` that are not set are empty."""
        unset = {name: value for name, value in empty.items() if not properties.get(name)}
        return mapping.placed(self.input_shape(operation), unset, self.names)

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
