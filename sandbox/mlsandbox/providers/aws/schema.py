"""Property names and types of AWS resources, by reflection from the pulumi-aws SDK."""

import collections.abc
import functools
import importlib
import json
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import pulumi
import pulumi._types as sdk  # the SDK's own reflection, which is not public

from mlsandbox.errors import suggestion
from mlsandbox.providers.protocol import UNKNOWN, Failure, Path, Properties, has_unknown, path_text


@dataclass(frozen=True)
class Scalar:
    """A scalar JSON value. `values` are the allowed ones, if the SDK's type is an enum."""

    kind: type
    values: frozenset[Any] = frozenset()


@dataclass(frozen=True)
class ListOf:
    """A list of values of one type."""

    item: "Type"


@dataclass(frozen=True)
class MapOf:
    """A map with arbitrary keys and values of one type."""

    item: "Type"


@dataclass(frozen=True)
class Object:
    """An object with named properties."""

    properties: Mapping[str, "Property"]

    def type_of(self, name: str) -> "Type":
        """The type of the property `name`; `AnyValue` if there is no such property."""
        declared = self.properties.get(name)
        return declared.type if declared else AnyValue()


@dataclass(frozen=True)
class Document:
    """A JSON document: a string, or in a program also an object that is serialized."""


@dataclass(frozen=True)
class AnyValue:
    """Any JSON value, or a recursive type."""


Type = Scalar | ListOf | MapOf | Object | Document | AnyValue


@dataclass(frozen=True)
class Property:
    """A property of a resource or of an object in it."""

    type: Type
    required: bool = False


ANY: Final = AnyValue()
TEXT: Final = Scalar(str)
_KINDS: Final = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Schema:
    """The SDK's schema of a resource type."""

    token: str
    """E.g. `aws:kms/key:Key`."""

    inputs: Object
    """The inputs of a program."""

    outputs: Object
    """The outputs in the state, without `id`. Outputs that are never null are required."""

    def chosen_by_aws(self, name: str) -> bool:
        """Whether AWS computes the input `name` if it is not set: Terraform's *optional and computed*."""
        return not self.inputs.properties[name].required and self.outputs.properties[name].required


def resource_schema(resource: type[pulumi.CustomResource]) -> Schema:
    """The schema of an SDK resource class such as `pulumi_aws.kms.Key`."""
    module = importlib.import_module(resource.__module__)
    # If a nested type has the name <Resource>Args, the SDK's name for the resource's arguments is <Resource>InitArgs.
    arguments = getattr(module, f"{resource.__name__}InitArgs", None) or getattr(module, f"{resource.__name__}Args")
    not_null = {
        name
        for name, hint in sdk._raw_return_hints(typing.cast(Any, resource)).items()
        if not _is_optional(next(iter(typing.get_args(hint)), hint))
    }
    outputs = {
        name: Property(_reflect(hint, ()), name in not_null) for name, hint in sdk.resource_types(resource).items()
    }
    return Schema(typing.cast(Any, resource).pulumi_type, _object(arguments, ()), Object(outputs))


def _is_optional(hint: Any) -> bool:
    return bool(sdk._is_optional_type(hint))  # type: ignore[no-untyped-call]  # the SDK does not type it


@functools.cache
def object_schema(cls: type) -> Object:
    """The schema of an SDK input or output class, e.g. `pulumi_aws.ProviderArgs`."""
    return _object(cls, ())


def function_inputs(function: typing.Callable[..., Any]) -> frozenset[str]:
    """The Pulumi names of a lookup's arguments, e.g. of `pulumi_aws.ec2.get_vpc`."""
    parameters = typing.cast(Any, function).__code__
    python = parameters.co_varnames[: parameters.co_argcount + parameters.co_kwonlyargcount]
    return frozenset(_camel(name) for name in python if name != "opts")


def _camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _object(cls: type, above: tuple[type, ...]) -> Object:
    hints = sdk.input_type_types(cls) if sdk.is_input_type(cls) else sdk.output_type_types(cls)
    required = sdk._required_property_names(cls)
    return Object({name: Property(_reflect(hint, (*above, cls)), name in required) for name, hint in hints.items()})


def _reflect(hint: Any, above: tuple[type, ...]) -> Type:
    choices = list(_alternatives(hint))
    if len(choices) > 1:
        objects = [choice for choice in choices if sdk.is_input_type(choice) or sdk.is_output_type(choice)]
        # The SDK allows both an object and a string only for JSON documents.
        if str in choices and objects:
            return Document()
        return _scalars(choices) if not objects else ANY
    (hint,) = choices
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, collections.abc.Sequence):
        return ListOf(_reflect(arguments[0], above))
    if origin in (dict, collections.abc.Mapping):
        return MapOf(_reflect(arguments[1], above))
    if sdk.is_input_type(hint) or sdk.is_output_type(hint):
        return ANY if hint in above else _object(hint, above)
    return _scalars([hint])


