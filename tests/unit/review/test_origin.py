"""The origin of a review: arguments, variables of a CI service, and no invalid values."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlpctl.review.writers.origin import origin

NOW = datetime(2026, 11, 28, 22, 10, tzinfo=UTC)
SHA, HEAD = "0123456789abcdef0123456789abcdef01234567", "f" * 40
GITHUB = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "o/r",
    "GITHUB_RUN_ID": "7",
    "GITHUB_SHA": SHA,
}
GITLAB = {
    "CI_COMMIT_SHA": SHA,
    "CI_JOB_URL": "https://gitlab.com/g/p/-/jobs/9",
    "CI_PIPELINE_URL": "https://x.example/1",
}


@pytest.mark.parametrize(
    ("environment", "commit", "url"),
    [
        ({}, "", ""),
        (GITHUB, SHA, "https://github.com/o/r/actions/runs/7"),
        (GITLAB, SHA, "https://gitlab.com/g/p/-/jobs/9"),
        ({"CI_PIPELINE_URL": "https://gitlab.com/g/p/-/pipelines/3"}, "", "https://gitlab.com/g/p/-/pipelines/3"),
        ({"GITHUB_SHA": "not a commit", "CI_JOB_URL": "javascript:alert(1)"}, "", ""),
        ({"CI_JOB_URL": "https://x.example/)[a](b"}, "", ""),
    ],
)
def test_the_origin_comes_from_the_variables_of_a_ci_service(
    environment: dict[str, str], commit: str, url: str
) -> None:
    found = origin(environment, NOW)
    assert (found.commit, found.run_url, found.time) == (commit, url, "2026-11-28 22:10 UTC")


def test_arguments_take_precedence_over_variables() -> None:
    found = origin(GITHUB, NOW, commit="abcdef1", run_url="https://ci.example/7")
    assert (found.commit, found.run_url) == ("abcdef1", "https://ci.example/7")


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_the_commit_of_a_pull_request_is_its_head(name: str, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"head": {"sha": HEAD}}}))
    found = {**GITHUB, "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(event)}
    assert origin(found, NOW).commit == HEAD
    event.write_text("[]")
    assert origin(found, NOW).commit == SHA
    assert origin({**found, "GITHUB_EVENT_PATH": str(tmp_path / "none")}, NOW).commit == SHA
    assert origin({**GITHUB, "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(event)}, NOW).commit == SHA
