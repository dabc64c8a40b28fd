"""`mlpctl doctor`: check an account for what a stack file asks, before an update."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, Protocol

from mlpctl import failures
from mlpctl.config import Loaded, Platform
from mlpctl.doctor import (
    access,
    account,
    names,
    network,
    numbers,
    offers,
    permissions,
    reach,
    references,
    vcpus,
    versions,
)
from mlpctl.doctor.asking import NOT_ASKED, Answers, NotAnsweredError, Question
from mlpctl.doctor.finding import Check, Entry, Finding, Found, Level, Report, Wanted

CHECKS: Final[tuple[Check, ...]] = (
    *account.CHECKS,
    *vcpus.CHECKS,
    *numbers.CHECKS,
    *offers.CHECKS,
    *versions.CHECKS,
    *network.CHECKS,
    *reach.CHECKS,
    *access.CHECKS,
    *references.CHECKS,
    *names.CHECKS,
    *permissions.CHECKS,
)
"""All checks, in the order of the report."""

_DENIED: Final = "AccessDenied"
"""A code of the advice for denied requests."""


class Asks(Protocol):
    """Asks AWS."""

    def ask(self, questions: Iterable[Question], answered: Callable[[], None] = ...) -> Mapping[Question, Any]:
        """The answer or the `Refusal` to each question. `answered` is called after each."""


def diagnose(
    wanted: Wanted, loaded: Loaded[Platform], asker: Asks, answered: Callable[[], None] = lambda: None
) -> Report:
    """Ask AWS, and check its answers. Nothing is changed.

    Args:
        wanted: what the stack file asks.
        loaded: the stack file.
        asker: asks AWS.
        answered: called after each answer, for the progress display.
    """
    answers = gather(wanted, asker, answered)
    who = answers.get(account.identity(wanted)) or {}
    return Report(
        stack=wanted.stack,
        file=str(loaded.path),
        region=wanted.region,
        account=who.get("Account", ""),
        time=wanted.now,
        entries=[
            Entry(
                check=check.id,
                level=each.level,
                field=each.field,
                line=failures.line(loaded, each.field) if each.field else None,
                fact=each.fact,
                source=each.question.api if each.question else "",
                fix=each.fix,
            )
            for check in CHECKS
            for each in run(check, wanted, answers, who.get("Arn", ""))
        ],
    )


def gather(wanted: Wanted, asker: Asks, answered: Callable[[], None] = lambda: None) -> Answers:
    """Ask the questions of all checks, in rounds, since some depend on the answers to others.

    If AWS does not accept the credentials, or if the account or the region is the wrong one, nothing else is asked.
    """
    first = [account.identity(wanted), account.regions(wanted)]
    known = {**asker.ask(first, answered)}
    if stopped := account.stops(wanted, Answers(known)):
        return Answers(known, f"nothing else was asked, because {_inside(stopped)}")
    while new := [*dict.fromkeys(each for each in _questions(wanted, Answers(known)) if each not in known)]:
        known |= asker.ask(new, answered)
    return Answers(known)


def _questions(wanted: Wanted, answers: Answers) -> Iterator[Question]:
    yield from chain.from_iterable(check.asks(wanted, answers) for check in CHECKS)


def run(check: Check, wanted: Wanted, answers: Answers, caller: str) -> Iterator[Finding]:
    """The findings of a check. A missing answer is a finding too; if several parts need it, it is reported once."""
    reported: set[Question | str] = set()
    for found in _all(check, wanted, answers):
        if isinstance(found, Finding):
            yield found
            continue
        reason = NOT_ASKED if found.refusal.code == NOT_ASKED else found.question
        if reason not in reported:
            reported.add(reason)
            yield _not_checked(check, found, caller)


def _all(check: Check, wanted: Wanted, answers: Answers) -> Iterator[Found]:
    try:
        yield from check.finds(wanted, answers)
    except NotAnsweredError as error:
        yield error


def _inside(sentence: str) -> str:
    """A sentence as a part of another one: `The account` becomes `the account`, and `AWS` remains."""
    return sentence if sentence[1].isupper() else sentence[:1].lower() + sentence[1:]


def _not_checked(check: Check, error: NotAnsweredError, caller: str) -> Finding:
    question, refusal = error.question, error.refusal
    what = check.means if check.means[1].isupper() else check.means[:1].upper() + check.means[1:]
    if refusal.code == NOT_ASKED:
        return Finding(Level.NOT_CHECKED, f"{what}: {refusal.message}")
    advice = failures.advise(failures.Failure("", refusal.message, refusal.code, question.operation))
    fact = f"{what}: {question.api} returned {refusal.code}: {refusal.message.rstrip('.')}"
    if advice and _DENIED in advice.codes:
        fix = f"Allow {question.permission} for {caller or 'the identity'}."
    else:
        fix = f"{advice.means} {advice.remedy.format(quotas='the instance types')}" if advice else ""
    return Finding(Level.NOT_CHECKED, fact, question, error.field, fix)
