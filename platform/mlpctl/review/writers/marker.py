"""The hidden line by which a later run finds the comment of a stack."""

from typing import Final
from urllib.parse import unquote

from mlpctl.review.writers import inert

START: Final = "<!-- mlpctl "
"""Start of the line of every report."""


def marker(project: str, stack: str, kind: str = "review") -> str:
    """The first line of a stack's comment, for a kind of report."""
    return f"{START}{kind} {inert.comment(f'{project}/{stack}')} -->"


def marked_stack(line: str, project: str) -> str:
    """The stack of a project whose review a line marks; empty if it marks none."""
    stack = unquote(line.removesuffix(" -->").partition("%2F")[2])
    return stack if line == marker(project, stack) else ""
