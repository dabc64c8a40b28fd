"""Validation of a component's arguments, all together, before any resource is created."""

import inspect
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NotRequired, TypeVar, cast, get_args, get_origin

import pulumi
from pulumi.output import Unknown
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from awsfacts.partitions import AWS
from mlplatform import arns, names, plain
from mlplatform.checks import shared
from mlplatform.refusals import ArgumentsError as ArgumentsError
from mlplatform.refusals import Problem as Problem
from mlplatform.refusals import shown, similar
from mlplatform.refusals import what_is as what_is
from mlplatform.spec import Spec

A = TypeVar("A", bound=Mapping[str, Any])
R = TypeVar("R")
V = TypeVar("V")

OUTPUT: Final = "is an output or a secret; allowed: plain values, which are known before anything is created"

OUTPUT_OF_MANY: Final = "is an output or a secret as a whole; allowed: a plain collection, whose values may be outputs"

_KINDS: Final = {
    "string_type": "text",
    "list_type": "a list",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "a mapping"),
}
"""The allowed kind of value for each type of pydantic error."""

_SENTENCE: Final = re.compile(r"(?P<field>[a-z]\w*(?:\.[\w-]+|\[\d+\])*) (?=(?:is|are|has|have|needs|holds)\b)")
_LIMIT: Final = re.compile(r"^(?:Input|String|List|Dictionary|Value|Number|Tuple)\b.*? should (?:be |have )?")


def checked(kind: type[A], component: pulumi.Resource, name: str, args: A) -> A:
    """Validate the arguments of the component `name`; return them with specs built and without optional Nones.

    An output that resolves to no value, e.g. because another stack does not export it, fails with the argument's name.
    Otherwise a missing key or permissions boundary would silently leave a resource unprotected.

    Raises:
        ArgumentsError: lists all problems. No resource is registered yet.
    """
    what = what_is(component, name)
    if found := [*problems(kind, name, args)]:
        raise ArgumentsError(what, found)
    specs = _specs(kind)
    given = {
        key: _built(specs[key], value)
        if key in specs
        else _guarded(_plain(kind.__annotations__[key]), value, key, what)
        for key, value in args.items()
        if value is not None
    }
    partition = AWS if "partition" in kind.__annotations__ else None
    return cast(A, shared.placed(what, given, partition))


def need(component: pulumi.Resource, name: str, args: Mapping[str, Any], *keys: str, since: str) -> None:
    """Check that arguments that only some specs need are present.

    Args:
        component: the component.
        name: its logical name.
        args: its arguments, as `checked` returns them.
        keys: the required arguments.
        since: the reason, e.g. `pool has efa`.

    Raises:
        ArgumentsError: lists the missing arguments.
    """
    if missing := [Problem(key, f"is missing; required, since {since}") for key in keys if key not in args]:
        raise ArgumentsError(what_is(component, name), missing)


def reporting(component: pulumi.Resource, name: str, spec: str, make: Callable[[Any], R]) -> Callable[[Any], R]:
    """Wrap a function for `Output.apply` so that its ValueError is reported as a problem of the component.

    Otherwise Pulumi prints a traceback with every value of the resource.

    Args:
        component: the component.
        name: its logical name.
        spec: the argument that is invalid when `make` raises.
        make: computes an input from the known values.
    """

    def made(known: Any) -> R:
        try:
            return make(known)
        except ValueError as error:
            raise ArgumentsError(what_is(component, name), [*_rule_problems(spec, str(error), known)]) from None

    return made


def fitting(
    component: pulumi.Resource, name: str, argument: str, value: pulumi.Input[V], check: Callable[[V], V]
) -> pulumi.Input[V]:
    """Validate the value of an argument with `check`: a plain value now, an output when it is known.

    Args:
        component: the component.
        name: its logical name.
        argument: the argument.
        value: its value.
        check: returns the value, or raises a ValueError.

    Raises:
        ArgumentsError: `check` rejects a known value.
    """
    validate = reporting(component, name, argument, check)
    return value.apply(validate) if isinstance(value, pulumi.Output) else validate(value)


