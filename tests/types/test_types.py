"""The lifecycle of every declared AWS type, as described in `<service>/<type>.yaml`.

A file contains the properties to create a resource of the type, to update it in place and to replace it, and an
operation that changes it outside Pulumi (drift). The path corresponds to the type's token: `kms/key.yaml` is
`aws:kms/key:Key`. A string can contain references `${…}`:

- to a fixture, which is a method of `aws_bench.Bench`, with optional arguments: `${vpc}`, `${subnet(1)}`,
  `${role(eks.amazonaws.com)}`. In a case, the same text refers to the same object; `${role#2}` is another one. `.name`
  is the part of an ARN after the last `/`;
- to the resource, in a drift: `${id}`, `${inputs.<property>}`, `${outputs.<property>}`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from aws_bench import Bench, State
from mlsandbox.providers import aws
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.protocol import UNKNOWN, Properties, has_unknown

HERE = Path(__file__).parent
DECLARATIONS = {declaration.token: declaration for declaration in aws.DECLARATIONS}
REFERENCE = re.compile(r"\$\{(?P<what>\w+)(\((?P<arguments>[^)]*)\))?(#\d+)?(\.(?P<part>\w+))?\}")


class Drift(BaseModel):
    """A change outside Pulumi."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: str
    """boto3's names of the service and the operation, e.g. `kms.update_alias`."""

    parameters: dict[str, Any]
    shows_in: str
    """The input in which a refresh detects it."""


