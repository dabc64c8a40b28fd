"""Reports in which every text that may come from a resource is the same one."""

from typing import Any

from mlpctl.review.report import Report

OURS = {"op", "harm", "certainty", "date", "counts"}
"""Fields whose values are words of ours."""


def poison(report: Report, text: str) -> Report:
    """The same report with this text in the place of every name, path, value and sentence."""
    return Report.model_validate(_poisoned(report.model_dump(mode="json"), text))


def _poisoned(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {key: each if key in OURS else _poisoned(each, text) for key, each in value.items()}
    if isinstance(value, list):
        return [_poisoned(each, text) for each in value]
    return text if isinstance(value, str) and value else value
