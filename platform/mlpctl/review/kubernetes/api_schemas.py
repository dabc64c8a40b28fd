"""Schemas of the Kubernetes API, reduced to the keywords that validate an object."""

import functools
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

DATA: Final = "kubernetes_api.json"

KINDS: Final = "x-kubernetes-group-version-kind"

_KEPT: Final = (
    "$ref",
    "additionalProperties",
    "enum",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-preserve-unknown-fields",
)
"""Keywords that determine whether an object is valid."""

_REF: Final = "#/components/schemas/"

_QUANTITY: Final = {
    "oneOf": [{"type": "string", "pattern": r"^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$"}, {"type": "number"}]
}
"""The format of quantities according to apimachinery's `ParseQuantity`; the published schemas do not contain it."""


@functools.cache
def load() -> Mapping[str, Any]:
    """The schemas of this package: `version` of the API server, `kinds` by `GROUP/VERSION/KIND`, `schemas` by name."""
    data = json.loads((files("mlpctl.review.kubernetes") / DATA).read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def cut(version: str, documents: Mapping[str, Any]) -> dict[str, Any]:
    """Build the data of `load` from the OpenAPI v3 documents that an API server publishes below `/openapi/v3`."""
    published: dict[str, Any] = {}
    for document in documents.values():
        published |= document["components"]["schemas"]
    kinds = {
        "/".join(filter(None, (each["group"], each["version"], each["kind"]))): name
        for name, schema in published.items()
        for each in schema.get(KINDS, ())
        if not each["kind"].endswith("List") and {"metadata", "kind"} <= {*schema.get("properties", ())}
    }
    # Only the desired state of an object is validated, not its status.
    schemas: dict[str, Any] = {}
    wanted = [*kinds.values()]
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = _QUANTITY if name.endswith(".resource.Quantity") else _cut(published[name])
            wanted += _refs(schemas[name])
    return {"version": version, "kinds": dict(sorted(kinds.items())), "schemas": dict(sorted(schemas.items()))}


def _cut(schema: Mapping[str, Any]) -> dict[str, Any]:
    if len(schema.get("allOf", ())) == 1:
        return _cut(schema["allOf"][0])
    kept: dict[str, Any] = {}
    for key in _KEPT:
        value = schema.get(key)
        if value is None:
            continue
        if key == "$ref":
            kept[key] = f"#/schemas/{value.removeprefix(_REF)}"
        elif key == "properties":
            kept[key] = {name: _cut(each) for name, each in value.items()}
        elif key == "oneOf":
            kept[key] = [_cut(each) for each in value]
        elif isinstance(value, Mapping):
            kept[key] = _cut(value)
        else:
            kept[key] = value
    # Reject unknown fields, like an API server with strict field validation.
    open_ended = {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & {*kept}
    if kept.get("properties") and not open_ended:
        kept["additionalProperties"] = False
    return kept


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/schemas/")
        for each in schema.values():
            yield from _refs(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _refs(each)
