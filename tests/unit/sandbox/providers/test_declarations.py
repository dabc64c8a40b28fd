"""Checks of every declaration: all inputs are handled, and the replacing properties match their sources."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from mlsandbox.providers import aws
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.lookups import LOOKUPS
from mlsandbox.providers.aws.mapping import ways
from mlsandbox.providers.aws.schema import ListOf, MapOf, Object, Type
from mlsandbox.providers.aws.steps import Create

every_declaration = pytest.mark.parametrize("declaration", aws.DECLARATIONS, ids=lambda each: each.token)

TAGS = {"tags", "tagsAll", "region"}


def top(paths: Any) -> set[str]:
    return {path.split(".")[0] for path in paths}


@every_declaration
def test_every_input_is_accounted_for_once(declaration: Declaration) -> None:
    """Otherwise, an input would be ignored silently."""
    inputs = {*declaration.schema.inputs.properties} - TAGS
    updated = {name for update in declaration.updates for name in update.properties} - TAGS
    whole = {path for path in declaration.replaces if "." not in path}
    assert updated | top(declaration.replaces) | declaration.local | {*declaration.refused} == inputs
    assert not updated & whole, "both updated and replaced"
    assert not declaration.refused.keys() & (updated | whole | declaration.local)


@every_declaration
def test_replacing_properties_match_cloudformation_or_differ_for_a_reason(declaration: Declaration) -> None:
    if declaration.cloudformation is None:
        assert not declaration.unlike_cloudformation
        return
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", declaration.cloudformation).schema
    create_only = {
        name
        for pointer in schema.get("createOnlyProperties", ())
        for name in _names(declaration, pointer.removeprefix("/properties/").split("/"))
    }
    ours = {*declaration.replaces} - {"namePrefix", "nodeGroupNamePrefix", "bucketPrefix"}
    refused = {name for name in create_only if name.split(".")[0] in declaration.refused}
    differing = {
        path for path in ours ^ (create_only - refused) if not any(_covers(other, path) for other in ours & create_only)
    }
    assert differing == {*declaration.unlike_cloudformation}


@every_declaration
def test_every_nested_input_has_a_member_in_the_request(declaration: Declaration) -> None:
    """Otherwise, a nested property would be ignored silently."""
    requests = [declaration.create.operation] if isinstance(declaration.create, Create) else []
    requests += [update.checked_as for update in declaration.updates if update.checked_as]
    lost: set[str] = set()
    for name, declared in declaration.schema.inputs.properties.items():
        shapes = [declaration.input_shape(operation) for operation in requests]
        taking = [shape for shape in shapes if _member(declaration, shape, name, name)]
        if taking and name not in TAGS and name not in declaration.refused:
            below = [{*_lost(declaration, shape, name, declared.type, name)} for shape in taking]
            lost |= set.intersection(*below)
    assert lost == {*declaration.answered}


@pytest.mark.parametrize("lookup", LOOKUPS, ids=lambda each: each.token)
def test_a_lookup_has_the_token_of_the_sdk(lookup: Any) -> None:
    assert lookup.token in lookup.function.__code__.co_consts


def _names(declaration: Declaration, pointer: list[str]) -> Iterator[str]:
    """The SDK's names of a CloudFormation property."""
    schema: Type = declaration.schema.inputs
    path: list[str] = []
    for word in pointer:
        if not isinstance(schema, Object):
            break
        name = next((name for name in schema.properties if _means(declaration, [*path, name], word)), None)
        if name is None:
            return
        path.append(name)
        schema = schema.properties[name].type
    yield ".".join(path)


def _means(declaration: Declaration, path: list[str], word: str) -> bool:
    known = declaration.names.get(".".join(path))
    members = {path[-1].lower(), *({way[-1].lower() for way in ways(known)} if known else ())}
    return word.lower() in members or word == declaration.cloudformation_names.get(".".join(path))


def _covers(one: str, other: str) -> bool:
    return one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _lost(declaration: Declaration, shape: Shape, name: str, declared: Type, path: str) -> Iterator[str]:
    """The property `name` and nested properties that have no member in the structure `shape`."""
    found = _member(declaration, shape, name, path)
    if found is None:
        yield path
        return
    while isinstance(declared, ListOf | MapOf):
        declared = declared.item
    if not isinstance(declared, Object):
        return
    while isinstance(found, ListShape | MapShape):
        found = found.member if isinstance(found, ListShape) else found.value
    for below, nested in declared.properties.items():
        yield from _lost(declaration, found, below, nested.type, f"{path}.{below}")


def _member(declaration: Declaration, shape: Shape, name: str, path: str) -> Shape | None:
    known = declaration.names.get(path)
    for way in ways(known) if known else [(name,)]:
        reached: Shape | None = shape
        for part in way:
            members = reached.members if isinstance(reached, StructureShape) else {}
            reached = next((member for key, member in members.items() if key.lower() == part.lower()), None)
        if reached is not None:
            return reached
    return None
