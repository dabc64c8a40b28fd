"""Rules: what a resource or a whole stack must be, why, and how much it matters in each profile."""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

import pulumi

from mlpctl.policies.estate import Estate, Resource, Setting
from mlpctl.text import any_of

ID: Final = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
"""IDs of rules: groups of capitals and digits, joined by hyphens, e.g. `ML-S3-01`."""

CONTROL: Final = re.compile(r"[A-Za-z0-9][\w-]*:\S(?:[^\n]*\S)?")
"""Controls of frameworks: the framework's key, a colon and the control, e.g. `nist:SI-11`."""


class Severity(Enum):
    """How bad a violation is, in Pulumi's terms."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Level(Enum):
    """What a violation does."""

    OFF = "off"
    """The rule is not evaluated."""

    ADVISORY = "advisory"
    """It is reported."""

    MANDATORY = "mandatory"
    """It is reported, and the update is blocked."""


@dataclass(frozen=True)
class Levels:
    """The level of a rule in each profile."""

    dev: Level
    staging: Level
    prod: Level

    def of(self, profile: str) -> Level:
        """The level in a profile: `dev`, `staging` or `prod`."""
        found: Level = getattr(self, profile)
        return found


ALWAYS: Final = Levels(Level.MANDATORY, Level.MANDATORY, Level.MANDATORY)
FROM_STAGING: Final = Levels(Level.ADVISORY, Level.MANDATORY, Level.MANDATORY)
ONLY_PROD: Final = Levels(Level.ADVISORY, Level.ADVISORY, Level.MANDATORY)
ONLY_ADVICE: Final = Levels(Level.ADVISORY, Level.ADVISORY, Level.ADVISORY)


@dataclass(frozen=True)
class Field:
    """A field of the stack file that decides whether the resources of a component violate a rule.

    Findings then point at it instead of the component.
    """

    component: str
    """Class of the component, e.g. `EksCluster`; empty for every component of the platform."""

    path: str
    """Its path below the component's place, e.g. `logTypes`; without a component, below `mlplatform:platform`. `*`
    stands for the entry of a mapping that the resource belongs to: `repositories.*.scanOnPush`."""

    says: str = ""
    """Regular expression for the sentences of the violations that it decides, if it does not decide all."""


OfResource: TypeAlias = Callable[[Resource], Iterable[str]]
"""Yields one sentence for each violation by a resource."""

OfStack: TypeAlias = Callable[[Estate], Iterable[tuple[Resource | Setting, str] | str]]
"""Yields one sentence for each violation, with the resource or the field of the stack file that commits it, if any."""


@dataclass(frozen=True)
class Rule:
    """A requirement, and the function that finds its violations."""

    id: str
    """Unique and stable: waivers and levels in stack files name it."""

    title: str
    """The requirement as a sentence."""

    reason: str
    """Why it matters, as a sentence."""

    remedy: str
    """How to meet it, as a sentence."""

    severity: Severity
    levels: Levels
    serves: tuple[str, ...]
    """IDs of the controls of frameworks that it serves, each after the framework's key: `fsbp:S3.1`."""

    types: frozenset[str]
    """Type tokens of the resources that it is for; empty for a rule for the whole stack."""

    fields: tuple[Field, ...] = ()
    """The fields of the stack file that decide its results. If several fit a violation, it is the first that the file
    sets."""

    of_resource: OfResource | None = None
    of_stack: OfStack | None = None


def rule(
    id: str,
    *classes: type[pulumi.Resource],
    reason: str,
    remedy: str,
    severity: Severity,
    levels: Levels,
    serves: Iterable[str] = (),
    fields: Iterable[Field] = (),
) -> Callable[[OfResource], Rule]:
    """Make a rule of a function that takes a resource and yields a sentence for each violation.

    The function's docstring states the requirement as a sentence. A violation continues the resource's name:
    `has no key of its own`. The function reads inputs by `Resource.get` and
    its relatives. If one of them is not known yet, the rule is *not evaluated* for this resource.

    Args:
        id: unique ID, e.g. `ACME-TAGS-01`.
        classes: SDK classes of the resources that it is for.
        reason: why it matters, as a sentence.
        remedy: how to meet it, as a sentence.
        severity: how bad a violation is.
        levels: what a violation does in each profile.
        serves: IDs of the controls of frameworks that it serves, e.g. `fsbp:S3.1`.
        fields: the fields of the stack file that decide its results; findings point at them.

    Raises:
        ValueError: an argument is malformed.
    """

    def made(check: OfResource) -> Rule:
        if not classes:
            raise ValueError(f"{id}: name the SDK classes that it is for, or use stack_rule")
        types = frozenset(_type(id, each) for each in classes)
        served, own = _controls(id, serves), _fields(id, fields)
        return _checked(
            Rule(id, _title(check), reason, remedy, severity, levels, served, types, own, of_resource=check)
        )

    return made


