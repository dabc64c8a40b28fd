"""`mlpctl review post` when GitHub, GitLab, the network or the report fail."""

import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from fake_forge import TOKEN, Fault
from mlpctl.post.api import PATIENCE_S
from unit.post.posting import PROD, Job, job, server

__all__ = ["job", "server"]  # fixtures

FORBIDDEN = {"message": "Resource not accessible by integration"}


def said(message: str) -> dict[str, Any]:
    return {"message": message}


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "expected"),
    [
        ("POST", "graphql", 401, said("Bad credentials"), "the token is wrong, expired or revoked. Set GITHUB_TOKEN."),
        ("POST", "comments", 403, FORBIDDEN, "`permissions: pull-requests: write`. Runs for forks and for Dependabot"),
        ("POST", "statuses", 403, FORBIDDEN, "`permissions: statuses: write`"),
        ("POST", "labels", 403, FORBIDDEN, "`permissions: pull-requests: write`"),
        ("POST", "comments", 403, said("Unable to create comment because issue is locked."), "conversation is locked"),
        ("GET", "comments", 404, said("Not Found"), "it does not exist, or the token has no access to it"),
        ("POST", "comments", 422, said("Invalid"), "cannot comment on pull request 5 (422 Invalid)."),
        ("POST", "statuses", 422, {"message": "No", "errors": [{"message": "bad sha"}, "x"]}, "(422 No: bad sha: x)"),
        ("POST", "statuses", 409, None, "cannot set the status of the commit (409)."),
        ("POST", "comments", 410, b"<html>gone</html>", "(410)."),
    ],
)  # fmt: skip
def test_a_refusal_is_a_sentence_and_the_other_parts_are_posted(
    job: Job, method: str, path: str, status: int, body: Any, expected: str
) -> None:
    job.forge.faults.append(Fault(method, f"/{path}", status, body, times=9))
    done = job.post(PROD)
    assert done.code == 1
    assert expected in done.errors
    assert done.errors.count("\n") == 1
    assert f"::warning title=The review is not posted::{done.errors.strip()}" in done.out
    assert job.slept == []
    assert bool(job.forge.statuses) is (path != "statuses")
    assert job.summary, "the job's summary does not depend on the API"
    assert "comment-url<<" in job.outputs


def test_a_read_only_token_is_reported_once_a_part(job: Job) -> None:
    for method in ("POST", "PATCH", "DELETE"):
        job.forge.faults.append(Fault(method, "/repos/", 403, FORBIDDEN, times=9))
    done = job.post(PROD)
    assert (done.code, done.errors.count("\n")) == (1, 3)
    assert "::notice title=mlplatform/prod::" in done.out, "without a comment, the run shows the review"
    assert "::warning title=mlplatform/prod%3A will destroy data::" in done.out


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails_is_asked_again(job: Job, status: int) -> None:
    job.forge.fail("GET", "comments", status, b"<html>", times=2)
    job.forge.fail("POST", "statuses", status, b"<html>")
    assert job.post(PROD).code == 0
    assert job.slept == [1, 2, 1]
    assert len(job.forge.comments) == 1


def test_a_comment_that_was_created_behind_a_failure_is_not_created_twice(job: Job) -> None:
    job.forge.fail("POST", "comments", 502, acted=True)
    assert job.post(PROD).code == 0
    assert len(job.bodies(PROD)) == 1
    job.forge.comments.clear()
    job.forge.fail("POST", "comments", 502)
    assert job.post(PROD).code == 0
    assert len(job.bodies(PROD)) == 1


def test_a_server_that_never_recovers_ends_with_a_sentence(job: Job) -> None:
    job.forge.faults.append(Fault("POST", "graphql", 503, said("Unavailable"), times=99))
    done = job.post(PROD)
    assert done.code == 1
    assert "(503 Unavailable): the server failed or could not be reached. Run the job again." in done.errors
    assert sum(job.slept) <= PATIENCE_S


SECONDARY = said("You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")


def test_limits_of_rate_are_waited_for_as_long_as_they_say(job: Job) -> None:
    now = int(time.time())
    for status, body, headers, pause_s in (
        (429, said("Too many"), {"Retry-After": "7"}, 7),
        (403, SECONDARY, {"retry-after": "30"}, 30),
        (403, SECONDARY, {}, 60),
        (429, None, {}, 60),
        (403, said("API rate limit exceeded"), {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(now + 40)}, 40),
        (429, None, {"Retry-After": formatdate(now + 20, usegmt=True)}, 20),
    ):
        job.slept.clear()
        job.forge.fail("POST", "comments", status, body, headers=headers)
        job.forge.comments.clear()
        assert job.post(PROD).code == 0
        assert len(job.slept) == 1
        assert abs(job.slept[0] - pause_s) <= 3, (status, headers)
        assert len(job.bodies(PROD)) == 1


def test_a_limit_that_ends_too_late_is_reported_with_its_end(job: Job) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 3000)}
    job.forge.faults.append(Fault("GET", "comments", 403, said("API rate limit exceeded"), headers, times=99))
    done = job.post(PROD)
    assert done.code == 1
    assert "the limit of its rate is exceeded. Run the job again after " in done.errors
    assert job.slept == []


