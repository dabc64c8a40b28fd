"""The texts of a posted review: the comment, the short verdict, and workflow commands of GitHub."""

from collections.abc import Iterable, Iterator
from typing import Final

from mlpctl.post.forge import Verdict
from mlpctl.post.labels import Effect, mark
from mlpctl.review.report import wording
from mlpctl.review.report.model import Certainty, Outcome, Report
from mlpctl.review.writers import inert
from mlpctl.review.writers.markdown import LIMIT, markdown
from mlpctl.review.writers.marker import marker
from mlpctl.text import number, shorten, visible

UNTRUSTED: Final = (
    "> [!IMPORTANT]\n> The code of the fork wrote this report, without credentials: nothing in it was verified.\n\n"
)

UNCHANGED: Final = "The pull request does not change this stack any more"

MOST_ANNOTATIONS: Final = 10
"""Maximum number of annotations of a kind in a step:
https://docs.github.com/en/rest/checks/runs#create-a-check-run describes their display."""

_MESSAGE: Final = 500

_VERDICTS: Final = {
    Outcome.KEPT: Verdict.PASSED,
    Outcome.BROKEN: Verdict.FAILED,
    Outcome.PARTIAL: Verdict.INCOMPLETE,
}


def verdict(report: Report) -> Verdict:
    """The verdict that a commit shows."""
    return _VERDICTS[report.outcome]


def comment(report: Report, effects: Iterable[Effect], *, trusted: bool) -> str:
    """The Markdown of a comment, of at most `LIMIT` bytes.

    Args:
        report: The review.
        effects: What the change does, which the comment records for the labels.
        trusted: Whether the repository's own code wrote the report.
    """
    extra = f"{mark(effects)}\n" + ("" if trusted else UNTRUSTED)
    first, _, rest = markdown(report, LIMIT - len(extra.encode())).partition("\n")
    return f"{first}\n{extra}{rest}"


def absent(project: str, stack: str, effects: Iterable[Effect], *, commit: str, run_url: str) -> str:
    """The Markdown of a comment for a review that could not be produced.

    Args:
        project: The project.
        stack: The stack.
        effects: What the previous comment recorded: labels stay until a review finds otherwise.
        commit: The commit; may be empty.
        run_url: The run, whose log has the error; may be empty.
    """
    title = _title(project, stack)
    where = f" of {inert.link('this run', run_url)}" if run_url else ""
    at = f" of commit {inert.code(commit[:12])}" if commit else ""
    said = f"> [!WARNING]\n> **The review{at} could not be produced.** The log{where} has the error."
    return f"{marker(project, stack)}\n{mark(effects)}\n{title}\n\n{said}\n"


def unchanged(project: str, stack: str, commit: str) -> str:
    """The Markdown of a comment for a stack that the pull request changed before, and does not change any more."""
    at = f" at commit {inert.code(commit[:12])}" if commit else ""
    said = f"> [!NOTE]\n> {UNCHANGED}{at}."
    return f"{marker(project, stack)}\n{mark(())}\n{_title(project, stack)}\n\n{said}\n"


def in_short(report: Report) -> str:
    """The verdict in few words: what fails, the dangers, and what was not evaluated or has no price."""
    start = {Verdict.PASSED: "Passed", Verdict.FAILED: "Failed", Verdict.INCOMPLETE: "Incomplete"}[verdict(report)]
    return f"{start}: {', '.join(_found(report)) or 'no danger, everything evaluated and priced'}"


def _found(report: Report) -> Iterator[str]:
    broken = sum(limit.broken for limit in report.limits)
    rules = report.rules
    totals = report.cost.totals if report.cost else None
    counts = (
        (broken, "broken limit"),
        (rules.blocking if rules else 0, "broken rule"),
        (rules.expired if rules else 0, "expired waiver"),
        (sum(each.mandatory for each in report.violations), "broken policy"),
        (len(report.invalid), "rejected object"),
        (len(report.dangers), "danger"),
    )
    yield from (number(count, noun) for count, noun in counts if count)
    if rules and rules.gaps:
        yield f"{number(len(rules.gaps), 'rule')} not evaluated"
    if totals and (unpriced := totals.unpriced + totals.partly):
        yield f"{unpriced:,} unpriced"


def annotations(report: Report) -> Iterator[str]:
    """Workflow commands that show the verdict and the dangers on the page of the run."""
    kind = {Verdict.PASSED: "notice", Verdict.FAILED: "error", Verdict.INCOMPLETE: "warning"}[verdict(report)]
    stack = f"{report.project}/{report.stack}"
    yield annotation(kind, stack, report.verdict)
    for danger in report.dangers[: MOST_ANNOTATIONS - 1]:
        certain = danger.certainty is Certainty.WILL
        yield annotation("warning" if certain else "notice", f"{stack}: {wording.harm(danger)}", danger.text)


def annotation(kind: str, title: str, message: str) -> str:
    """A workflow command that shows a message: `error`, `warning` or `notice`.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    said = shorten(visible(message), _MESSAGE).replace("%", "%25")
    named = shorten(visible(title), _MESSAGE).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={named}::{said}"


def _title(project: str, stack: str) -> str:
    return f"## Review of {inert.code(project)}, stack {inert.code(stack)}"
