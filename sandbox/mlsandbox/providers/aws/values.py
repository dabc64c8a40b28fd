"""Conversion of values between program, state and AWS: defaults, diffs, live values and unknown values."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.meaning import dotted
from mlsandbox.providers.aws.schema import (
    ANY,
    Document,
    ListOf,
    MapOf,
    Object,
    Scalar,
    Type,
    check,
    check_value,
    coerced,
)
from mlsandbox.providers.aws.settings import REGION, Settings
from mlsandbox.providers.aws.steps import Create
from mlsandbox.providers.protocol import UNKNOWN, Change, Difference, Failure, Properties, compare, has_unknown


def checked(
    declaration: Declaration, settings: Settings, name: str, olds: Properties, news: Properties, seed: bytes
) -> tuple[Properties, Sequence[Failure]]:
    """The inputs of a program with defaults, automatic name and all tags, and all their problems."""
    schema = declaration.schema
    given = {key: value for key, value in news.items() if value is not None and key != "tagsAll"}
    wrong = list(check(given, schema.inputs))
    wrong += [
        Failure(key, f"is not supported by the sandbox: {reason}")
        for key, reason in declaration.refused.items()
        if given.get(key)
    ]
    if wrong:
        return given, wrong
    inputs = {**declaration.defaults, **coerced(given, schema.inputs)}
    wrong += _auto_named(declaration, name, olds, inputs, seed)
    if "tagsAll" in schema.outputs.properties:
        tags = inputs.get("tags") or {}
        inputs["tagsAll"] = UNKNOWN if has_unknown(tags) else settings.all_tags(tags)
    wrong += _wrong_values(declaration, inputs)
    return inputs, wrong


def _auto_named(
    declaration: Declaration, name: str, olds: Properties, inputs: Properties, seed: bytes
) -> Iterator[Failure]:
    auto = declaration.name
    if auto is None or inputs.get(auto.property) is not None:
        return
    prefix = inputs.get(auto.prefix_property) if auto.prefix_property else None
    if prefix is UNKNOWN:
        inputs[auto.property] = UNKNOWN
        return
    kept = olds.get(auto.property)
    beginning = str(prefix) if prefix is not None else auto.shape(f"{name}-")
    if isinstance(kept, str) and kept.startswith(beginning) and olds.get(auto.prefix_property or "") == prefix:
        inputs[auto.property] = kept
        return
    made = beginning + hashlib.sha256(seed).hexdigest()[:7]
    if len(made) > auto.longest:
        yield Failure(
            auto.property,
            f"cannot be derived from the resource's name: {made!r} has {len(made)} characters; allowed: at most "
            f"{auto.longest}. Shorten the resource's name or set this property",
        )
    inputs[auto.property] = made


def _wrong_values(declaration: Declaration, inputs: Properties) -> list[Failure]:
    failures: list[Failure] = list(_not_json(declaration, inputs))
    region = inputs.get("region")
    if isinstance(region, str) and not REGION.fullmatch(region):
        failures.append(Failure("region", f"must be the name of a region, such as us-east-1; it is {region!r}"))
    step = declaration.create
    if isinstance(step, Create):
        failures += declaration.request(step.operation, inputs, given={*step.fixed}).failures
    for update in declaration.updates:
        if update.checked_as and any(inputs.get(name) is not None for name in update.properties):
            members = declaration.input_shape(update.checked_as).members
            failures += declaration.request(
                update.checked_as, inputs, given=members.keys(), only=update.properties
            ).failures
    failures += declaration.check(inputs)
    return list(dict.fromkeys(failures))


def _not_json(declaration: Declaration, inputs: Properties) -> Iterator[Failure]:
    for name in declaration.meaning.documents:
        if "." not in name and inputs.get(name):
            yield from check_value(inputs[name], Document(), (name,))


def difference(
    declaration: Declaration, settings: Settings, name: str, olds: Properties, outputs: Properties, news: Properties
) -> Difference:
    """The changes of an update from `olds` to `news`, and whether they replace the resource."""
    schema = declaration.schema
    aligned = {}
    before = {key: value for key, value in olds.items() if key != "region"}
    for key in {*before, *news} - {"region"}:
        old, new = before.get(key), news.get(key)
        if key in schema.inputs.properties:
            into, out = schema.inputs.type_of(key), schema.outputs.type_of(key)
            if new is None and schema.chosen_by_aws(key):
                new = old
            elif old is None and declaration.meaning.same(new, outputs.get(key), into, (key,)):
                before[key] = old = outputs[key]
            new = declaration.meaning.aligned(old, _kept(declaration, (key,), old, new, into, out), into, (key,))
        aligned[key] = new
    changes = [
        Change(change.path, change.kind, _replaces(declaration, dotted(change.path)))
        for change in compare(before, aligned)
    ]
    old_region = outputs.get("region")
    if "region" in schema.inputs.properties and old_region:
        region = news.get("region") or settings.region
        changes += [
            Change(change.path, change.kind, True) for change in compare({"region": old_region}, {"region": region})
        ]
    replaced = any(change.replaces for change in changes)
    return Difference(changes, replaced and (declaration.delete_first or _named_by_hand(declaration, name, olds, news)))


def _kept(declaration: Declaration, path: tuple[str, ...], old: Any, new: Any, into: Type, out: Type) -> Any:
    """`new` with the nested properties that AWS computed and that the program does not set."""
    if isinstance(into, Object) and isinstance(out, Object) and isinstance(old, dict) and isinstance(new, dict):
        result = {}
        for key, declared in into.properties.items():
            before, after, below = old.get(key), new.get(key), (*path, key)
            given = out.properties.get(key)
            chosen = dotted(below) in declaration.chosen or (given and given.required and not declared.required)
            if after is None and before is not None and chosen:
                after = before
            if after is not None:
                result[key] = _kept(declaration, below, before, after, declared.type, given.type if given else ANY)
        return result
    return new


def _replaces(declaration: Declaration, path: str) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in declaration.replaces)


def _named_by_hand(declaration: Declaration, name: str, olds: Properties, news: Properties) -> bool:
    """Whether the program sets the physical name and does not change it, so that old and new cannot coexist."""
    auto = declaration.name
    if auto is None or olds.get(auto.property) != news.get(auto.property):
        return False
    made = rf"{re.escape(auto.shape(f'{name}-'))}[0-9a-f]{{7}}"
    return not (news.get(auto.prefix_property or "") or re.fullmatch(made, str(news.get(auto.property))))


def live_outputs(
    declaration: Declaration, settings: Settings, region: str, inputs: Properties, live: Properties
) -> Properties:
    """The outputs of a resource, from its inputs and live properties."""
    schema = declaration.schema
    outputs: Properties = {}
    for key, declared in schema.outputs.properties.items():
        value = inputs.get(key) if key in declaration.local else live.get(key)
        if key in schema.inputs.properties:
            value = declaration.meaning.aligned(inputs.get(key), value, schema.inputs.type_of(key), (key,))
        if value is None and declared.required:
            value = _zero(declared.type)
        if value is not None:
            outputs[key] = value
    if "region" in schema.outputs.properties:
        outputs["region"] = region
    if "tagsAll" in schema.outputs.properties:
        everything = settings.without_ignored_tags(live.get("tagsAll") or {})
        own = inputs.get("tags") or {}
        outputs["tagsAll"] = everything
        outputs["tags"] = {
            key: value for key, value in everything.items() if key in own or settings.default_tags.get(key) != value
        }
        if not outputs["tags"] and "tags" not in inputs:
            del outputs["tags"]
    return outputs


def _zero(declared: Type) -> Any:
    """Terraform's value for an output that is never null, if AWS has no value."""
    if isinstance(declared, Scalar):
        return declared.kind()
    if isinstance(declared, ListOf):
        return []
    return {} if isinstance(declared, MapOf) else None


