"""Validates Kubernetes objects by the API schemas if their cluster does not exist yet and the preview could not."""

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.kubernetes import api_schemas
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.report.model import Invalid, Unchecked
from mlpctl.review.values.plain import UNKNOWN, Secret, Value, dotted
from mlpctl.text import similar

MAX_VALUE: Final = 60
"""Maximum number of characters of an invalid value in a message."""

_MADE: Final = (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.IMPORT)


@dataclass(frozen=True)
class Checked:
    """The results of the checks."""

    invalid: tuple[Invalid, ...]
    unchecked: tuple[Unchecked, ...]


def check(plan: Plan) -> Checked:
    """Validate the objects whose cluster does not exist yet; the preview validates all others."""
    invalid: list[Invalid] = []
    unknown: dict[str, list[str]] = defaultdict(list)
    checked: list[str] = []
    for change in plan:
        if not change.type.startswith(urns.KUBERNETES) or change.op not in _MADE or not _unreachable(plan, change):
            continue
        kind = _kind(change)
        if kind not in api_schemas.load()["kinds"]:
            unknown[kind].append(change.urn)
            continue
        checked.append(change.urn)
        if found := problems(kind, change.inputs):
            invalid.append(Invalid(urn=change.urn, name=f"{kind.rsplit('/', 1)[-1]} {change.name}", problems=found))
    unchecked = [
        Unchecked(what=kind, why="the cluster does not exist yet, and mlpctl has no schema of this kind", urns=each)
        for kind, each in sorted(unknown.items())
    ]
    version = api_schemas.load()["version"]
    if checked:
        unchecked.append(
            Unchecked(
                what="Admission, quotas and defaults of Kubernetes objects",
                why=f"the cluster does not exist yet; the schemas of Kubernetes {version} validate only the fields",
                urns=checked,
            )
        )
    return Checked(tuple(invalid), tuple(unchecked))


def problems(kind: str, value: Mapping[str, Value]) -> tuple[str, ...]:
    """The violations of the schema of a kind (`apps/v1/Deployment`): the field, the value, the allowed values."""
    found = {_message(error): None for error in _validator(kind).iter_errors(value)}
    return tuple(sorted(found))


def _unreachable(plan: Plan, change: Change) -> bool:
    """Whether the kubeconfig of the object's provider is unknown."""
    provider = plan.by_urn.get(change.provider)
    return provider is not None and any(path[0] == "kubeconfig" for path in provider.unknowns)


def _kind(change: Change) -> str:
    version, kind = change.inputs.get("apiVersion"), change.inputs.get("kind")
    if isinstance(version, str) and isinstance(kind, str):
        return f"{version}/{kind}"
    return change.type.removeprefix(urns.KUBERNETES).replace(":", "/").removeprefix("core/")


@functools.cache
def _validator(kind: str) -> Any:
    # Slow to import, and many reviews have nothing to check.
    from jsonschema import Draft4Validator, validators
    from referencing import Registry
    from referencing.jsonschema import DRAFT4

    schemas = api_schemas.load()
    registry: Any = Registry().with_resource("kubernetes:", DRAFT4.create_resource(dict(schemas)))
    known = {name: functools.partial(_unless_hidden, keyword) for name, keyword in Draft4Validator.VALIDATORS.items()}
    extend: Any = validators.extend
    tolerant = extend(Draft4Validator, validators=known)
    return tolerant({"$ref": f"kubernetes:#/schemas/{schemas['kinds'][kind]}"}, registry=registry)


def _unless_hidden(keyword: Any, validator: Any, wanted: Any, value: Value, schema: Any) -> Iterator[Any]:
    """Validate known values that are not secret; others may be valid."""
    if value is not UNKNOWN and not isinstance(value, Secret):
        yield from keyword(validator, wanted, value, schema) or ()


def _message(error: Any) -> str:
    path = dotted(tuple(error.absolute_path)) or "the object"
    if error.validator == "additionalProperties":
        return _unknown_fields(path, error)
    if error.validator == "required":
        missing = ", ".join(name for name in error.validator_value if name not in error.instance)
        return f"{path} has no {missing}"
    return f"{path} is {_short(error.instance)}; allowed: {_allowed(error)}"


def _unknown_fields(path: str, error: Any) -> str:
    known = sorted(error.schema.get("properties", ()))
    names = []
    for name in sorted({*error.instance} - {*known}):
        near = similar(name, known)
        names.append(f"{name} (did you mean {near[0]}?)" if near else name)
    return f"{path} has unknown fields: {', '.join(map(_cut, names))}"


def _allowed(error: Any) -> str:
    wanted = error.validator_value
    match error.validator:
        case "enum":
            return ", ".join(map(str, wanted))
        case "oneOf":
            return " or ".join(_form(each) for each in wanted)
        case "type":
            return str(wanted)
        case "pattern":
            return f"a value that matches {wanted}"
        case _:
            return f"{error.validator} {wanted}"


def _form(schema: Mapping[str, Any]) -> str:
    return f"{schema['type']} like 500m, 16 or 2Gi" if "pattern" in schema else str(schema["type"])


def _short(value: Value) -> str:
    return _cut(repr(value) if isinstance(value, str) else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"
