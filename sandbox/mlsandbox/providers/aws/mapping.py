"""Mapping between properties of the SDK and members of AWS's API, with botocore's service models.

A property is mapped to the member with the same name, ignoring case (`roleArn` → `RoleArn`, `cidrBlock` → `CidrBlock`).
For other names, a declaration's `names` maps the property's dotted path to the member's
(`{"isEnabled": "Enabled", "vpcConfig": "resourcesVpcConfig"}`), with `|` between the names in different operations.
Different types on both sides are converted: a single object ↔ a list with one item, a map ↔ a list of `Key` and
`Value`, a string ↔ a number or boolean, a scalar ↔ an object with a member `Value` or `Enabled`.
"""

import base64
import datetime
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape

from mlsandbox import shapes
from mlsandbox.errors import suggestion
from mlsandbox.providers.aws.meaning import dotted
from mlsandbox.providers.aws.schema import ANY, Document, ListOf, MapOf, Object, Scalar, Type, choice, text_of
from mlsandbox.providers.protocol import UNKNOWN, Failure, Path, Properties, path_text
from mlsandbox.shapes import Constraint, Violation

_WRAPPERS: Final = ("Value", "Enabled")
_INTEGERS: Final = ("integer", "long")
_NUMBERS: Final = ("float", "double")


