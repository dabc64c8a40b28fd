"""Implements `mlpctl review post` and `mlpctl review withdraw`."""

import json
import secrets
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from mlpctl import project
from mlpctl.errors import FAILED, InputError, UserError
from mlpctl.post import artefact, sticky, text
from mlpctl.post.forge import Forge, Verdict
from mlpctl.post.labels import Effect, effects, marked
from mlpctl.post.place import Place, place
from mlpctl.review.report.model import Origin, Report
from mlpctl.review.writers import origin
from mlpctl.review.writers.marker import marked_stack, marker
from mlpctl.text import visible

UNPRODUCED: Final = "The review could not be produced"

_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
_OUTPUT: Final = "GITHUB_OUTPUT"


@dataclass
class Posted:
    """What was posted, and what could not be."""

    comment_url: str = ""
    labels: Sequence[str] = ()
    lines: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def attempt(self, part: Callable[[], None]) -> None:
        """Do a part; if it fails, the other parts are still done."""
        try:
            part()
        except UserError as error:
            self.failed(str(error))

    def failed(self, sentence: str) -> None:
        """Note a failure once: all parts fail in the same way without a permission."""
        if sentence not in self.failures:
            self.failures.append(sentence)


@dataclass(frozen=True)
class _Review:
    """The review to post, or the stack whose review could not be produced."""

    project: str
    stack: str
    report: Report | None
    trusted: bool
    commit: str
    run_url: str
    rendered: str
    """The Markdown of the report; empty without one."""

    @property
    def marker(self) -> str:
        """The first line of the comment."""
        return self.rendered.partition("\n")[0] or marker(self.project, self.stack)

    @property
    def check(self) -> str:
        """Name of the commit's status."""
        return f"mlpctl review {visible(f'{self.project}/{self.stack}')}"

    @property
    def verdict(self) -> Verdict:
        return text.verdict(self.report) if self.report else Verdict.INCOMPLETE

    @property
    def in_short(self) -> str:
        return text.in_short(self.report) if self.report else UNPRODUCED

    def body(self, found: frozenset[Effect]) -> str:
        """The Markdown of the comment; without a review, it records what the previous one found."""
        if self.rendered:
            return self.rendered
        return text.absent(self.project, self.stack, found, commit=self.commit, run_url=self.run_url)


def post(
    path: Path,
    stack: str,
    environment: Mapping[str, str],
    console: Console,
    *,
    number: int | None = None,
    on_gitlab: bool | None = None,
) -> int:
    """Post the report of a review. Returns 0 if everything was posted, and 1 if something could not be.

    Args:
        path: The report in JSON. If the file does not exist, the comment says that there is no review.
        stack: The stack; by default that of the report.
        environment: The environment variables, with the token.
        console: Where the result is printed.
        number: The number of the pull request; by default from the environment.
        on_gitlab: Whether it is on GitLab; by default from the environment.

    Raises:
        InputError: The file is no report, or it is not known where to post.
    """
    report = artefact.read(path)
    if report is None and not stack:
        raise InputError(f"{path} does not exist, so there is no review. Name the stack with --stack to post that.")
    if report and stack and report.stack != project.own_name(stack):
        raise InputError(f"{path} is the review of stack {visible(report.stack)}, not of {stack}.")
    done, where = Posted(), Place(None)
    try:
        where = place(environment, number, on_gitlab=on_gitlab)
    except InputError:
        raise
    except UserError as error:
        done.failed(str(error))
    review = _review(report, stack, where, environment)
    found = effects(report) if report else frozenset()
    if where.forge:
        _send(review, where.forge, found, done)
    elif where.why_not:
        done.lines.append(f"{where.why_not}.")
    done.attempt(lambda: _append(environment.get(_SUMMARY), review.body(found)))
    done.attempt(lambda: _append(environment.get(_OUTPUT), _outputs(review, done)))
    if report and not done.comment_url and environment.get("GITHUB_ACTIONS") == "true":
        done.lines += text.annotations(report)
    return _finish(done, environment, console)


