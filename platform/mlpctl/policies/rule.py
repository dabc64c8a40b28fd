"""Rules: what a resource or a whole stack must be, why, and how much it matters in each profile."""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

import pulumi

from mlpctl.policies.estate import Estate, Resource

ID: Final = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
"""IDs of rules: groups of capitals and digits, joined by hyphens, e.g. `ML-S3-01`."""


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

OfResource: TypeAlias = Callable[[Resource], Iterable[str]]
"""Yields one sentence for each violation by a resource."""

OfStack: TypeAlias = Callable[[Estate], Iterable[tuple[Resource, str] | str]]
"""Yields one sentence for each violation, with the resource that commits it if there is one."""


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

    Raises:
        ValueError: an argument is malformed.
    """

    def made(check: OfResource) -> Rule:
        if not classes:
            raise ValueError(f"{id}: name the SDK classes that it is for, or use stack_rule")
        types = frozenset(str(vars(each)["pulumi_type"]) for each in classes)
        return _checked(Rule(id, _title(check), reason, remedy, severity, levels, (*serves,), types, of_resource=check))

    return made


def stack_rule(
    id: str,
    *,
    reason: str,
    remedy: str,
    severity: Severity,
    levels: Levels,
    serves: Iterable[str] = (),
) -> Callable[[OfStack], Rule]:
    """Make a rule of a function that takes all resources and yields its violations; see `rule`."""

    def made(check: OfStack) -> Rule:
        return _checked(
            Rule(id, _title(check), reason, remedy, severity, levels, (*serves,), frozenset(), of_stack=check)
        )

    return made


def _title(check: Callable[..., object]) -> str:
    return " ".join((inspect.getdoc(check) or "").split("\n\n")[0].split())


def _checked(made: Rule) -> Rule:
    if not ID.fullmatch(made.id):
        raise ValueError(f"{made.id} is not the ID of a rule; allowed: capitals and digits with hyphens, e.g. ACME-01")
    for name in ("title", "reason", "remedy"):
        text = getattr(made, name)
        if not text.endswith(".") or "\n" in text:
            raise ValueError(f"{made.id}: {name} is {text!r}; allowed: one sentence with its full stop")
    return made
