"""The implementation of pulumi-aws resource types with operations of AWS's API: data, and small functions if needed.

To add a type, add a `Declaration` to its service's module and a test case in `tests/types/<service>/<type>.yaml`.
`conventions` helps with the common kinds. Sources:

- property names and types, and the properties that AWS computes by default: the SDK's class (`resource`);
- operations and their members: botocore's service model;
- the properties whose change replaces: CloudFormation's `createOnlyProperties` (`cloudformation` is the type; a test
  compares them), the lack of an update operation, and known differences of Terraform's provider
  (`unlike_cloudformation`, with the reason);
- `defaults`: Terraform's. In the SDK's class, such a property is a nullable output although it is never null.
"""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from botocore.model import ListShape, OperationModel, StructureShape

from awsfacts import types
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

NO_FAILURES: Final[Sequence[Failure]] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Declaration:
    """A resource type. Every input is in exactly one of: `replaces`, an update, `local`, `refused`, tags, region."""

    resource: type[pulumi.CustomResource]
    """The SDK's class."""

    service: str
    """boto3's name of the service."""

    key: str | tuple[str, ...]
    """Request members for the ID. Several members get the parts of the ID, split at `separator`."""

    create: Create | Callable[[Api, Properties], str]
    read: Describe | Read
    delete: Delete | Callable[[Api, str, Properties], None]
    updates: Sequence[Update] = ()

    replaces: frozenset[str] = frozenset()
    """Inputs whose change replaces the resource: names, or dotted paths of nested inputs."""

    local: frozenset[str] = frozenset()
    """Inputs that AWS never returns. The state keeps the program's values."""

    refused: Mapping[str, str] = field(default_factory=dict)
    """Inputs that the sandbox does not support, with the reason. Setting one is an error."""

    chosen: frozenset[str] = frozenset()
    """Nested inputs, as dotted paths, that AWS computes by default although the SDK does not declare this."""

    absent: Mapping[str, str] = field(default_factory=dict)
    """Outputs that are empty although the SDK declares them as never null, with the reason."""

    volatile: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Outputs that an update changes, each with the inputs that cause the change."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Properties whose member has another name (see `mapping`)."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Default values of inputs."""

    check: Callable[[Properties], Sequence[Failure]] = lambda inputs: NO_FAILURES
    """Validates several properties together. The inputs may contain `UNKNOWN`."""

    name: AutoName | None = None
    arn: str | None = None
    """The part of the ARN after the account, with `{id}`, if the describe response has no ARN."""

    tags: Tags | None = None
    state: State | None = None
    waits_until_gone: bool = False
    """Whether a deletion continues after the operation returns."""

    passing: Collection[Passing] = ()
    """Transient errors to retry: exactly those that Terraform's resource retries."""

    timeout_s: float = 300
    """Default timeout of an operation."""

    separator: str = ":"
    singleton: Singleton | None = None
    """Set for a resource that an account has exactly one of; a creation overwrites it."""

    delete_first: bool = False
    """Whether a replacement deletes before it creates without the option `delete_before_replace`: the types that have
    `DeleteBeforeReplace` in https://github.com/pulumi/pulumi-aws/blob/master/provider/resources.go, and those that only
    the sandbox replaces."""

    global_arn: bool = False
    """Whether ARNs have no region (IAM)."""

    folds: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """For special properties, by dotted path: functions that convert a value to a normalized form for `==`."""

    answered: Mapping[str, str] = field(default_factory=dict)
    """Nested inputs, as dotted paths, that no request accepts although the SDK has them, with the reason."""

    cloudformation: str | None = None
    """CloudFormation's type, e.g. `AWS::KMS::Key`."""

    cloudformation_names: Mapping[str, str] = field(default_factory=dict)
    """CloudFormation's names of inputs that have other names in the SDK and in botocore's model."""

    unlike_cloudformation: Mapping[str, str] = field(default_factory=dict)
    """Properties for which `replaces` and CloudFormation differ, with the reason."""

    @functools.cached_property
    def schema(self) -> Schema:
        """The SDK's property types."""
        return resource_schema(self.resource)

    @functools.cached_property
    def meaning(self) -> Meaning:
        """How the type's values are compared, from its record."""
        found = types.record(self.token)
        return Meaning(frozenset(found.documents), frozenset(found.ordered), frozenset(found.sets), self.folds)

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
        """The input shape of an operation."""
        shape = self.model(operation).input_shape
        assert isinstance(shape, StructureShape), f"{operation} has no parameters"
        return shape

    def keyed(self, operation: str, id: str, member: str | None = None) -> dict[str, Any]:
        """The parameters of an operation that identify the resource."""
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
        """Whether two values of the input `name` are equivalent."""
        return self.meaning.same(one, other, self.schema.inputs.type_of(name), (name,))

    def named_by(self, id: str) -> Properties:
        """The properties that are part of the ID, from the members in `key`."""
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
        """The request for `properties`, for all inputs or those in `only`, without tags and region."""
        inputs = self.schema.inputs.properties
        left_out = {"tags", "region"}
        chosen = {name: inputs[name] for name in inputs if (only is None or name in only) and name not in left_out}
        return mapping.request(self.input_shape(operation), properties, Object(chosen), self.names, given)

    def emptied(self, operation: str, empty: Mapping[str, Any], properties: Properties) -> dict[str, Any]:
        """The request members for properties in `empty` that are not set."""
        unset = {name: value for name, value in empty.items() if not properties.get(name)}
        return mapping.placed(self.input_shape(operation), unset, self.names)

    def found(self, described: Mapping[str, Any]) -> Properties:
        """The properties of a resource from its describe response."""
        return mapping.properties(described, self.schema.outputs, self.names)

    def tag_parameters(self, operation: str, tags: Mapping[str, str]) -> dict[str, Any]:
        """The parameters of an operation for tags; empty if it does not accept tags."""
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
    """A lookup function, `aws.get_…`."""

    function: Callable[..., Any]
    """The SDK's function."""

    token: str
    answer: Callable[[Api, Properties], Properties]
    """Returns the result, by Pulumi names, for the arguments without the region."""

    service: str = ""
    """boto3's name of the service; empty for a lookup without API calls."""

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that the lookup uses, by AWS's names."""
        return tuple(sorted(MODELS.operation(self.service, name).name for name in operations_of(self.answer)))

    @functools.cached_property
    def inputs(self) -> frozenset[str]:
        """Names of its arguments."""
        return function_inputs(self.function)


def filters_of(args: Properties, **names: str) -> list[dict[str, Any]]:
    """Filters in the format of EC2 and Auto Scaling, from `filters`, `tags` and the arguments in `names`."""
    filters = [{"Name": one["name"], "Values": one["values"]} for one in args.get("filters") or ()]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in (args.get("tags") or {}).items()]
    return filters + [{"Name": name, "Values": [args[key]]} for key, name in names.items() if args.get(key)]