def stack_rule(
    id: str,
    *,
    reason: str,
    remedy: str,
    severity: Severity,
    levels: Levels,
    serves: Iterable[str] = (),
    fields: Iterable[Field] = (),
) -> Callable[[OfStack], Rule]:
    """Make a rule of a function that takes all resources and yields its violations; see `rule`."""

    def made(check: OfStack) -> Rule:
        served, own = _controls(id, serves), _fields(id, fields)
        return _checked(
            Rule(id, _title(check), reason, remedy, severity, levels, served, frozenset(), own, of_stack=check)
        )

    return made


def _title(check: Callable[..., object]) -> str:
    return " ".join((inspect.getdoc(check) or "").split("\n\n")[0].split())


def _type(id: str, given: type[pulumi.Resource]) -> str:
    """The type token of an SDK class."""
    found = getattr(given, "__dict__", {}).get("pulumi_type")
    if not isinstance(found, str):
        raise ValueError(f"{id}: {given!r} is no class of a resource; allowed: classes of an SDK, e.g. aws.s3.Bucket")
    return found


def _controls(id: str, serves: Iterable[str]) -> tuple[str, ...]:
    """The controls that a rule serves, each with its framework."""
    if isinstance(serves, str) or not isinstance(serves, Iterable):
        raise ValueError(f'{id}: serves is {serves!r}; allowed: a list of controls, e.g. ["nist:SI-11"]')
    found = (*serves,)
    for each in found:
        if not isinstance(each, str) or not CONTROL.fullmatch(each):
            raise ValueError(f"{id}: serves has {each!r}; allowed: a framework and its control, e.g. nist:SI-11")
    return found


def _fields(id: str, fields: Iterable[Field]) -> tuple[Field, ...]:
    """The fields that decide a rule's results."""
    wrong = f'{id}: fields is {fields!r}; allowed: a list of fields, e.g. [Field("EksCluster", "logTypes")]'
    if isinstance(fields, str) or not isinstance(fields, Iterable):
        raise ValueError(wrong)
    found = (*fields,)
    for each in found:
        if not isinstance(each, Field) or not all(isinstance(value, str) for value in vars(each).values()):
            raise ValueError(wrong)
        if not each.path:
            raise ValueError(f"{id}: fields has an empty path; allowed: the path of a field, e.g. logTypes")
        try:
            re.compile(each.says)
        except re.error as error:
            raise ValueError(f"{id}: fields has the expression {each.says!r}, which is malformed: {error}") from None
    return found


def _checked(made: Rule) -> Rule:
    if not isinstance(made.id, str) or not ID.fullmatch(made.id):
        raise ValueError(f"{made.id} is not the ID of a rule; allowed: capitals and digits with hyphens, e.g. ACME-01")
    for name in ("title", "reason", "remedy"):
        text = getattr(made, name)
        if not isinstance(text, str) or not text.strip(" .") or not text.endswith(".") or "\n" in text:
            raise ValueError(f"{made.id}: {name} is {text!r}; allowed: one sentence with its full stop")
    if not isinstance(made.severity, Severity):
        words = any_of([f"Severity.{each.name}" for each in Severity])
        raise ValueError(f"{made.id}: severity is {made.severity!r}; allowed: {words}")
    if not isinstance(made.levels, Levels):
        raise ValueError(
            f"{made.id}: levels is {made.levels!r}; allowed: ALWAYS, FROM_STAGING, ONLY_PROD, ONLY_ADVICE or Levels(…)"
        )
    for profile, level in vars(made.levels).items():
        if not isinstance(level, Level):
            words = any_of([f"Level.{each.name}" for each in Level])
            raise ValueError(f"{made.id}: levels.{profile} is {level!r}; allowed: {words}")
    return made