def of(component: type[pulumi.ComponentResource]) -> Any:
    """The `TypedDict` of a component's arguments."""
    return inspect.get_annotations(component.__init__)["args"]


def flows(hint: Any) -> bool:
    """Whether an argument of this type may be an output: `pulumi.Input` is a union that includes `Awaitable`."""
    return any(get_origin(each) is Awaitable for each in get_args(_plain(hint)))


def problems(kind: Any, name: str, args: Any, spelling: Callable[[str], str] = str) -> Iterator[Problem]:
    """List all problems of a component's name and arguments.

    Args:
        kind: the `TypedDict` of the arguments.
        name: the component's logical name.
        args: the arguments.
        spelling: converts an argument's Python name to the one that the caller uses, e.g. in camelCase.
    """
    yield from _name_problems(name)
    hints = {spelling(key): hint for key, hint in kind.__annotations__.items()}
    required = {spelling(key) for key in kind.__required_keys__}
    specs = {spelling(key): model for key, model in _specs(kind).items()}
    if not isinstance(args, Mapping):
        allowed = ", ".join(sorted(hints, key=lambda key: key not in required))
        yield Problem("args", f"is of type {type(args).__name__}; allowed: a mapping of {allowed}")
        return
    yield from (Problem(key, "is missing") for key in hints if key in required and args.get(key) is None)
    valid = {}
    for key, value in args.items():
        if key not in hints:
            yield Problem(str(key), f"is unknown; {_instead(str(key), [*hints])}")
        elif value is None:
            continue
        elif found := [*plain.problems(key, value)]:
            # No other rule runs, because its message could quote the credential.
            yield from found
        elif found := [*_problems_of(key, hints, specs, value, needed=key in required)]:
            yield from found
        else:
            valid[key] = value
    yield from _shared_problems(valid, hints, spelling)


def _name_problems(name: Any) -> Iterator[Problem]:
    if not isinstance(name, str):
        yield Problem("name", f"is {shown(name)}; allowed: text")
        return
    try:
        names.component(name)
    except ValueError as error:
        yield Problem("name", f"is {json.dumps(name, ensure_ascii=False)}; {error}")


def _problems_of(
    key: str, hints: Mapping[str, Any], specs: Mapping[str, type[Spec]], value: Any, *, needed: bool
) -> Iterator[Problem]:
    """Problems of one argument that is known and not None."""
    if found := [*_not_text(value, key)]:
        yield from found
    elif key in specs:
        yield from _spec_problems(key, specs[key], value, hints)
    elif wrong := _wrong(_plain(hints[key]), value):
        yield Problem(key, wrong)
    elif needed and isinstance(value, list | tuple) and not value:
        yield Problem(key, "is empty; allowed: a list with at least one entry")


