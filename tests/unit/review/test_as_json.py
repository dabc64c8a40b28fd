"""Reports as JSON, and their schema."""

import json
from collections.abc import Callable

import jsonschema
import pytest

from mlpctl.review.report.model import Report
from unit.review import reports
from unit.review.hostile import NAMES
from unit.review.poison import poison


@pytest.mark.parametrize("make", reports.ALL)
def test_a_report_conforms_to_its_schema_and_round_trips(make: Callable[[], Report]) -> None:
    text = (make() if make is not reports.many else reports.many(100)).to_json()
    jsonschema.validate(json.loads(text), Report.json_schema(), cls=jsonschema.Draft202012Validator)
    assert Report.model_validate_json(text).to_json() == text


def test_names_are_in_camel_case() -> None:
    cost = json.loads(reports.first_creation().to_json())["cost"]
    assert cost["totals"]["monthlyUsd"]["expected"] > 0
    assert cost["resources"][0]["beforeMonthlyUsd"] == {"min": 0, "expected": 0, "max": 0}


def test_an_unknown_field_violates_the_schema() -> None:
    document = json.loads(reports.nothing().to_json()) | {"note": "x"}
    with pytest.raises(jsonschema.ValidationError, match="note"):
        jsonschema.validate(document, Report.json_schema())


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_hostile_name_is_unchanged_and_controls_no_terminal(name: str) -> None:
    text = poison(reports.pool_changed(), name).to_json()
    assert text.replace("\n", "").isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["groups"][0]["rows"][0]["name"] == name


def test_every_field_that_is_not_self_explanatory_is_documented() -> None:
    parts = Report.json_schema()["$defs"]
    assert parts["Danger"]["properties"]["because"]["description"].startswith("Properties that cause it")
    assert all(part.get("description") for part in parts.values())
