"""Inputs that are not a plan: rejected with the location, or read."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpctl.review.plan.model import Plan, PlanError
from mlpctl.review.reading import reader
from unit.review.canaries import resource

THING = "aws:index/thing:Thing"
DONE = {"duration": 1, "changeSummary": {}}


def read(*steps: dict[str, Any], **more: Any) -> Plan:
    return reader.read(json.dumps({"steps": list(steps), **DONE, **more}))


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"none\.json cannot be read: No such file or directory\.$"):
        reader.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "The input is empty"),
        (" \n", "The input is empty"),
        ("Previewing update (dev):\n", "This is not JSON (line 1, column 1)"),
        ("[1]", "This JSON is an array"),
        ("7", "This JSON is a number"),
        ('"text"', "This JSON is a string"),
        ("null", "This JSON is null"),
        ("{}", "This JSON contains none of the keys changeSummary, config"),
        ('{"a": 1}', "This JSON contains none of"),
        (
            '{"format_version": "1.2", "terraform_version": "1.9", "resource_changes": []}',
            "This is a Terraform plan",
        ),
        ('{"version": 3, "deployment": {}}', "This is a state from `pulumi stack export`"),
        ('{"manifest": {}, "resourcePlans": {}}', "This is a plan from `pulumi preview --save-plan`"),
        ('{"steps": [', "This JSON ends too early (line 1, column 12)"),
        ('{"steps": [{"op": "crea', "This JSON ends too early"),
        ('{"steps": [1,]}', "This is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"steps": ' + "9" * 5000 + "}", "numbers that are too long"),
        ('{"steps": {}}', "steps is an object, not an array"),
        ('{"steps": [1]}', "steps[0] is a number, not an object"),
        ('{"steps": [{}]}', "steps[0] has no op"),
        ('{"steps": [{"op": "create"}]}', "steps[0].urn is '', which is not a Pulumi URN"),
        ('{"steps": [{"op": "create", "urn": "x::y"}]}', "steps[0].urn is 'x::y', which is not a Pulumi URN"),
        ('{"steps": [{"op": 1, "urn": "x"}]}', "steps[0].op is a number, not a string"),
        ('{"config": []}', "config is an array, not an object"),
        ('{"maybeCorrupt": "yes"}', "maybeCorrupt is a string, not a boolean"),
        ('{"diagnostics": [{"message": 1}]}', "diagnostics[0].message is a number, not a string"),
        ('{"sequence": 1, "resourcePreEvent": 1}', "line 1: resourcePreEvent is a number, not an object"),
        ('{"sequence": 1}\nboom\n{"sequence": 2}', "Line 2 is not an engine event"),
        (b"\xff\xfe\xff", "This is not text"),
        (b"\x80abc", "This is not text: byte 0 is not utf-8"),
    ],
)
def test_an_invalid_plan_is_rejected_with_the_location_and_the_expected_input(text: str | bytes, expected: str) -> None:
    with pytest.raises(PlanError) as error:
        reader.read(text)
    assert expected in str(error.value)
    assert "expected: the output of `pulumi preview --json`" in str(error.value)


def test_an_error_message_quotes_no_secret() -> None:
    token = "ghp_" + "a1B2" * 9
    with pytest.raises(PlanError) as error:
        read({"op": "create", "urn": token})
    assert token not in str(error.value) and "(secret)" in str(error.value)


def test_an_oversized_input_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LARGEST_BYTES", 10)
    with pytest.raises(PlanError, match="larger than"):
        reader.read('{"steps": []}')


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_PLACES = (
    ["config"],
    ["steps"],
    ["diagnostics"],
    ["maybeCorrupt"],
    ["steps", 1],
    ["steps", 1, "op"],
    ["steps", 1, "urn"],
    ["steps", 1, "newState"],
    ["steps", 1, "oldState"],
    ["steps", 1, "detailedDiff"],
    ["steps", 1, "diffReasons"],
    ["steps", 1, "replaceReasons"],
    ["steps", 1, "provider"],
    ["steps", 1, "newState", "inputs"],
    ["steps", 1, "newState", "parent"],
    ["steps", 1, "newState", "id"],
    ["steps", 1, "newState", "custom"],
    ["steps", 1, "newState", "propertyDependencies"],
    ["steps", 1, "newState", "additionalSecretOutputs"],
    ["steps", 1, "newState", "outputs"],
    ["steps", 1, "oldState", "inputs"],
    ["diagnostics", 0],
    ["diagnostics", 0, "message"],
    ["diagnostics", 0, "severity"],
    ["diagnostics", 0, "urn"],
)


@settings(max_examples=200)
@given(place=st.sampled_from(_PLACES), value=_ANY)
def test_every_plan_is_either_read_or_rejected(place: list[str | int], value: Any) -> None:
    document: Any = copy.deepcopy(_WHOLE)
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        repr(reader.read(json.dumps(document)))
    except PlanError as error:
        assert "\n" not in str(error)


_WHOLE = {
    "config": {"a:b": "c"},
    "steps": [
        resource("a", THING, new={}),
        resource("b", THING, op="replace", old={"x": 1}, new={"x": 2}, outputs={}, propertyDependencies={}),
    ],
    "diagnostics": [{"severity": "info", "message": "x"}],
    **DONE,
}


@given(text=st.text() | st.binary())
def test_every_input_is_either_read_or_rejected(text: str | bytes) -> None:
    with pytest.raises(PlanError):
        reader.read(text)
