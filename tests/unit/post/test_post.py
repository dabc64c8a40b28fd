"""`mlpctl review post` on GitHub: what the server holds afterwards."""

from functools import partial

import pytest

from fake_forge import BOT, COMMIT, SOMEBODY, TOKEN, State
from mlpctl import changed
from mlpctl.changed import Affected, Found
from mlpctl.post import text
from mlpctl.post.labels import LABELS, Effect, effects, mark, marked
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm, Report, Violation
from mlpctl.review.report.rules import RuleFinding, RuleGap, Rules
from mlpctl.review.writers.markdown import markdown
from mlpctl.review.writers.marker import marker
from unit.post.posting import PROD, Job, job, server
from unit.review import report_parts, reports

__all__ = ["job", "server"]  # fixtures

NAMES = {effect: label.name for effect, label in LABELS.items()}
DATA, CAPACITY, COST, RULES = NAMES.values()

DEV = reports.pool_changed().model_copy(update={"stack": "dev"})


def other(stack: str) -> str:
    return marker("mlplatform", stack)


def test_a_review_is_posted_as_comment_labels_status_summary_and_outputs(job: Job) -> None:
    done = job.post(PROD)
    assert (done.code, done.errors) == (0, "")
    (comment,) = job.forge.comments
    first, second, rest = comment["body"].split("\n", 2)
    assert first == marker("mlplatform", "prod")
    assert marked(comment["body"]) == effects(PROD)
    assert f"{first}\n{rest}" == markdown(PROD)
    assert second == mark(effects(PROD))
    assert job.forge.labels == {NAMES[effect] for effect in effects(PROD)} >= {DATA}
    assert job.forge.colours == {label.name: label.colour for e, label in LABELS.items() if e in effects(PROD)}
    (status,) = job.forge.statuses
    assert (status["commit"], status["state"], status["context"]) == (
        COMMIT,
        "success",
        "mlpctl review mlplatform/prod",
    )
    assert job.summary == comment["body"]
    assert f"\n{comment['html_url']}\n" in job.outputs
    assert "result<<" in job.outputs
    assert "::warning" not in done.out, "the comment says it"


def test_a_second_review_replaces_the_comment_and_the_labels_that_are_not_true_any_more(job: Job) -> None:
    job.forge.labels.add("team: search")
    job.post(PROD)
    job.post(reports.nothing())
    (comment,) = job.forge.comments
    assert comment["body"].endswith(markdown(reports.nothing()).partition("\n")[2])
    assert job.forge.labels == {"team: search"}
    assert [each["state"] for each in job.forge.statuses] == ["success", "success"]


def test_the_comment_is_found_on_any_page_among_those_of_others(job: Job) -> None:
    for index in range(150):
        job.forge.comment(f"LGTM {index}", SOMEBODY)
    job.post(PROD)
    for index in range(150):
        job.forge.comment(f"and {index}", SOMEBODY)
    job.post(PROD)
    assert len(job.bodies(PROD)) == 1
    assert len(job.forge.comments) == 301
    assert job.forge.sent("GET", "comments?per_page=100&page=4") > 0


def test_a_comment_of_somebody_else_with_the_marker_is_neither_edited_nor_believed(job: Job) -> None:
    claim = f"{marker('mlplatform', 'prod')}\n{mark(Effect)}\nnothing to see"
    job.forge.comment(claim, SOMEBODY)
    job.forge.comment(f"{other('staging')}\n{mark(Effect)}\n", SOMEBODY)
    job.post(reports.nothing())
    assert next(each["body"] for each in job.forge.comments if each["user"] == SOMEBODY) == claim
    assert len(job.forge.comments) == 3
    assert job.forge.labels == set()


def test_a_marker_that_is_not_the_first_line_is_no_marker(job: Job) -> None:
    quoted = f"Somebody wrote:\n{marker('mlplatform', 'prod')}\n"
    job.forge.comment(quoted, BOT)
    job.post(PROD)
    assert job.forge.comments[0]["body"] == quoted
    assert len(job.forge.comments) == 2


def test_the_comments_of_a_person_s_token_are_its_own(job: Job) -> None:
    job.forge.me = SOMEBODY
    job.forge.comment(f"{marker('mlplatform', 'prod')}\nof the bot", BOT)
    job.post(PROD)
    job.post(PROD)
    assert [each["user"]["login"] for each in job.forge.comments] == ["github-actions[bot]", "somebody"]


def test_each_stack_has_a_comment_and_all_stacks_share_the_labels(job: Job) -> None:
    job.post(PROD)
    job.post(DEV)
    assert len(job.forge.comments) == 2
    both = effects(PROD) | effects(DEV)
    assert job.forge.labels == {NAMES[effect] for effect in both}
    assert {Effect.DESTROYS_DATA} <= effects(PROD) - effects(DEV), "the second post keeps the first one's label"
    job.post(reports.nothing())
    assert job.forge.labels == {NAMES[effect] for effect in effects(DEV)}
    assert [each["context"] for each in job.forge.statuses][:2] == [
        "mlpctl review mlplatform/prod",
        "mlpctl review mlplatform/dev",
    ]


