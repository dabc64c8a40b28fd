"""Determines where a review is posted, from the variables of the CI service.

The variables of GitLab: https://docs.gitlab.com/ci/variables/predefined_variables. The events of GitHub:
https://docs.github.com/en/webhooks/webhook-events-and-payloads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mlpctl import ci
from mlpctl.errors import InputError, UserError
from mlpctl.post import github, gitlab
from mlpctl.post.api import Api
from mlpctl.post.forge import Forge

GITHUB_API: Final = "https://api.github.com"
GITLAB_API: Final = "https://gitlab.com/api/v4"

_READ_ONLY: Final = (
    "The run is one for a fork, whose token only reads: the review is in the job's summary. "
    "docs/pull-requests.md describes a workflow that posts it"
)


class PlaceError(InputError):
    """It is not known where to post; the text is for the user."""


class NoTokenError(UserError):
    """There is no token to post with; the text is for the user."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"{variable} is not set, so nothing is posted. docs/pull-requests.md lists its permissions.")


@dataclass(frozen=True)
class Place:
    """Where a review is posted."""

    forge: Forge | None
    """The pull request; None if the review is not posted."""

    why_not: str = ""
    """Why it is not posted, as a sentence without a full stop."""

    trusted: bool = True
    """Whether the repository's own code wrote the report: the code of a fork may have written anything."""

    commit: str = ""
    run_url: str = ""
    """The reviewed commit and its run, as the event names them; empty if it does not."""


def place(environment: Mapping[str, str], number: int | None, *, on_gitlab: bool | None) -> Place:
    """The pull request of a CI job.

    Args:
        environment: The environment variables.
        number: The number of the pull request; by default that of the event.
        on_gitlab: Whether it is on GitLab; by default, found in the environment.

    Raises:
        PlaceError: The environment names no repository.
        NoTokenError: There is no token.
        ApiError: GitHub cannot be asked for the pull request.
    """
    if on_gitlab is None:
        on_gitlab = environment.get("GITLAB_CI") == "true"
    return _on_gitlab(environment, number) if on_gitlab else _on_github(environment, number)


def _on_gitlab(environment: Mapping[str, str], number: int | None) -> Place:
    project = environment.get("CI_PROJECT_ID", "")
    if not project:
        raise PlaceError("CI_PROJECT_ID is not set: set it to the project's ID or path, or run in a job of GitLab.")
    given = environment.get("CI_MERGE_REQUEST_IID", "")
    number = number or (int(given) if given.isdecimal() else None)
    if not number:
        return Place(None, "The job is not one of a merge request, so the review is not posted")
    token = environment.get(gitlab.VARIABLE, "")
    if not token:
        raise NoTokenError(gitlab.VARIABLE)
    api = gitlab.api(environment.get("CI_API_V4_URL") or GITLAB_API, token)
    return Place(gitlab.MergeRequest(api, project, number, environment.get("CI_PROJECT_URL", "")))


def _on_github(environment: Mapping[str, str], number: int | None) -> Place:
    repository = environment.get("GITHUB_REPOSITORY", "")
    if repository.count("/") != 1:
        raise PlaceError("GITHUB_REPOSITORY is not set: set it to OWNER/NAME, or run in a job of GitHub Actions.")
    event, kind = ci.event(environment), environment.get("GITHUB_EVENT_NAME", "")
    token = environment.get(github.VARIABLE, "")

    def api() -> Api:
        if not token:
            raise NoTokenError(github.VARIABLE)
        return github.api(environment.get("GITHUB_API_URL") or GITHUB_API, token)

    if kind == "workflow_run":
        if number is not None:
            raise PlaceError("A run that follows another one finds the pull request itself: remove --pull-request.")
        return _of_run(event, repository, api)
    found = ci.at(event, "pull_request", "number")
    if number is not None and number != found:
        client = api()
        return _at(client, repository, number, github.head(client, repository, number))
    if not isinstance(found, int):
        if not kind:
            raise PlaceError("There is no event of a pull request: name it with --pull-request.")
        return Place(None, "The run is not one of a pull request, so the review is not posted")
    commit = ci.text_at(event, "pull_request", "head", "sha")
    fork = ci.text_at(event, "pull_request", "head", "repo", "full_name") != repository
    if kind == "pull_request" and fork:
        return Place(None, _READ_ONLY, commit=commit)
    return _at(api(), repository, found, commit, trusted=not fork)


def _at(api: Api, repository: str, number: int, commit: str, *, trusted: bool = True) -> Place:
    return Place(github.PullRequest(api, repository, number, commit), trusted=trusted, commit=commit)


def _of_run(event: Mapping[str, object], repository: str, connect: Callable[[], Api]) -> Place:
    """The pull request of a finished run, which the event does not name if it comes from a fork."""
    run = ci.at(event, "workflow_run")
    commit, branch = ci.text_at(run, "head_sha"), ci.text_at(run, "head_branch")
    source, owner = (
        ci.text_at(run, "head_repository", "full_name"),
        ci.text_at(run, "head_repository", "owner", "login"),
    )
    if ci.text_at(run, "event") != "pull_request" or not all((commit, branch, source, owner)):
        return Place(None, "The finished run is not one of a pull request, so the review is not posted")
    api = connect()
    found = github.numbers(api, repository, owner, branch, commit)
    if len(found) != 1:
        many = f"pull requests {', '.join(map(str, found))} have" if found else "no open pull request has"
        return Place(None, f"The review is not posted: {many} the reviewed commit {commit[:12]} as the latest")
    request = github.PullRequest(api, repository, found[0], commit)
    return Place(request, trusted=source == repository, commit=commit, run_url=ci.text_at(run, "html_url"))
