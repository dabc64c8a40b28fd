"""Golden reports of golden plans: read a difference like the reviewer of a pull request."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from benchmarks.plans import plan_of

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.reading import reader
from mlpctl.review.report.model import Report
from mlpctl.review.writers.markdown import LIMIT, markdown
from review_plans import FOLDER

Golden = Callable[[Path, str], None]

REPORTS = FOLDER.parent / "reports"
DAY = date(2026, 11, 1)


def plan(name: str) -> str:
    return (FOLDER / f"{name}.json").read_text()


def with_wrong_objects() -> str:
    """A first creation whose cluster does not exist yet, with an object that the API would reject."""
    document = json.loads(plan("created"))
    service = next(step for step in document["steps"] if step["urn"].endswith("v1:Service::search-service"))
    service["newState"]["inputs"]["spec"]["ports"][0] |= {"port": "http", "targetport": 8000}
    text = json.dumps(service).replace("kubernetes:core/v1:Service::search-service", "kubernetes:x.io/v1:Pool::pool")
    pool = json.loads(text)
    pool["newState"] |= {"type": "kubernetes:x.io/v1:Pool", "inputs": {"apiVersion": "x.io/v1", "kind": "Pool"}}
    document["steps"].append(pool)
    return json.dumps(document)


PLANS: Mapping[str, Callable[[], str]] = {
    "created": lambda: plan("created"),
    "pool-changed": lambda: plan("pool-changed"),
    "bucket-deleted": lambda: plan("bucket-deleted"),
    "database-replaced": lambda: plan("foreign"),
    "secret-rotated": lambda: plan("secret-rotated"),
    "tags-changed": lambda: plan("tags-changed"),
    "kubernetes-unknown": with_wrong_objects,
    "2000-resources": lambda: json.dumps(plan_of(2000)),
}


def review(text: str) -> Report:
    return assemble.review(reader.read(text), book.load(), DAY)


@pytest.mark.parametrize(
    "name",
    # The largest takes seconds.
    [pytest.param(name, marks=[pytest.mark.engine] if name == "2000-resources" else []) for name in PLANS],
)
def test_a_plan_gives_its_golden_report(name: str, golden: Golden) -> None:
    text = markdown(review(PLANS[name]()))
    assert len(text.encode()) <= LIMIT
    golden(REPORTS / f"{name}.md", text)


def test_a_plan_gives_its_golden_json(golden: Golden) -> None:
    golden(REPORTS / "pool-changed.json", review(plan("pool-changed")).to_json())


def test_rejected_objects_fail_a_review() -> None:
    found = review(with_wrong_objects())
    assert not found.passes
    (invalid,) = found.invalid
    assert invalid.problems == (
        "spec.ports[0] has unknown fields: targetport (did you mean targetPort?)",
        "spec.ports[0].port is 'http'; allowed: integer",
    )


def used(report: Report) -> Any:
    return report.cost and {price.row for each in report.cost.resources for price in each.prices}


def test_the_golden_reports_contain_prices() -> None:
    assert used(review(plan("created"))) >= {"ec2/us-east-1/g6.2xlarge"}