def once(state: State, method: str, part: str, act: object) -> None:
    """Act before the first request of a kind, as another job that runs at the same time."""
    pending = [act]

    def before(sent: str, path: str) -> None:
        if pending and (sent, part in path) == (method, True):
            pending.pop()()  # type: ignore[operator]

    state.before = before


def test_a_label_that_another_stack_needs_meanwhile_is_not_removed(job: Job) -> None:
    """The label was true for this stack; the other job finds it present, and this one is about to remove it."""
    job.post(PROD)

    def other_job() -> None:
        job.forge.comment(f"{other('dev')}\n{mark([Effect.DESTROYS_DATA])}\n")
        job.forge.labels.add(DATA)

    once(job.forge, "DELETE", "/labels/", other_job)
    job.post(reports.nothing())
    assert DATA in job.forge.labels


def test_a_label_that_another_stack_removes_meanwhile_is_added_again(job: Job) -> None:
    """The other job has read the comments before this one wrote its own."""
    job.post(PROD)
    seen = []

    def before(method: str, path: str) -> None:
        seen.append((method, path.partition("?")[0].rsplit("/", 1)[-1]))
        if seen[-2:] == [("GET", "labels"), ("GET", "comments")]:
            job.forge.labels.discard(DATA)

    job.forge.before = before
    job.post(PROD)
    assert DATA in job.forge.labels


@pytest.mark.parametrize("when", ["PATCH", "GET"])
def test_a_comment_that_is_deleted_meanwhile_is_created_again(job: Job, when: str) -> None:
    job.post(PROD)
    once(job.forge, when, "comments", job.forge.comments.clear)
    assert job.post(PROD).code == 0
    assert len(job.bodies(PROD)) == 1


def test_a_comment_that_is_listed_but_gone_is_created_again(job: Job) -> None:
    job.post(PROD)
    job.forge.fail("PATCH", "comments", 404, {"message": "Not Found"})
    assert job.post(PROD).code == 0
    assert len(job.bodies(PROD)) == 2


def test_two_comments_of_runs_at_the_same_time_become_one(job: Job) -> None:
    for _ in range(2):
        job.forge.comment(f"{marker('mlplatform', 'prod')}\nold")
    job.post(PROD)
    assert job.bodies(PROD) == [each["body"] for each in job.forge.comments]
    assert len(job.forge.comments) == 1


def test_a_label_that_exists_keeps_its_colour_and_is_not_created_again(job: Job) -> None:
    job.forge.colours[DATA] = "ffffff"
    for _ in range(2):
        job.post(PROD)
    assert job.forge.sent("POST", "/repos/org/platform/labels") == 1
    assert job.forge.colours[DATA] == "ffffff"
    assert DATA in job.forge.labels


def test_the_hidden_line_and_the_warning_count_for_the_limit_of_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 34_000
    monkeypatch.setattr(text, "LIMIT", limit)
    body = text.comment(reports.many(300, destructive=300), Effect, trusted=False)
    assert "*Shortened to 33," in body
    assert limit - 3_000 < len(body.encode()) <= limit


def test_a_failed_review_is_a_failed_status_and_not_a_failed_post(job: Job) -> None:
    assert job.post(reports.limits_broken()).code == 0
    assert job.post(reports.incomplete()).code == 0
    assert [each["state"] for each in job.forge.statuses] == ["failure", "error"]
    assert [each.splitlines()[1] for each in job.outputs.split("result<<")[1:]] == ["failed", "incomplete"]


def test_a_review_that_could_not_be_produced_is_posted_and_keeps_the_labels(job: Job) -> None:
    prod = PROD.model_copy(update={"project": "ml"})
    job.post(prod)
    job.set(GITHUB_SERVER_URL="https://github.com", GITHUB_RUN_ID="77")
    done = job("post", "--report", "nowhere.json", "--stack", "prod")
    assert (done.code, done.errors) == (0, "")
    (body,) = job.bodies(prod)
    assert "could not be produced" in body
    assert "https://github.com/org/platform/actions/runs/77" in body
    assert job.forge.labels == {NAMES[effect] for effect in effects(PROD)}
    assert job.forge.statuses[-1]["state"] == "error"
    assert "result<<" in job.outputs


