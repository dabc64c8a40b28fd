"""Questions to AWS as data, and their answers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mlpctl.errors import is_missing

LOCAL: Final = "this machine"
"""The service of questions that this machine answers without AWS."""

NOT_ASKED: Final = "NotAsked"
"""Code of the refusal of a question that was not asked."""

_PREFIXES: Final[Mapping[str, str]] = {"service-quotas": "servicequotas", "resourcegroupstaggingapi": "tag"}
"""Prefixes of IAM actions that differ from boto3's name of the service:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""

_ACTIONS: Final[Mapping[str, str]] = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""Actions that differ from the operation: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""


@dataclass(frozen=True)
class Question:
    """One call of an AWS operation that changes nothing."""

    service: str
    """boto3's name of the service, or `LOCAL`."""

    operation: str
    """AWS's name of the operation."""

    arguments: Mapping[str, Any] = field(default_factory=dict)

    items: str = ""
    """The member of the response that is wanted, from all pages. Default: the whole response."""

    region: str = ""
    """Default: the stack's region."""

    def __hash__(self) -> int:
        return hash((self.service, self.operation, self.region, json.dumps(self.arguments, sort_keys=True)))

    @property
    def api(self) -> str:
        """Service and operation, e.g. `ec2:DescribeVpcs`."""
        return f"{self.service}:{self.operation}"

    @property
    def permission(self) -> str:
        """The IAM action that it needs; empty if it needs none."""
        if self.service == LOCAL or self.api == "sts:GetCallerIdentity":
            return ""
        return _ACTIONS.get(self.api, f"{_PREFIXES.get(self.service, self.service)}:{self.operation}")


@dataclass(frozen=True)
class Refusal:
    """An error instead of an answer."""

    code: str
    """AWS's error code, or the name of the error's class if the request did not reach AWS."""

    message: str

    @property
    def missing(self) -> bool:
        """Whether the error means that what was asked for does not exist."""
        return is_missing(self.code)


class NotAnsweredError(Exception):
    """A check needs an answer that there is not."""

    def __init__(self, question: Question, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.question = question
        self.refusal = refusal
        self.field = ""
        """The field of the stack file that the answer is about; empty if it is about several."""

    def about(self, field: str) -> "NotAnsweredError":
        """The same error, about one field of the stack file."""
        self.field = field
        return self


class Answers:
    """What AWS answered."""

    def __init__(self, known: Mapping[Question, Any], stopped: str = "") -> None:
        """Take the answers, and why no more questions were asked.

        Args:
            known: the answer to each question, or its `Refusal`.
            stopped: the reason, as a part of a sentence. Default: all questions were asked.
        """
        self._known = known
        self._unasked = Refusal(NOT_ASKED, stopped or "it was not asked")

    def __call__(self, question: Question) -> Any:
        """The answer to a question.

        Raises:
            NotAnsweredError: there is none.
        """
        answer = self._known.get(question, self._unasked)
        if isinstance(answer, Refusal):
            raise NotAnsweredError(question, answer)
        return answer

    def get(self, question: Question) -> Any:
        """The answer to a question; None if there is none."""
        answer = self._known.get(question)
        return None if isinstance(answer, Refusal) else answer

    def exists(self, question: Question) -> bool:
        """Whether what a question asks for exists.

        Raises:
            NotAnsweredError: AWS did not say.
        """
        answer = self._known.get(question, self._unasked)
        if isinstance(answer, Refusal) and answer.missing:
            return False
        return self(question) is not None

    def refusal(self, question: Question) -> Refusal | None:
        """The error that a question was answered with; None if there was none."""
        answer = self._known.get(question)
        return answer if isinstance(answer, Refusal) else None

    def asked(self) -> Iterator[Question]:
        """All questions that were asked."""
        yield from self._known
