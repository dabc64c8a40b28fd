"""The hidden line by which a later run finds the comment of a stack."""

from urllib.parse import unquote

from mlpctl.review import inert


def marker(project: str, stack: str) -> str:
    """The first line of a stack's comment."""
    return f"<!-- mlpctl review {inert.comment(f'{project}/{stack}')} -->"


def marked_stack(line: str, project: str) -> str:
    """The stack of a project that a line marks; empty if it marks none."""
    stack = unquote(line.removesuffix(" -->").partition("%2F")[2])
    return stack if line == marker(project, stack) else ""