def test_a_stack_that_is_not_changed_any_more_is_withdrawn_with_its_labels(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    prod, dev, odd = (
        PROD.model_copy(update={"project": "ml"}),
        DEV.model_copy(update={"project": "ml"}),
        reports.nothing().model_copy(update={"project": "ml", "stack": "a--b/c d"}),
    )
    for report in (prod, dev, odd, PROD.model_copy(update={"project": "other"})):
        job.post(report)
    affected = [Affected("dev", "cost.maxMonthlyUsd")]
    monkeypatch.setattr(changed, "changed", lambda root, since, also: Found(COMMIT, affected, ()))
    job.forge.comments.pop()
    for expected in ("prod, a--b/c d", "none"):
        done = job("withdraw", "--since", "HEAD^1")
        assert (done.code, done.out) == (0, f"Withdrawn: {expected}\n")
    for report in (prod, odd):
        assert "does not change this stack any more" in job.bodies(report)[0]
    assert job.forge.labels == {NAMES[effect] for effect in effects(DEV)}
    assert len(job.forge.comments) == 3


def test_comments_of_other_projects_are_not_withdrawn(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed, "changed", lambda root, since, also: Found(COMMIT, (), ()))
    job.post(PROD)
    assert job("withdraw", "--since", "HEAD^1").out == "Withdrawn: none\n"
    job.forge.fail("GET", "comments", 404, {"message": "Not Found"})
    assert job("withdraw", "--since", "HEAD^1").code == 1


def test_a_review_is_posted_from_a_shell_by_number(job: Job) -> None:
    job.unset("GITHUB_EVENT_PATH", "GITHUB_EVENT_NAME", "GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    assert job.post(PROD, "--pull-request", "5").code == 0
    assert job.forge.statuses[0]["commit"] == COMMIT
    assert (job.summary, job.outputs) == ("", "")


def rules(**more: object) -> Rules:
    given = {"profile": "prod", "passed": 3, "findings": (), "gaps": (), **more}
    return Rules.model_validate(given)


def finding(*, waived: str = "") -> RuleFinding:
    return RuleFinding(
        rule="S3-1", title="t", severity="high", mandatory=True, urn="", name="", words="", text="", remedy="",
        waived=waived,
    )  # fmt: skip


def test_each_effect_has_its_cause(job: Job) -> None:
    row = report_parts.row("S3 bucket", "models", Op.DELETE)
    danger = partial(report_parts.danger, row, "DataBucket models")
    gap = RuleGap(rule="S3-2", title="t", mandatory=True, names=(), why="")
    violation = Violation(policy="p", pack="", mandatory=True, text="")
    dear = reports.first_creation().cost

    def of(**more: object) -> Report:
        return report_parts.report(**more)

    for expected, report in (
        (set(), of()),
        ({Effect.DESTROYS_DATA}, of(dangers=[danger(Harm.DATA)])),
        ({Effect.DESTROYS_DATA}, of(dangers=[danger(Harm.DATA, protected=True)])),
        (set(), of(dangers=[danger(Harm.DATA, retained=True)])),
        ({Effect.DROPS_CAPACITY}, of(dangers=[danger(Harm.CAPACITY)])),
        (set(), of(dangers=[danger(Harm.SERVING), danger(Harm.IDENTITY), danger(Harm.PROTECTION)])),
        ({Effect.COST_UP}, of(cost=dear, sandbox=False)),
        (set(), of(cost=dear, sandbox=True)),
        ({Effect.COST_UP}, reports.pool_changed().model_copy(update={"sandbox": True, "dangers": ()})),
        ({Effect.RULES_BROKEN}, of(rules=rules(findings=(finding(),)))),
        ({Effect.RULES_BROKEN}, of(rules=rules(expired=1))),
        ({Effect.RULES_BROKEN}, of(violations=[violation])),
        (set(), of(rules=rules(findings=(finding(waived="accepted"),), gaps=(gap,)))),
        (set(), of(violations=[violation.model_copy(update={"mandatory": False})])),
    ):
        assert effects(report) == expected
        assert marked(f"first\n{mark(effects(report))}\n") == expected


def test_the_short_verdict_says_what_was_not_evaluated_or_has_no_price(job: Job) -> None:
    gap = RuleGap(rule="S3-2", title="t", mandatory=True, names=(), why="")
    found = reports.first_creation().model_copy(update={"rules": rules(findings=(finding(),), gaps=(gap,))})
    job.post(found)
    assert job.forge.statuses[0]["description"] == "Failed: 1 broken rule, 1 rule not evaluated, 1 unpriced"
    job.post(reports.nothing())
    assert job.forge.statuses[1]["description"].startswith("Passed: ")


def test_labels_fit_what_github_allows() -> None:
    for label in LABELS.values():
        assert len(label.name) <= 50
        assert len(label.description) <= 100
        assert len(label.colour) == 6
        int(label.colour, 16)


def test_the_fake_server_rejects_other_tokens(job: Job) -> None:
    job.set(GITHUB_TOKEN=TOKEN[:-1])
    assert job.post(PROD).code == 1
    assert job.forge.comments == []
