"""Determines the origin of a review: the commit, the time, the version of this program, and the CI run.

The variables are those of GitHub Actions and GitLab CI:
https://docs.github.com/en/actions/reference/workflows-and-actions/variables and
https://docs.gitlab.com/ci/variables/predefined_variables.
"""

import importlib.metadata
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from mlpctl import ci
from mlpctl.review.report.model import Origin
from mlpctl.review.writers import inert

_COMMIT: Final = re.compile(r"[0-9a-fA-F]{7,64}")


def origin(environment: Mapping[str, str], now: datetime, *, commit: str = "", run_url: str = "") -> Origin:
    """The origin of a review, from the arguments, or by default from the variables of a CI service.

    Values that do not look like a commit or a URL are ignored.
    """
    found = commit or _pull_request_head(environment) or _first(environment, "GITHUB_SHA", "CI_COMMIT_SHA")
    url = run_url or run(environment)
    return Origin(
        commit=found if _COMMIT.fullmatch(found) else "",
        run_url=url if inert.is_address(url) else "",
        time=now.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=_version(),
    )


def run(environment: Mapping[str, str]) -> str:
    """URL of the CI run; empty without one."""
    parts = [environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    if all(parts):
        server, repository, run = parts
        return f"{server}/{repository}/actions/runs/{run}"
    return _first(environment, "CI_JOB_URL", "CI_PIPELINE_URL")


def _pull_request_head(environment: Mapping[str, str]) -> str:
    """The head commit of a pull request: `GITHUB_SHA` is then a temporary merge commit."""
    if not environment.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        return ""
    return ci.text_at(ci.event(environment), "pull_request", "head", "sha")


def _first(environment: Mapping[str, str], *names: str) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def _version() -> str:
    try:
        return importlib.metadata.version("mlplatform")
    except importlib.metadata.PackageNotFoundError:
        return ""
