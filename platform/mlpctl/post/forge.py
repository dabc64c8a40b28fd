"""What GitHub and GitLab have in common: comments and labels of a pull request, and results of commits."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mlpctl.post.labels import Label


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request."""

    id: int
    author: int
    """ID of the user or app that wrote it."""

    body: str

    @property
    def first_line(self) -> str:
        """Its first line, which contains the hidden marker of a review."""
        return self.body.lstrip().partition("\n")[0].strip()


class Verdict(Enum):
    """The result of a review that a commit shows."""

    PASSED = "passed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    """The review covers only a part of the plan, or could not be produced."""


class Forge(Protocol):
    """A pull request on a service. Every method raises `ApiError`, whose text is for the user."""

    def me(self) -> int:
        """The ID of the user or app of the token."""
        ...

    def comments(self) -> list[Comment]:
        """All comments, oldest first."""
        ...

    def create(self, body: str) -> str:
        """Create a comment. Returns its URL.

        Raises:
            UnsureError: It may have been created.
        """
        ...

    def edit(self, comment: int, body: str) -> str:
        """Replace the text of a comment. Returns its URL; empty if the comment does not exist any more."""
        ...

    def delete(self, comment: int) -> None:
        """Delete a comment, which may not exist any more."""
        ...

    def labels(self) -> set[str]:
        """The names of its labels."""
        ...

    def add(self, labels: Sequence[Label], exist: Container[str]) -> None:
        """Add labels, which are created in the repository if they do not exist.

        Args:
            labels: The labels.
            exist: Names of labels that are known to exist.
        """
        ...

    def remove(self, label: Label) -> None:
        """Remove a label, which may be removed already."""
        ...

    def show(self, verdict: Verdict, name: str, text: str, url: str) -> bool:
        """Show a verdict on the reviewed commit.

        Args:
            verdict: The verdict.
            name: The name of the check, which identifies the stack.
            text: The verdict in a few words.
            url: The page with details; may be empty.

        Returns:
            Whether the service shows it: on GitLab, the job itself is the check.
        """
        ...