def test_a_pause_that_no_clock_can_show_is_a_sentence_and_the_other_parts_are_posted(job: Job) -> None:
    huge = "9" * 25
    for status, headers in (
        (429, {"Retry-After": huge}),
        (429, {"Retry-After": "9" * 5000}),
        (429, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}),
        (403, {"Retry-After": huge}),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": huge}),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 5000}),
        (429, {"RateLimit-Reset": huge}),
        (503, {"Retry-After": huge}),
    ):
        job.forge.faults[:] = [Fault("POST", "/comments", status, said("wait"), headers, times=99)]
        job.forge.statuses.clear()
        done = job.post(PROD)
        assert (done.code, done.errors.count("\n")) == (1, 1), headers
        assert "Run the job again" in done.errors
        assert "tomorrow" in done.errors or status == 503
        assert job.forge.statuses, "the status is posted although the comment is not"


def test_an_address_that_is_no_url_is_a_sentence(job: Job) -> None:
    job.forge.faults.append(Fault("POST", "/comments", 307, None, {"Location": "http://[::1"}, times=9))
    done = job.post(PROD)
    assert (done.code, "refers to an address that is no URL" in done.errors) == (1, True)
    assert job.forge.statuses


def test_without_a_token_the_summary_is_still_written(job: Job) -> None:
    for value in (None, ""):
        job.unset("GITHUB_TOKEN") if value is None else job.set(GITHUB_TOKEN=value)
        done = job.post(PROD)
        assert done.code == 1
        assert done.errors.startswith("GITHUB_TOKEN is not set, so nothing is posted.")
        assert "::notice title=mlplatform/prod::" in done.out
    assert job.summary
    assert job.forge.requests == []


def test_a_token_is_sent_only_encrypted_and_only_to_its_server(job: Job) -> None:
    job.set(GITHUB_API_URL="http://api.github.example")
    done = job.post(PROD)
    assert (done.code, "has to begin with https://" in done.errors) == (2, True)
    job.set(GITHUB_API_URL=job.forge.root)
    job.forge.fail("GET", "comments", 307, headers={"Location": "https://evil.example/"})
    assert "refers to another server, evil.example, which gets no token" in job.post(PROD).errors
    job.forge.fail("GET", "comments", 200, b"[]", headers={"Link": '<https://evil.example/2>; rel="next"'})
    assert "evil.example" in job.post(PROD).errors
    job.set(GITHUB_TOKEN="two\nlines")
    assert "GITHUB_TOKEN is no token" in job.post(PROD).errors


def test_a_renamed_repository_is_followed_on_the_same_server(job: Job) -> None:
    path = "/repos/org/platform/issues/5/comments"
    job.forge.fail("POST", path, 307, headers={"Location": f"{path}?moved"})
    assert job.post(PROD).code == 0
    assert len(job.forge.comments) == 1


def test_a_message_that_repeats_the_token_is_redacted(job: Job) -> None:
    job.forge.faults.append(Fault("POST", "graphql", 401, said(f"{TOKEN} is \x1b[31m no good"), times=9))
    assert r"*** is \x1b[31m no good" in job.post(PROD).errors


def test_a_server_that_is_not_there_is_a_sentence(job: Job) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        job.set(GITHUB_API_URL=f"http://127.0.0.1:{unused.getsockname()[1]}")
        done = job.post(PROD)
    assert done.code == 1
    assert "could not be reached" in done.errors


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is not a report that this version of mlpctl writes"),
        ("[" * 100_000, "is not a report"),
        ("{}", "project: Field required; stack: Field required"),
        (PROD.to_json().replace('"project"', '"projekt"'), "Extra inputs are not permitted"),
        (PROD.to_json().replace('"destroysData"', '"nothing"'), "dangers.0.harm"),
        (b"\xff\xfe", "is not a report"),
    ],
)
def test_a_file_that_is_no_report_is_rejected_before_anything_is_posted(
    job: Job, content: str | bytes, expected: str
) -> None:
    done = job("post", "--report", job.write(content))
    assert (done.code, expected in done.errors) == (2, True), done.errors
    assert job.forge.requests == []


def test_wrong_arguments_exit_with_2(job: Job) -> None:
    job.unset("GITHUB_EVENT_PATH", "GITHUB_EVENT_NAME")
    assert "name it with --pull-request" in job.post(PROD).errors
    job.unset("GITHUB_REPOSITORY")
    assert "GITHUB_REPOSITORY is not set" in job.post(PROD).errors
    assert "CI_PROJECT_ID is not set" in job.post(PROD, "--gitlab").errors
    assert "Name the stack with --stack" in job("post", "--report", "nowhere.json").errors
    assert "is the review of stack prod, not of dev" in job.post(PROD, "--stack", "dev").errors
    for arguments in (("--report", "."), ("--report", job.write(PROD.to_json()), "--pull-request", "0"), ()):
        assert job("post", *arguments).code == 2


def test_a_file_of_the_runner_that_cannot_be_written_does_not_stop_the_post(job: Job) -> None:
    job.set(GITHUB_STEP_SUMMARY="/nowhere/summary", GITHUB_OUTPUT="/nowhere/outputs")
    done = job.post(PROD)
    assert (done.code, len(job.forge.comments)) == (1, 1)
    assert "/nowhere/summary cannot be written" in done.errors