def expected_outputs(declaration: Declaration, settings: Settings, inputs: Properties) -> Properties:
    """The outputs of a new resource in a preview. Values that AWS will compute are `UNKNOWN`."""
    schema = declaration.schema
    expected: Properties = {key: UNKNOWN for key, declared in schema.outputs.properties.items() if declared.required}
    if "region" in expected:
        expected["region"] = settings.region
    return {
        **expected,
        **{
            key: _completed(declaration, (key,), value, schema.inputs.type_of(key), schema.outputs.type_of(key))
            for key, value in inputs.items()
        },
    }


def _completed(declaration: Declaration, path: tuple[str, ...], value: Any, into: Type, out: Type) -> Any:
    """An input as an output. Nested properties that AWS will compute are `UNKNOWN`."""
    if isinstance(into, Object) and isinstance(out, Object) and isinstance(value, dict):
        result = {
            key: UNKNOWN
            for key, declared in out.properties.items()
            if declared.required or dotted((*path, key)) in declaration.chosen
        }
        for key, item in value.items():
            result[key] = _completed(declaration, (*path, key), item, into.type_of(key), out.type_of(key))
        return result
    return value


def updated_outputs(declaration: Declaration, outputs: Properties, news: Properties) -> Properties:
    """The outputs of an updated resource in a preview. Nested values that AWS computed are kept."""
    schema = declaration.schema
    after = {
        key: _kept(
            declaration, (key,), outputs.get(key), value, schema.inputs.type_of(key), schema.outputs.type_of(key)
        )
        for key, value in news.items()
    }
    return {**outputs, **after}


def live_inputs(declaration: Declaration, olds: Properties, recorded: Properties, live: Properties) -> Properties:
    """The current inputs: the old ones, with changes made outside the program.

    `recorded` are the outputs of the last operation, `live` the current ones. For an import, `olds` and `recorded` are
    empty, and the result contains every input that AWS returns.
    """
    schema = declaration.schema
    inputs: Properties = {}
    for key in (*(schema.inputs.properties.keys() - declaration.refused.keys()), "tagsAll"):
        if key in declaration.local or key == "region":
            value = olds.get(key)
        elif olds and key not in olds and key != "tagsAll" and schema.chosen_by_aws(key):
            continue
        else:
            value = _drifted(
                declaration, (key,), schema.inputs.type_of(key), olds.get(key), recorded.get(key), live.get(key)
            )
        if value is not None:
            inputs[key] = value
    return inputs


def _drifted(
    declaration: Declaration, path: tuple[str, ...], declared: Type, old: Any, recorded: Any, live: Any
) -> Any:
    meaning = declaration.meaning
    if old is None:
        unchanged = meaning.same(recorded, live, declared, path)
        return None if unchanged or meaning.same(live, None, declared, path) else live
    if meaning.same(old, live, declared, path):
        return old
    if dotted(path) in meaning.folds:
        return live
    if isinstance(declared, Object) and isinstance(old, dict) and isinstance(live, dict):
        before = recorded if isinstance(recorded, dict) else {}
        values = {
            key: _drifted(declaration, (*path, key), below.type, old.get(key), before.get(key), live.get(key))
            for key, below in declared.properties.items()
        }
        return {key: value for key, value in values.items() if value is not None}
    if isinstance(declared, ListOf) and isinstance(declared.item, Object) and isinstance(live, list):
        items = recorded if isinstance(recorded, list) else []
        if len(old) == len(live) == len(items):
            return [
                _drifted(declaration, path, declared.item, one, was, now)
                for one, was, now in zip(old, items, live, strict=True)
            ]
    return live
