"""Writes a report as JSON, and its JSON schema."""

import json
from typing import Any

from mlpctl.review.report import Report


def to_json(report: Report) -> str:
    """Write a report as ASCII JSON, so that nothing in it controls a terminal; ends with a line feed."""
    return json.dumps(report.model_dump(mode="json"), indent=2) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema of a report."""
    found = Report.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