def _not_text(value: Any, path: str) -> Iterator[Problem]:
    """Keys of mappings, at any depth, that are not text."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str):
                yield Problem(path, f"has a key that is {shown(key)}; allowed: keys that are text")
            else:
                yield from _not_text(each, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _not_text(each, f"{path}[{number}]")


def _shared_problems(
    valid: Mapping[str, Any], hints: Mapping[str, Any], spelling: Callable[[str], str]
) -> Iterator[Problem]:
    """Problems of the arguments that many components share, among those with a valid type."""
    known = {key: value for key, value in valid.items() if not _is_output(value)}
    tags, account, region, partition = map(spelling, ("tags", "account_id", "region", "partition"))
    if tags in known:
        yield from shared.tag_problems(tags, known[tags])
    if account in known and (wrong := shared.account_problem(_digits(known[account]))):
        yield Problem(account, f"is {shown(known[account])}; {wrong}")
    for key in known.keys() - {account}:
        yield from shared.form_problems(key, known[key])
    default = AWS if partition in hints and partition not in valid else None
    there = known.get(partition, default)
    found = [*shared.place_problems(known.get(region), there, (region, partition))]
    yield from found
    # With an invalid region or partition, valid ARNs would be reported as invalid.
    if not found:
        own = _digits(known[account]) if account in known else None
        right_account = own if own and shared.account_problem(own) is None else None
        place = arns.Place(there, known.get(region), right_account)
        for key in filter(arns.is_arn, known):
            yield from arns.problems(key, known[key], place)


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is NotRequired else hint


def _specs(kind: Any) -> dict[str, type[Spec]]:
    """The arguments that are specs, by their Python names."""
    hints = {key: _plain(hint) for key, hint in kind.__annotations__.items()}
    return {key: hint for key, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Spec)}


def _is_output(value: Any) -> bool:
    return isinstance(value, pulumi.Output | Unknown | Awaitable)


def _wrong(hint: Any, value: Any, may_be_empty: bool = False) -> str | None:
    """The problem of a value that is not a spec; None if it is valid."""
    if _is_output(value):
        return None if flows(hint) else OUTPUT if not any(map(flows, get_args(hint))) else OUTPUT_OF_MANY
    hint = get_args(hint)[0] if flows(hint) else hint
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if not isinstance(kind, type):
        return None
    if kind is str:
        is_text = _is_whole(value) or (isinstance(value, str) and (may_be_empty or value.strip()))
        return None if is_text else f"is {shown(value)}; allowed: non-empty text"
    if kind is bool:
        return None if isinstance(value, bool) else f"is {shown(value)}; allowed: true or false"
    if issubclass(kind, Mapping):
        if not isinstance(value, Mapping):
            return f"is {shown(value)}; allowed: a mapping"
        # A tag may have no value.
        wrong = (_wrong_entry(inner[-1], each, may_be_empty=True) for each in value.values())
    elif issubclass(kind, Sequence):
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            return f"is {shown(value)}; allowed: a list"
        wrong = (_wrong_entry(inner[-1], each) for each in value)
    else:
        return None if isinstance(value, kind) else f"is {shown(value)}; allowed: {kind.__name__}"
    return next((f"has an entry that {each}" for each in wrong if each), None)


def _wrong_entry(hint: Any, value: Any, may_be_empty: bool = False) -> str | None:
    return "is empty (None); allowed: a value" if value is None else _wrong(hint, value, may_be_empty)


def _guarded(hint: Any, value: Any, path: str, what: str, may_be_empty: bool = False) -> Any:
    """A value with numbers as text where text is expected. Its outputs fail if they resolve to None or empty."""
    hint = get_args(hint)[0] if flows(hint) else hint
    inner = (get_args(hint) or (Any,))[-1]
    if isinstance(value, Mapping):
        return {key: _guarded(inner, each, f"{path}.{key}", what, may_be_empty=True) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_guarded(inner, each, f"{path}[{number}]", what) for number, each in enumerate(value)]

    def known(found: Any) -> Any:
        if empty := [*_empty(found, path, may_be_empty)]:
            reason = "is an output without a value; allowed: one that has a value, since AWS would use its default"
            raise ArgumentsError(what, [Problem(each, reason) for each in empty])
        return _digits(found) if hint is str and _is_whole(found) else found

    return pulumi.Output.from_input(value).apply(known) if _is_output(value) else known(value)


def _empty(value: Any, path: str, may_be_empty: bool = False) -> Iterator[str]:
    """The paths at which a known value is None or empty. Text in a mapping, such as a tag's value, may be empty."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _empty(each, f"{path}.{key}", may_be_empty=True)
    elif isinstance(value, list | tuple) and value:
        for number, each in enumerate(value):
            yield from _empty(each, f"{path}[{number}]")
    elif value is None or value in ([], ()) or (value == "" and not may_be_empty):
        yield path


def _digits(value: Any) -> str:
    return str(int(value)) if _is_whole(value) else str(value)