def withdraw(
    affected: Collection[str],
    environment: Mapping[str, str],
    console: Console,
    *,
    number: int | None = None,
    on_gitlab: bool | None = None,
) -> int:
    """Say in comments of this project's stacks that they do not change any more, and update the labels.

    Args:
        affected: The stacks that the pull request changes, whose comments stay.
        environment: The environment variables, with the token.
        console: Where the result is printed.
        number: The number of the pull request; by default from the environment.
        on_gitlab: Whether it is on GitLab; by default from the environment.

    Returns:
        0, or 1 if a comment or the labels could not be changed.

    Raises:
        InputError: It is not known where the comments are.
    """
    done = Posted()
    name = project.name(project.root())

    def change() -> None:
        where = place(environment, number, on_gitlab=on_gitlab)
        if not where.forge:
            done.lines.append(f"{where.why_not}.")
            return
        forge, me = where.forge, where.forge.me()
        withdrawn = []
        for comment in sticky.ours(forge, me):
            stack = marked_stack(comment.first_line, name)
            if stack and stack not in affected and text.UNCHANGED not in comment.body:
                forge.edit(comment.id, text.unchanged(name, stack, where.commit))
                withdrawn.append(stack)
        if withdrawn:
            done.labels = sticky.label(forge, me, "", ())
        done.lines.append(f"Withdrawn: {', '.join(map(visible, withdrawn)) or 'none'}")

    try:
        change()
    except InputError:
        raise
    except UserError as error:
        done.failed(str(error))
    return _finish(done, environment, console)


def _review(report: Report | None, stack: str, where: Place, environment: Mapping[str, str]) -> _Review:
    if report is None:
        return _Review(
            project.name(project.root()), stack, None, where.trusted, where.commit, origin.run(environment), ""
        )
    if not where.trusted:
        # The event names the commit and the run; what the fork's report names may lead anywhere.
        was = report.origin
        known = Origin(
            commit=where.commit,
            run_url=where.run_url or origin.run(environment),
            time=was.time if was else "",
            version=was.version if was else "",
        )
        report = report.model_copy(update={"origin": known})
    url = report.origin.run_url if report.origin else ""
    rendered = text.comment(report, effects(report), trusted=where.trusted)
    return _Review(report.project, report.stack, report, where.trusted, where.commit, url, rendered)


def _send(review: _Review, forge: Forge, found: frozenset[Effect], done: Posted) -> None:
    """Post the comment, the labels and the status, each even if another fails."""

    def comment_and_labels() -> None:
        me = forge.me()
        own = found
        if review.report is None:
            # Nothing is known about the change: the labels stay as they are.
            own = frozenset(
                effect
                for each in sticky.ours(forge, me)
                if each.first_line == review.marker
                for effect in marked(each.body)
            )
        done.attempt(partial(comment, me, own))
        done.attempt(partial(labels, me, own))

    def comment(me: int, own: frozenset[Effect]) -> None:
        done.comment_url = sticky.put(forge, me, review.marker, review.body(own))
        done.lines.append(f"Comment: {done.comment_url}")

    def labels(me: int, own: frozenset[Effect]) -> None:
        done.labels = sticky.label(forge, me, review.marker, own)
        done.lines.append(f"Labels: {', '.join(done.labels) or 'none'}")

    def status() -> None:
        if forge.show(review.verdict, review.check, review.in_short, review.run_url):
            done.lines.append(f"Status: {review.verdict.value}")

    done.attempt(comment_and_labels)
    # A fork's report is no evidence: it does not decide whether a commit passes.
    if review.trusted:
        done.attempt(status)


def _outputs(review: _Review, done: Posted) -> str:
    """Outputs of the step, with a delimiter that no value can contain.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
    """
    values = {
        "result": review.verdict.value,
        "verdict": visible(review.report.verdict) if review.report else UNPRODUCED,
        "comment-url": done.comment_url,
        "labels": json.dumps(list(done.labels)),
    }
    end = f"end-{secrets.token_hex(16)}"
    return "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in values.items())


def _append(file: str | None, content: str) -> None:
    if not file:
        return
    try:
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write(content)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror or error}.") from None


def _finish(done: Posted, environment: Mapping[str, str], console: Console) -> int:
    for line in done.lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for failure in done.failures:
        sys.stderr.write(f"{failure}\n")
        if environment.get("GITHUB_ACTIONS") == "true":
            console.print(
                text.annotation("warning", "The review is not posted", failure),
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    return FAILED if done.failures else 0
