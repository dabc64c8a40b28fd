"""Reports in which every text from a resource is replaced by one text."""

from typing import Any

from mlpctl.review.report.model import Report

OURS = {"op", "harm", "certainty", "date", "counts"}
"""Fields whose values are texts of this package."""


def poison(report: Report, text: str) -> Report:
    """The report with every name, path, value and sentence replaced by a text."""
    return Report.model_validate(_poisoned(report.model_dump(mode="json"), text))


def _poisoned(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {key: each if key in OURS else _poisoned(each, text) for key, each in value.items()}
    if isinstance(value, list):
        return [_poisoned(each, text) for each in value]
    return text if isinstance(value, str) and value else value