def _is_whole(value: Any) -> bool:
    """Whether a value is a whole number. YAML reads an account's digits as one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()


def _built(model: type[Spec], value: Any) -> Spec:
    return value if isinstance(value, model) else model.model_validate(_without_nulls(model, value))


def _without_nulls(hint: Any, value: Any) -> Any:
    """Plain values without nulls, which other languages send for omitted fields."""
    if isinstance(hint, type) and issubclass(hint, Spec):
        if not isinstance(value, Mapping):
            return value
        fields = {spelling: field for name, field in hint.model_fields.items() for spelling in (name, to_camel(name))}
        return {
            key: _without_nulls(fields[key].annotation, each) if key in fields else each
            for key, each in value.items()
            if each is not None or key not in fields or fields[key].is_required()
        }
    inner = [each for each in get_args(hint) if each is not type(None)]
    if isinstance(value, Mapping) and inner:
        return {key: _without_nulls(inner[-1], each) for key, each in value.items()}
    if isinstance(value, list | tuple) and inner:
        return [_without_nulls(inner[-1], each) for each in value]
    return _without_nulls(inner[0], value) if len(inner) == 1 else value


def _spec_problems(key: str, model: type[Spec], value: Any, arguments: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        _built(model, value)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            where = [*map(str, each["loc"])]
            path = ".".join((key, *where))
            if each["type"] == "missing":
                yield Problem(path, "is missing")
            elif each["type"] == "extra_forbidden":
                yield Problem(path, f"is unknown; {_instead(where[-1], _fields_at(model, each['loc'][:-1]))}")
            elif _is_output(each["input"]):
                # An output inside a spec makes the whole spec unknown.
                # The argument's name may be the plural of the field's.
                fields = {form for each in map(to_camel, where) for form in (each, f"{each}s")}
                argument = next((name for name in arguments if to_camel(name) in fields), None)
                yield Problem(path, OUTPUT + (f"; pass it as the argument `{argument}`" if argument else ""))
            elif each["type"] == "value_error":
                yield from _rule_problems(path, str(each["ctx"]["error"]), each["input"])
            else:
                whole = f"a mapping, or a {model.__name__}" if not where else ""
                limit = whole or _KINDS.get(each["type"]) or _LIMIT.sub("", each["msg"])
                yield Problem(path, f"is {shown(each['input'])}; allowed: {limit[:1].lower()}{limit[1:]}")


def _rule_problems(path: str, message: str, value: Any) -> Iterator[Problem]:
    """Problems from the message of a spec's own rule, one per line.

    A line is a sentence that begins with a field, or states what is allowed.
    """
    for line in message.splitlines():
        sentence = _SENTENCE.match(line)
        if sentence:
            field = sentence["field"]
            # The message of a field's own rule repeats the field, or names an entry of it.
            own = re.split(r"[.[]", field)[0]
            entry = field[len(own) :] if path.endswith(f".{own}") else f".{field}"
            yield Problem(path + entry, line[sentence.end() :])
        elif line.startswith("allowed: "):
            yield Problem(path, f"is {shown(value)}; {line}")
        else:
            yield Problem(path, f"has {line}")


def _fields_at(model: Any, loc: Sequence[int | str]) -> list[str]:
    """The camelCase names of the fields of the spec at a location inside another spec."""
    here = model
    for key in loc:
        if isinstance(here, type) and issubclass(here, Spec):
            here = next(field.annotation for name, field in here.model_fields.items() if key in (name, to_camel(name)))
        else:
            here = get_args(here)[-1]
        # For `Spec | None`, take the spec.
        here = next((each for each in get_args(here) if isinstance(each, type) and issubclass(each, Spec)), here)
    return [to_camel(name) for name in here.model_fields]


def _instead(word: str, choices: Sequence[str]) -> str:
    by_form = {to_camel(choice).lower(): choice for choice in choices}
    near = similar(to_camel(word).lower(), by_form)
    return f"did you mean `{by_form[near[0]]}`?" if near else f"allowed: {', '.join(choices)}"
