"""What a check found, and the report of all checks."""

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mlpctl.config import Platform
from mlpctl.doctor.asking import Answers, NotAnsweredError, Question
from mlpctl.model import Model


class Level(enum.Enum):
    """How serious a finding is."""

    BLOCKS = "blocks"
    """An update would fail, or nodes and models would not start."""

    WARNS = "warns"
    """It would fail later or under a condition, e.g. when a pool grows to `maxNodes`."""

    NOT_CHECKED = "notChecked"
    """AWS did not give the fact."""

    NOTE = "note"
    """Nothing has to be changed."""

    PASSES = "passes"


@dataclass(frozen=True)
class Finding:
    """What a check found."""

    level: Level
    fact: str
    """What AWS told, compared with what the stack file asks: one sentence without its full stop."""

    question: Question | None = None
    """The question that AWS answered with the fact."""

    field: str = ""
    """Path of the field in the stack file; empty if no field is the reason."""

    fix: str = ""
    """What to do: sentences; empty if nothing has to be done."""


@dataclass(frozen=True)
class Wanted:
    """What the stack file asks of an account, and what this machine knows."""

    platform: Platform
    region: str
    project: str
    """Name of the Pulumi project."""

    stack: str
    """Name of the stack, without organization and project."""

    now: datetime
    expires: datetime | None = None
    """When the credentials expire; None if this is not known."""

    temporary: bool = False
    """Whether the credentials are those of a session."""

    address: str = ""
    """This machine's public address; empty if it is not known."""

    @property
    def tag(self) -> str:
        """Value of the stack tag of its resources."""
        return f"{self.project}/{self.stack}"

    @property
    def cluster_name(self) -> str:
        """EKS's name of the cluster."""
        return f"{self.project}-{self.stack}-cluster"


Asks = Callable[[Wanted, Answers], Iterable[Question]]
Found = Finding | NotAnsweredError
"""What a check yields: a finding, or why there is none for a part of the check."""

Finds = Callable[[Wanted, Answers], Iterable[Found]]


@dataclass(frozen=True)
class Check:
    """A pure function from the stack file and AWS's answers to findings, and the questions that it needs."""

    id: str
    """Theme and name, e.g. `quotas.vcpus`."""

    means: str
    """What it checks, as a phrase."""

    finds: Finds
    asks: Asks = field(default=lambda wanted, answers: ())
    """The questions, given the answers so far. It is called again until it asks nothing new."""


class Entry(Model):
    """One finding of the report."""

    check: str
    """ID of the check."""

    level: Level
    field: str
    """Path of the field in the stack file; empty if no field is the reason."""

    line: int | None
    """Line of the field in the stack file, or of the nearest enclosing value."""

    fact: str
    """What AWS told, compared with what the stack file asks."""

    source: str
    """The API that told it, e.g. `ec2:DescribeVpcs`; empty if no API did."""

    fix: str
    """What to do; empty if nothing has to be done."""


class Report(Model):
    """The findings for a stack in an account."""

    stack: str
    file: str
    """The stack file."""

    region: str
    account: str
    """The account's ID; empty if AWS rejected the credentials."""

    time: datetime
    entries: Sequence[Entry]

    @property
    def blocked(self) -> bool:
        """Whether an update would fail."""
        return any(each.level is Level.BLOCKS for each in self.entries)

    def of(self, level: Level) -> list[Entry]:
        """The findings of one level."""
        return [each for each in self.entries if each.level is level]


_REMEDIES: Final = ("; allowed: ", ". ", ": aws ")


def of_sentence(level: Level, sentence: str, question: Question, field: str) -> Finding:
    """A finding from a problem that the components report as one text: the fact, then the remedy."""
    places = [(at, mark) for mark in _REMEDIES if (at := sentence.find(mark)) >= 0]
    if not places:
        return Finding(level, sentence, question, field)
    at, mark = min(places)
    words = {"; allowed: ": "Allowed: ", ": aws ": "Run `aws "}
    fix = f"{words.get(mark, '')}{sentence[at + len(mark) :]}"
    return Finding(level, sentence[:at], question, field, f"{fix}`" if mark == ": aws " else fix)
