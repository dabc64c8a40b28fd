"""Common kinds of declarations: types with conventional operation names, and settings of another resource."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypedDict

import pulumi
from botocore import xform_name

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import Create, Delete, Describe, Update
from mlsandbox.providers.protocol import Properties


class Steps(TypedDict):
    """The part of a declaration that `conventional` creates."""

    service: str
    key: str | tuple[str, ...]
    create: Create | Callable[[Api, Properties], str]
    read: Describe
    delete: Delete | Callable[[Api, str, Properties], None]


def conventional(
    service: str,
    noun: str,
    key: str | tuple[str, ...],
    *,
    id: str | tuple[str, ...] | None = None,
    create: Create | Callable[[Api, Properties], str] | None = None,
    get: str = "describe",
    listed: bool = False,
    result: str | None = None,
    more: Callable[[Api, str, dict[str, Any]], Properties] | None = None,
    delete: Delete | Callable[[Api, str, Properties], None] | None = None,
) -> Steps:
    """The steps of a type with conventional operation names: `create_<noun>`, `describe_<noun>` and `delete_<noun>`.

    `noun` is the member of responses that contains the resource: `Vpc`, `accessEntry`. Its member `key` is the ID,
    unless `id` is set. A `listed` type has a describe operation for several resources, with plural names:
    `describe_vpcs`, `VpcIds`, `Vpcs[0]`.
    """
    name, many = xform_name(noun), re.sub(r"(?<![aeo])ys$", "ies", f"{noun}s")
    members = key if isinstance(key, tuple) else (key,)
    if listed:
        read = Describe(f"{get}_{xform_name(many)}", result or f"{many}[0]", key=f"{members[0]}s", more=more)
    else:
        read = Describe(f"{get}_{name}", result or noun, more=more)
    return Steps(
        service=service,
        key=key,
        create=create or Create(f"create_{name}", id=id or f"{noun}.{members[0]}"),
        read=read,
        delete=delete or Delete(f"delete_{name}"),
    )


def setting(
    resource: type[pulumi.CustomResource],
    service: str,
    *properties: str,
    put: str,
    get: str,
    back: Delete,
    result: str = "@",
    of: Mapping[str, str] | None = None,
    empty: Mapping[str, Any] | None = None,
    replaces: Collection[str] = (),
    **more: Any,
) -> Declaration:
    """A setting of another resource: one operation sets it, for creation and update, and `back` resets it.

    `of` identifies the other resource: the property and the request member with its name (`{"bucket": "Bucket"}`). The
    default is the account. `empty` contains the values to send for properties that are not set. `more` are fields of
    the declaration.
    """
    owner = of or {}
    return Declaration(
        resource=resource,
        service=service,
        key=tuple(owner.values()),
        create=Create(put, id=tuple(owner), empty=empty or {}),
        read=Describe(get, result),
        updates=(Update(*properties, by=put, empty=empty),),
        delete=back,
        replaces=frozenset({*owner, *replaces}),
        **more,
    )