@dataclass
class Request:
    """The part of a request that comes from properties, and its violations of AWS's model."""

    parameters: dict[str, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    mapped: set[str] = field(default_factory=set)
    """The top-level properties that have a member in this request."""


def request(
    shape: StructureShape, properties: Properties, schema: Object, names: Mapping[str, str], given: Iterable[str] = ()
) -> Request:
    """The members of `shape` for `properties`.

    Properties without a member are omitted. `given` contains top-level members that are set elsewhere. A required
    member that is not set is a failure.
    """
    build = _Builder(names)
    parameters = build.structure(shape, properties, schema, (), frozenset(given))
    mapped = {name for name in schema.properties if _member(shape, name, (name,), names)}
    return Request(parameters, build.failures, mapped)


class _Builder:
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self.failures: list[Failure] = []

    def structure(
        self, shape: StructureShape, value: Properties, schema: Object, path: Path, given: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        properties_of = {}
        wrappers = set()
        for name, declared in schema.properties.items():
            members = _member(shape, name, (*path, name), self._names)
            if not members:
                continue
            if len(members) > 1:
                wrappers.add(members[0])
            properties_of[members[0]] = name
            item = value.get(name)
            if item is None:
                continue
            parent, member = _descend(shape, members)
            converted = self.value(parent.members[member], item, declared.type, (*path, name))
            if converted is not None:
                _put(result, members, converted)
        for member in shape.required_members:
            if member in wrappers:
                # AWS requires the structure even if none of the properties in it is set.
                result.setdefault(member, {})
            elif member not in result and member not in given and properties_of and not _token(shape, member):
                self._missing(member, properties_of.get(member), path)
        return result

    def _missing(self, member: str, name: str | None, path: Path) -> None:
        if name is None:
            self._fail(path, f"requires {member}, which is not set")
        else:
            self._fail((*path, name), "is required by AWS")

    def value(self, shape: Shape, value: Any, declared: Type, path: Path) -> Any:
        """`value`, converted for `shape`. `UNKNOWN` is kept, so that it counts as set."""
        if value is UNKNOWN:
            return UNKNOWN
        if isinstance(shape, ListShape):
            if isinstance(declared, MapOf):
                return [dict(zip(_pair(shape), pair, strict=True)) for pair in value.items()]
            if not isinstance(declared, ListOf):
                return [self.value(shape.member, value, declared, path)]
            self._check(shape, value, path)
            return [
                self.value(shape.member, item, declared.item, (*path, index))
                for index, item in enumerate(value)
                if item is not None
            ]
        if isinstance(declared, ListOf) and len(value) <= 1:
            return self.value(shape, value[0], declared.item, (*path, 0)) if value else None
        if isinstance(shape, MapShape):
            item = declared.item if isinstance(declared, MapOf) else ANY
            return {key: self.value(shape.value, entry, item, (*path, key)) for key, entry in value.items()}
        if isinstance(shape, StructureShape):
            if isinstance(declared, Object):
                return self.structure(shape, value, declared, path)
            for wrapper in _WRAPPERS:
                if wrapper in shape.members:
                    return {wrapper: self.value(shape.members[wrapper], value, declared, path)}
            return value
        return self._scalar(shape, value, path)

    def _scalar(self, shape: Shape, value: Any, path: Path) -> Any:
        kind = shape.type_name
        if kind == "boolean" and isinstance(value, str):
            if value not in ("true", "false"):
                self._fail(path, f'must be "true" or "false"; it is {value!r}')
            return value == "true"
        if kind in _INTEGERS and isinstance(value, str):
            if not re.fullmatch(r"-?\d+", value):
                self._fail(path, f"must be a whole number; it is {value!r}")
                return None
            value = int(value)
        if kind in _NUMBERS and isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                self._fail(path, f"must be a number; it is {value!r}")
                return None
        if kind == "string":
            value = text_of(value)
            self._check(shape, value, path)
        elif kind in (*_INTEGERS, *_NUMBERS):
            self._check(shape, value, path)
        elif kind == "blob":
            return value.encode() if isinstance(value, str) else value
        return value

    def _check(self, shape: Shape, value: Any, path: Path) -> None:
        for broken in shapes.broken(shape, value):
            self._fail(path, _reason(broken))

    def _fail(self, path: Path, reason: str) -> None:
        self.failures.append(Failure(path_text(path), reason))


def _reason(broken: Violation) -> str:
    """The message for a violation by a property's value."""
    limit, value, words = broken.limit, broken.value, f" {broken.unit}" if broken.unit else ""
    match broken.constraint:
        case Constraint.ENUM:
            # A list of hundreds of instance types would not help.
            among = choice(limit) if len(limit) <= 25 else "one of AWS's values"
            return f"must be {among}; it is {value!r}{suggestion(value, limit, cutoff=0.7)}"
        case Constraint.PATTERN:
            return f"must match the pattern {limit}; it is {value!r}"
        case Constraint.AT_LEAST:
            return f"must be at least {limit}{words}; it is {broken.size}"
        case Constraint.AT_MOST:
            return f"must be at most {limit}{words}; it is {broken.size}"
        case _:
            raise AssertionError(f"{broken.constraint} is checked where a value is converted")


def properties(data: Mapping[str, Any], schema: Object, names: Mapping[str, str], path: Path = ()) -> Properties:
    """The properties of `schema` in `data`, a part of an API response."""
    found: Properties = {}
    for name, declared in schema.properties.items():
        value = _lookup(data, name, (*path, name), names)
        if value is not None:
            converted = _property(value, declared.type, names, (*path, name))
            if converted is not None:
                found[name] = converted
    return found


def _property(value: Any, declared: Type, names: Mapping[str, str], path: Path) -> Any:
    if isinstance(declared, ListOf):
        items = value if isinstance(value, list) else [value]
        return [_property(item, declared.item, names, path) for item in items]
    if isinstance(declared, MapOf):
        if isinstance(value, list):
            return dict(_key_and_value(entry) for entry in value)
        return {key: _property(item, declared.item, names, path) for key, item in value.items()}
    if isinstance(value, list):
        return _property(value[0], declared, names, path) if value else None
    if isinstance(declared, Object):
        # For some objects, AWS returns only the IDs; a declaration's `more` then adds the rest.
        return properties(value, declared, names, path) if isinstance(value, dict) else None
    if isinstance(value, dict) and isinstance(declared, Scalar | Document):
        # Either a wrapped scalar or one of IAM's documents, which boto3 decodes.
        return next((value[wrapper] for wrapper in _WRAPPERS if wrapper in value), None) or json.dumps(value)
    if isinstance(declared, Scalar):
        return _to_scalar(value, declared.kind)
    return value


def _to_scalar(value: Any, kind: type) -> Any:
    if isinstance(value, datetime.datetime):
        return rfc3339(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if kind is str:
        return text_of(value)
    if kind is int and isinstance(value, str | float):
        return int(value)
    if kind is bool and isinstance(value, str):
        return value.lower() == "true"
    return value


def rfc3339(moment: datetime.datetime) -> str:
    """`moment` in the format of Terraform's provider: `2026-02-03T04:05:06Z`."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _member(shape: StructureShape, name: str, path: Path, names: Mapping[str, str]) -> tuple[str, ...]:
    """The path from `shape` to a property's member; empty if there is none."""
    known = names.get(dotted(path))
    if known is not None:
        return next((way for way in ways(known) if _reaches(shape, way)), ())
    return next(((member,) for member in shape.members if member.lower() == name.lower()), ())


def ways(names: str) -> list[tuple[str, ...]]:
    """The alternative paths in an entry of a declaration's `names`."""
    return [tuple(way.split(".")) for way in names.split("|")]


def placed(shape: StructureShape, values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Values of properties, in the API's format, as members of `shape`."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        _put(result, _member(shape, name, (name,), names), value)
    return result


def _token(shape: StructureShape, member: str) -> bool:
    """Whether a member is an idempotency token, which botocore sets by default."""
    return bool(shape.members[member].metadata.get("idempotencyToken"))


def _follow(data: Mapping[str, Any], way: tuple[str, ...]) -> Any:
    value: Any = data
    for part in way:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _reaches(shape: Shape, way: tuple[str, ...]) -> bool:
    for part in way:
        if not isinstance(shape, StructureShape) or part not in shape.members:
            return False
        shape = shape.members[part]
    return True


def _descend(shape: StructureShape, way: tuple[str, ...]) -> tuple[StructureShape, str]:
    for part in way[:-1]:
        below = shape.members[part]
        assert isinstance(below, StructureShape)
        shape = below
    return shape, way[-1]


def _put(target: dict[str, Any], way: tuple[str, ...], value: Any) -> None:
    for part in way[:-1]:
        target = target.setdefault(part, {})
    target[way[-1]] = value


def _lookup(data: Mapping[str, Any], name: str, path: Path, names: Mapping[str, str]) -> Any:
    known = names.get(dotted(path))
    if known is not None:
        return next((value for way in ways(known) if (value := _follow(data, way)) is not None), None)
    return next((value for member, value in data.items() if member.lower() == name.lower()), None)


def _pair(shape: ListShape) -> tuple[str, str]:
    """The members for key and value in a list of tags."""
    entry = shape.member
    assert isinstance(entry, StructureShape)
    members = list(entry.members)
    key = next(member for member in members if member.lower().endswith("key"))
    value = next(member for member in members if member.lower().endswith("value"))
    return key, value


def _key_and_value(entry: Mapping[str, Any]) -> tuple[str, Any]:
    key = next(item for member, item in entry.items() if member.lower().endswith("key"))
    value = next((item for member, item in entry.items() if member.lower().endswith("value")), "")
    return key, value
