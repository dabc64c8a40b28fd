"""`mlpctl review post` on GitLab: what the server holds afterwards."""

import pytest

from fake_forge import SOMEBODY, TOKEN, Fault
from mlpctl.post.labels import LABELS, effects
from mlpctl.review.writers.marker import marker
from unit.post.posting import CI_VARIABLES, PROD, Job, job, server
from unit.review import reports

__all__ = ["job", "server"]  # fixtures


@pytest.fixture
def gitlab(job: Job) -> Job:
    """A job of a merge request."""
    import os

    job.unset(*(name for name in os.environ if name.startswith(CI_VARIABLES)))
    job.set(
        GITLAB_CI="true",
        CI_API_V4_URL=job.forge.root,
        CI_PROJECT_ID="7",
        CI_PROJECT_URL="https://gitlab.com/org/platform",
        CI_MERGE_REQUEST_IID="5",
        GITLAB_TOKEN=TOKEN,
    )
    return job


def test_a_review_is_one_note_with_labels(gitlab: Job) -> None:
    gitlab.forge.labels.add("team")
    for index in range(120):
        gitlab.forge.comment(f"LGTM {index}", SOMEBODY)
    for _ in range(2):
        done = gitlab.post(PROD)
        assert (done.code, done.errors) == (0, "")
    (note,) = [each for each in gitlab.forge.comments if each["body"].startswith(marker("mlplatform", "prod"))]
    assert f"https://gitlab.com/org/platform/-/merge_requests/5#note_{note['id']}" in done.out
    assert gitlab.forge.labels == {LABELS[effect].name for effect in effects(PROD)} | {"team"}
    assert all(colour.startswith("#") for colour in gitlab.forge.colours.values())
    gitlab.post(reports.nothing())
    assert gitlab.forge.labels == {"team"}
    assert gitlab.forge.statuses == [], "the job itself is the check"


def test_a_note_of_somebody_else_is_left_alone_and_a_deleted_one_is_created_again(gitlab: Job) -> None:
    gitlab.forge.comment(f"{marker('mlplatform', 'prod')}\nmine", SOMEBODY)
    gitlab.post(PROD)
    gitlab.forge.fail("PUT", "notes", 404, {"message": "404 Not found"})
    assert gitlab.post(PROD).code == 0
    assert gitlab.forge.comments[0]["body"].endswith("mine")
    assert len(gitlab.forge.comments) == 3


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_says_which_token_is_needed(gitlab: Job, status: int) -> None:
    gitlab.forge.faults.append(Fault("POST", "notes", status, {"message": "no"}, times=9))
    done = gitlab.post(PROD)
    assert done.code == 1
    assert "a project access token with scope `api`, role Developer; CI_JOB_TOKEN cannot" in done.errors


def test_a_token_that_may_not_create_labels_uses_those_that_exist(gitlab: Job) -> None:
    gitlab.forge.faults.append(Fault("POST", "/labels", 403, {"message": "403 Forbidden"}, times=9))
    assert gitlab.post(PROD).code == 0
    assert gitlab.forge.labels


def test_a_job_without_a_merge_request_or_token_posts_nothing(gitlab: Job) -> None:
    gitlab.unset("GITLAB_TOKEN")
    done = gitlab.post(PROD)
    assert (done.code, "GITLAB_TOKEN is not set" in done.errors) == (1, True)
    gitlab.unset("CI_MERGE_REQUEST_IID")
    done = gitlab.post(PROD)
    assert (done.code, "not one of a merge request" in done.out) == (0, True)
    assert gitlab.forge.requests == []