class Case(BaseModel):
    """The lifecycle of a type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prepare: tuple[str, ...] = ()
    """Methods of `Bench` to call first."""

    create: Properties
    update: Properties = {}
    """Empty for a type that cannot be updated in place."""

    drift: Drift | None = None
    replace: Properties = {}
    remains: str = ""
    """What AWS retains after a deletion, with the reason."""


def token(path: Path) -> str:
    return f"aws:{path.parent.name}/{path.stem}:{path.stem[0].upper()}{path.stem[1:]}"


PATHS = {token(path): path for path in sorted(HERE.glob("*/*.yaml"))}


@cache
def case_of(path: Path) -> Case:
    return Case.model_validate(yaml.safe_load(path.read_text()))


@dataclass
class References:
    """The objects of the references in one case."""

    bench: Bench
    made: dict[str, str] = field(default_factory=dict)

    def resolved(self, value: Any, state: State | None = None) -> Any:
        """`value` with its references replaced. References to the resource require `state`."""
        if isinstance(value, dict):
            return {key: self.resolved(item, state) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolved(item, state) for item in value]
        if isinstance(value, str):
            return REFERENCE.sub(lambda match: self._value(match, state), value)
        return value

    def _value(self, match: re.Match[str], state: State | None) -> str:
        what, part = match["what"], match["part"]
        if what == "id":
            assert state is not None
            return state.id
        if what in ("inputs", "outputs"):
            return str(getattr(state, what)[part])
        text = match[0].removesuffix("}").removesuffix(f".{part}")
        if text not in self.made:
            arguments = [word.strip() for word in (match["arguments"] or "").split(",") if word]
            fixture: Callable[..., str] = getattr(self.bench, what)
            self.made[text] = fixture(*(int(word) if word.isdecimal() else word for word in arguments))
        found = self.made[text]
        assert part in (None, "name"), f"{match[0]} has no part {part}"
        return found.rsplit("/", 1)[-1] if part else found


def test_every_declared_type_has_a_case_and_every_case_a_type() -> None:
    assert PATHS.keys() == DECLARATIONS.keys()


@pytest.mark.engine  # seconds for all types, in the AWS API of the sandbox
@pytest.mark.parametrize("token", PATHS)
def test_the_lifecycle_of_a_type(bench: Bench, token: str) -> None:
    declaration, case, given = DECLARATIONS[token], case_of(PATHS[token]), References(bench)
    for name in case.prepare:
        getattr(bench, name)()
    program = given.resolved(case.create)
    state = created(bench, declaration, program)
    imported(bench, declaration, state)
    if case.update:
        state = updated(bench, {**program, **given.resolved(case.update)}, state)
        taken_away = {name for name, value in case.update.items() if value in (None, "", [], {})}
        assert not {name for name in taken_away if state.outputs.get(name)}
    if case.drift:
        drifted(bench, case.drift, given, state)
    if case.replace:
        changed = {**program, **given.resolved(case.update), **given.resolved(case.replace)}
        other = bench.checked(state.subject, changed)
        assert any(change.replaces for change in bench.diff(state, other).changes)

    bench.delete(state)
    assert case.remains or bench.refreshed(state) is None
    bench.delete(state)


def created(bench: Bench, declaration: Declaration, program: Properties) -> State:
    """Create the resource. The preview matches the result, and neither a diff nor a refresh finds a change."""
    subject = bench.subject(declaration.token, bench.unique("it"))
    inputs = bench.checked(subject, program)
    id, foreseen = bench.provider.create(bench.client, subject, inputs, True, 0)
    assert id == ""
    state = bench.create(declaration.token, subject.name, program)
    no_failures_below(foreseen, state.outputs)
    schema = declaration.schema
    never_null = {name for name, declared in schema.outputs.properties.items() if declared.required}
    empty = {name for name in never_null if state.outputs.get(name) in (None, "", [], {})}
    assert empty - schema.inputs.properties.keys() <= declaration.absent.keys() | {"tagsAll"}
    assert not has_unknown(state.outputs)

    assert bench.checked(subject, program, olds=state.inputs) == state.inputs
    assert not bench.diff(state, state.inputs).changes
    assert bench.refreshed(state) == state
    return state


def imported(bench: Bench, declaration: Declaration, state: State) -> None:
    """An import returns valid inputs, and the program does not replace the imported resource."""
    found = bench.provider.read(bench.client, state.subject, state.id, {}, {})
    assert found is not None
    _, inputs, outputs = found
    again = bench.checked(state.subject, {**inputs, **{name: state.inputs.get(name) for name in declaration.local}})
    before = State(state.subject, state.id, again, outputs)
    assert not [change for change in bench.diff(before, state.inputs).changes if change.replaces]


def updated(bench: Bench, program: Properties, state: State) -> State:
    """Update the resource in place. The preview matches the result, and neither a diff nor a refresh finds a change."""
    news = bench.checked(state.subject, program, olds=state.inputs)
    changes = bench.diff(state, news).changes
    assert changes
    assert not [change for change in changes if change.replaces]
    foreseen = bench.provider.update(bench.client, state.subject, state.id, state.inputs, state.outputs, news, True, 0)
    state = bench.update(state, news)
    no_failures_below({name: foreseen[name] for name in news if name in foreseen}, state.outputs)
    nothing_missing(foreseen, state.outputs, "")
    assert not bench.diff(state, news).changes
    assert bench.refreshed(state) == state
    return state


def drifted(bench: Bench, drift: Drift, given: References, state: State) -> None:
    """A refresh detects the drift, and an update reverts it without a replacement."""
    service, operation = drift.operation.split(".")
    getattr(bench.boto(service), operation)(**given.resolved(drift.parameters, state))
    now = bench.refreshed(state)
    assert now is not None
    changes = bench.diff(now, state.inputs).changes
    assert {change.path[0] for change in changes} >= {drift.shows_in}
    assert not [change for change in changes if change.replaces]
    mended = bench.update(now, state.inputs)
    assert bench.refreshed(mended) == mended
    assert mended.inputs == state.inputs


def no_failures_below(expected: Any, actual: Any, path: str = "") -> None:
    """All known values of the preview match the result."""
    if expected is UNKNOWN:
        return
    if isinstance(expected, dict):
        for key, value in expected.items():
            if value is not UNKNOWN and value not in (None, {}, [], "", False, 0):
                no_failures_below(value, actual.get(key), f"{path}.{key}")
    else:
        assert actual == expected, path


def nothing_missing(foreseen: Any, came: Any, path: str) -> None:
    """All values of the result are in the preview, known or unknown, so that a program can read them."""
    if isinstance(foreseen, dict) and isinstance(came, dict):
        for key, value in came.items():
            if value not in (None, {}, [], "", False, 0):
                assert key in foreseen, f"{path}.{key}"
                nothing_missing(foreseen[key], value, f"{path}.{key}")