def _scalars(choices: list[Any]) -> Type:
    if all(choice in _KINDS for choice in choices):
        return Scalar(choices[0])
    enums = [choice for choice in choices if isinstance(choice, type) and issubclass(choice, Enum)]
    if len(enums) == 1:
        values = frozenset(member.value for member in enums[0])
        # If a string is allowed in addition to the enum, AWS may have more values than the SDK.
        return Scalar(str) if str in choices else Scalar(type(next(iter(values))), values)
    return ANY


def _alternatives(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for choice in typing.get_args(hint):
            yield from _alternatives(choice)
    elif typing.get_origin(hint) is not collections.abc.Awaitable and not _is_output(hint) and hint is not type(None):
        yield hint


def _is_output(hint: Any) -> bool:
    return hint is pulumi.Output or typing.get_origin(hint) is pulumi.Output


def check(value: Properties, schema: Object, path: Path = ()) -> Iterator[Failure]:
    """Yield all violations of the SDK's types by `value`. `UNKNOWN` is allowed everywhere."""
    for name in value:
        if name not in schema.properties:
            yield Failure(path_text((*path, name)), f"is not a property here{suggestion(name, schema.properties)}")
    for name, declared in schema.properties.items():
        given = value.get(name)
        if given is not None:
            yield from check_value(given, declared.type, (*path, name))
        elif declared.required:
            yield Failure(path_text((*path, name)), "is required")


def check_value(value: Any, declared: Type, path: Path) -> Iterator[Failure]:
    """`check` for a value of any type."""
    if value is UNKNOWN or isinstance(declared, AnyValue):
        return
    if isinstance(declared, Document):
        yield from _check_document(value, path)
    elif isinstance(declared, Object):
        if isinstance(value, dict):
            yield from check(value, declared, path)
        else:
            yield _wrong(path, "an object", value)
    elif isinstance(declared, ListOf):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from check_value(item, declared.item, (*path, index))
        else:
            yield _wrong(path, "a list", value)
    elif isinstance(declared, MapOf):
        if isinstance(value, dict):
            for key, item in value.items():
                yield from check_value(item, declared.item, (*path, key))
        else:
            yield _wrong(path, "an object", value)
    elif not _fits(value, declared.kind):
        yield _wrong(path, _KINDS[declared.kind], value)
    elif declared.values and value not in declared.values:
        yield Failure(path_text(path), f"must be {choice(declared.values)}; it is {value!r}")


def _check_document(value: Any, path: Path) -> Iterator[Failure]:
    if isinstance(value, dict):
        return
    if not isinstance(value, str):
        yield _wrong(path, "a JSON document", value)
        return
    try:
        json.loads(value)
    except ValueError as error:
        yield Failure(path_text(path), f"must be a JSON document: {error}")


def _fits(value: Any, kind: type) -> bool:
    if kind is str:
        # As in the official provider, a number or a boolean is accepted as a string (`version: 3`).
        return isinstance(value, str | int | float)
    if kind is bool:
        return isinstance(value, bool)
    return isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)


def _wrong(path: Path, expected: str, value: Any) -> Failure:
    found = next((words for kind, words in _KINDS.items() if type(value) is kind), None)
    return Failure(path_text(path), f"must be {expected}; it is {found or _container(value)}")


def _container(value: Any) -> str:
    if value is None:
        return "missing"
    return "a list" if isinstance(value, list) else "an object"


def coerced(value: Any, declared: Type) -> Any:
    """`value`, which passed `check`, in the format of the state: strings as declared, documents as JSON strings."""
    if value is UNKNOWN or value is None:
        return value
    if isinstance(declared, Object):
        properties = declared.properties
        return {name: coerced(item, properties[name].type) for name, item in value.items() if item is not None}
    if isinstance(declared, MapOf):
        return {key: coerced(item, declared.item) for key, item in value.items()}
    if isinstance(declared, ListOf):
        return [coerced(item, declared.item) for item in value]
    if isinstance(declared, Document) and isinstance(value, dict):
        return UNKNOWN if has_unknown(value) else json.dumps(value, sort_keys=True, separators=(",", ":"))
    if isinstance(declared, Scalar) and declared.kind is str:
        return text_of(value)
    return value


def text_of(value: Any) -> str:
    """A scalar as a string, in the format of AWS and Terraform: `true`, `3`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def choice(values: Iterable[Any]) -> str:
    """`one of a, b, c` for a message."""
    ordered = sorted(map(str, values))
    return f"one of {', '.join(ordered)}" if len(ordered) > 1 else ordered[0]
