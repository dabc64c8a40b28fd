"""Reviews of pull requests from forks, and of runs without a pull request."""

from typing import Any

import pytest

from fake_forge import COMMIT
from mlpctl.review.report.model import Origin
from unit.post.posting import FORK_EVENT, PROD, Job, job, run_event, server

__all__ = ["job", "server"]  # fixtures


def pull(owner: str = "eve", number: int = 5, commit: str = COMMIT) -> dict[str, Any]:
    return {"number": number, "head": {"label": f"{owner}:change", "sha": commit}}


@pytest.mark.parametrize("deleted", [False, True])
def test_a_run_for_a_fork_shows_the_review_without_the_api(job: Job, deleted: bool) -> None:
    event = {"pull_request": {**FORK_EVENT["pull_request"]}}
    if deleted:
        event["pull_request"]["head"] = {"sha": COMMIT, "repo": None}
    job.event(event)
    done = job.post(PROD)
    assert (done.code, done.errors, job.forge.requests) == (0, "", [])
    assert "whose token only reads" in done.out
    assert "::warning title=mlplatform/prod%3A will destroy data::" in done.out
    assert "Review of `mlplatform`" in job.summary


def test_a_fork_needs_no_token_at_all(job: Job) -> None:
    job.event(FORK_EVENT)
    job.unset("GITHUB_TOKEN")
    assert job.post(PROD).code == 0


def test_the_run_after_it_posts_the_fork_s_report_as_one_that_nobody_verified(job: Job) -> None:
    job.event(run_event(), "workflow_run")
    job.forge.pulls += [pull("mallory", 9), pull()]
    evil = PROD.model_copy(
        update={"origin": Origin(commit="f" * 40, run_url="https://evil.example/", time="<b>now", version="](x)")}
    )
    done = job.post(evil)
    assert (done.code, done.errors) == (0, "")
    (body,) = job.bodies(PROD)
    assert "The code of the fork wrote this report" in body
    assert "evil.example" not in body
    assert "https://github.com/org/platform/actions/runs/77" in body
    assert f"`{COMMIT[:12]}`" in body
    assert job.forge.statuses == [], "a fork's report does not decide whether its commit passes"
    assert job.forge.labels


def test_a_run_with_a_token_that_writes_does_not_trust_a_fork(job: Job) -> None:
    job.event(FORK_EVENT, "pull_request_target")
    job.post(PROD)
    assert "The code of the fork" in job.bodies(PROD)[0]
    assert job.forge.statuses == []
    job.event(run_event(), "workflow_run")
    done = job.post(PROD, "--pull-request", "5")
    assert (done.code, "remove --pull-request" in done.errors) == (2, True)


def test_the_run_after_one_of_the_repository_s_own_branch_is_trusted(job: Job) -> None:
    job.event(run_event("org/platform"), "workflow_run")
    job.forge.pulls.append(pull("org"))
    job.post(PROD)
    assert "The code of the fork" not in job.bodies(PROD)[0]
    assert job.forge.statuses[0]["commit"] == COMMIT


@pytest.mark.parametrize(
    ("event", "pulls", "expected"),
    [
        (run_event(), [], "no open pull request has the reviewed commit"),
        (run_event(), [pull(commit="f" * 40)], "no open pull request has the reviewed commit"),
        (run_event(), [pull("mallory")], "no open pull request has the reviewed commit"),
        (run_event(), [pull(), pull(number=6)], "pull requests 5, 6 have the reviewed commit"),
        (run_event(event="push"), [pull()], "not one of a pull request"),
        (run_event(head_repository=None), [pull()], "not one of a pull request"),
        ({"workflow_run": []}, [pull()], "not one of a pull request"),
    ],
)
def test_an_outdated_or_other_run_is_not_posted(job: Job, event: Any, pulls: list[Any], expected: str) -> None:
    job.event(event, "workflow_run")
    job.forge.pulls += pulls
    done = job.post(PROD)
    assert (done.code, expected in done.out) == (0, True), done
    assert job.forge.comments == []


def test_a_run_without_a_pull_request_writes_the_summary_only(job: Job) -> None:
    job.event({}, "push")
    done = job.post(PROD)
    assert (done.code, "not one of a pull request" in done.out) == (0, True)
    assert job.summary
    assert job.forge.requests == []


def test_a_broken_event_names_no_pull_request(job: Job) -> None:
    (job.folder / "event.json").write_text("[" * 5)
    assert "not one of a pull request" in job.post(PROD).out
    job.event({"pull_request": {"number": "5; rm", "head": 7}})
    assert "not one of a pull request" in job.post(PROD).out


def test_texts_of_a_report_have_no_effect_in_outputs_and_annotations(job: Job) -> None:
    job.event(FORK_EVENT)
    verdict = "1 to delete\nresult<<x\n::error::no %0A\n::set-output name=a::b"
    done = job.post(PROD.model_copy(update={"verdict": verdict, "stack": "a,b:c\n::error::x"}))
    lines = done.out.splitlines()
    assert not [each for each in lines if each.startswith(("::error", "::set-output"))]
    assert [each.split("<<")[0] for each in job.outputs.splitlines() if "<<end-" in each] == [
        "result",
        "verdict",
        "comment-url",
        "labels",
    ]
    assert not [each for each in job.outputs.splitlines() if each.startswith("result<<x")]
