"""Evaluates rules, and says what each result means for an update."""

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from functools import partial
from typing import Final, TypeAlias

from mlpctl import urns
from mlpctl.policies import violations
from mlpctl.policies.estate import Estate, NeedsStack, NotApplicable, NotEvaluated, Resource, Setting
from mlpctl.policies.rule import Level, OfResource, Rule
from mlpctl.settings.policies import Permission, PolicySettings, Waiver

OF_STACK: Final = "stack"
"""Name, in waivers, of the stack as a whole."""

Violation: TypeAlias = tuple[str, str, str]
"""The resource's URN, the field of the stack file, either of which may be empty, and the sentence."""


class Outcome(Enum):
    """The result of a rule for a resource or the stack."""

    PASS = "pass"
    FAIL = "fail"
    WAIVED = "waived"
    """It fails, and the stack file waives this."""

    NOT_EVALUATED = "notEvaluated"
    """A value that the rule needs is not known yet, or is secret."""

    ERROR = "error"
    """The rule itself failed. A mandatory rule then blocks the update."""

    NOT_APPLICABLE = "notApplicable"
    """The stack has nothing that the rule is for."""


@dataclass(frozen=True)
class Result:
    """The result of a rule for one resource, or for the stack."""

    rule: Rule
    level: Level
    outcome: Outcome
    urn: str = ""
    """The resource; empty for the stack."""

    field: str = ""
    """The field of the stack file that violates a rule for the stack; empty if the rule names none."""

    text: str = ""
    """The violation or the reason, as a sentence without the resource's name; empty if it passes."""

    waiver: Permission | None = None
    """The waiver or approval of the stack file that accepts it."""

    deferred: bool = False
    """Whether it is not evaluated only because the estate is not the whole stack."""

    @property
    def name(self) -> str:
        """Its name in waivers: the resource's logical name, the path of the field, or `stack`."""
        return urns.name(self.urn) if self.urn else self.field or OF_STACK

    @property
    def blocks(self) -> bool:
        """Whether it blocks the update."""
        return self.level is Level.MANDATORY and self.outcome in (Outcome.FAIL, Outcome.ERROR)


@dataclass(frozen=True)
class Evaluation:
    """The results of all rules, and the waivers of the stack file that did nothing."""

    results: tuple[Result, ...]
    unused: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether nothing blocks the update. A waiver that has expired blocks it, so that nobody forgets it."""
        return not self.expired and not any(each.blocks for each in self.results)


def evaluate(rules: Iterable[Rule], estate: Estate, settings: PolicySettings, profile: str, today: date) -> Evaluation:
    """Evaluate rules for all resources of an estate.

    Args:
        rules: the rules.
        estate: the resources after the update.
        settings: the section `policies` of the stack file.
        profile: the profile, which decides on the levels; empty for a program without the platform's config, for which
            all rules are advisory.
        today: the day on which waivers are valid or not.
    """
    valid = [each for each in settings.waivers if each.expires >= today]
    expired = tuple(each for each in settings.waivers if each.expires < today)
    used: set[int] = set()
    results = []
    for rule in rules:
        level = level_of(rule, settings, profile)
        if level is Level.OFF:
            continue
        for found in _results(rule, level, estate):
            judged = [_waived(each, valid) for each in found]
            used.update(id(each.waiver) for each in judged if each.waiver)
            # Behind a violation that has to be mended anyway, what cannot be evaluated yet is no news.
            failed = any(each.outcome in (Outcome.FAIL, Outcome.ERROR) for each in judged)
            results += [each for each in judged if not (failed and each.outcome is Outcome.NOT_EVALUATED)]
    return Evaluation(tuple(results), tuple(each for each in valid if id(each) not in used), expired)


def level_of(rule: Rule, settings: PolicySettings, profile: str) -> Level:
    """The level of a rule in a stack; all rules are advisory for a program without a profile."""
    if not profile:
        return Level.ADVISORY
    own = rule.levels.of(profile)
    return Level.MANDATORY if rule.id in settings.mandatory else own


def _results(rule: Rule, level: Level, estate: Estate) -> Iterator[list[Result]]:
    """The results for each resource, or for the stack."""
    if rule.of_stack is not None:
        check = rule.of_stack
        yield _run(rule, level, "", lambda: map(_located, violations.several(check(estate))))
    elif rule.of_resource is not None:
        judge = rule.of_resource
        there = (each for type in sorted(rule.types) for each in estate.by_type.get(type, ()))
        found = [each for each in there if not each.read]
        if not found:
            yield [Result(rule, level, Outcome.NOT_APPLICABLE)]
        for resource in found:
            yield _run(rule, level, resource.urn, partial(_judged, judge, resource))


def _judged(judge: OfResource, resource: Resource) -> Iterator[Violation]:
    return ((resource.urn, "", violations.sentence(text)) for text in violations.several(judge(resource)))


def _located(found: object) -> Violation:
    at, text = violations.located(found)
    if not isinstance(at, Setting):
        return at.urn if at else "", "", text
    # This imports the components, which programs without the platform's config do not need.
    from mlpctl.policies import fields

    if not fields.exists(at.path):
        raise ValueError(f"it names {at.path}, which no stack file can have; see docs/stack-file.md")
    return "", at.path, text


def _run(rule: Rule, level: Level, urn: str, find: Callable[[], Iterable[Violation]]) -> list[Result]:
    """The violations that a function finds, with what it cannot evaluate, or the one other outcome."""
    results: list[Result] = []
    # The results are collected, because closing a generator raises GeneratorExit where it yields.
    try:
        for where, setting, text in find():
            results.append(Result(rule, level, Outcome.FAIL, where, setting, text))
    except NotEvaluated as error:
        deferred = isinstance(error, NeedsStack)
        results.append(Result(rule, level, Outcome.NOT_EVALUATED, urn, text=error.why, deferred=deferred))
    except NotApplicable as error:
        results.append(Result(rule, level, Outcome.NOT_APPLICABLE, text=error.why))
    except KeyboardInterrupt:
        # It is the user's.
        raise
    except BaseException as error:
        # Nothing that a rule raises may end the evaluation early, not even SystemExit.
        results.append(Result(rule, level, Outcome.ERROR, urn, text=f"the rule failed: {described(error)}"))
    return results or [Result(rule, level, Outcome.PASS, urn)]


def described(error: BaseException) -> str:
    """The class and the message of an error of others' code, whose message may fail itself."""
    try:
        return f"{type(error).__name__}: {error}".rstrip(": ")
    except Exception:
        return type(error).__name__


def _waived(found: Result, valid: Sequence[Waiver]) -> Result:
    """A result, waived if it is a violation that a waiver accepts."""
    if found.outcome is Outcome.FAIL:
        for each in valid:
            if each.rule == found.rule.id and fnmatch.fnmatchcase(found.name, each.resource):
                return replace(found, outcome=Outcome.WAIVED, waiver=each)
    return found
