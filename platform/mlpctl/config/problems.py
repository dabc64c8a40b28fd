"""Problems of a stack file, and how they are formatted."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awsfacts.credentials import is_credential
from awsfacts.secret_names import gives_away, names_a_secret
from mlpctl import text
from mlpctl.errors import InputError
from mlpctl.text import number, visible

Keys = tuple[str | int, ...]
"""The path of a value: keys and list indexes, as spelled in the file."""

HIDDEN = "(hidden)"
"""Replacement for a value that looks like a secret."""

_STEP = re.compile(r'\[(?:("(?:[^"\\]|\\.)*")|(\d+))\]|([^.\[]+)')
_PLAIN_KEY = re.compile(r"[\w:-]+", re.ASCII)
_SECRET_KEY = re.compile(r"passw|secret|token|credential|(api|access|private)_?key", re.IGNORECASE)
_LONGEST_VALUE = 40
_LONGEST_KEY = 63


@dataclass(frozen=True)
class Problem:
    """One problem of a stack file.

    Its text is one sentence: `gpuPools.inference.maxNodes (line 31) is 0; allowed: 1 to 500`.
    """

    path: Keys
    """Path in the platform's config, or in the file if it is outside the config; empty for the whole file."""

    message: str
    """What is wrong, as the sentence after the path, e.g. `is 0`."""

    line: int | None = None
    """Line in the file, starting at 1; None if the value is not from a file."""

    column: int | None = None
    """Column in that line, starting at 1."""

    value: str | None = None
    """The invalid value, formatted by `shown`; None if the problem is not about a value."""

    allowed: str | None = None
    """What is allowed instead."""

    suggestion: str | None = None
    """The most similar valid word."""

    def __str__(self) -> str:
        return self.sentence(f" (line {self.line})" if self.line else "")

    def sentence(self, place: str = "") -> str:
        """The problem as one sentence, with `place` after the path."""
        parts = [f"{dotted(self.path) or 'the file'}{place} {self.message}"]
        if self.suggestion is not None:
            parts.append(f"did you mean `{visible(self.suggestion)}`?")
        if self.allowed is not None:
            parts.insert(1, f"allowed: {self.allowed}")
        return "; ".join(parts)


class ConfigError(InputError):
    """A stack's config is invalid. The message is its problems, formatted by `render`."""

    def __init__(self, problems: Iterable[Problem], path: Path | str) -> None:
        """Sort the problems by line and remove duplicates.

        Args:
            problems: all problems; at least one.
            path: the file, as it appears in messages.

        """
        distinct = dict.fromkeys(problems)
        self.problems = tuple(sorted(distinct, key=lambda problem: (problem.line or 0, problem.column or 0)))
        self.path = path
        super().__init__(render(self.problems, path))


def render(problems: Sequence[Problem], path: Path | str) -> str:
    """Format problems for a terminal: one per line, then their count and the file."""
    places = [f"line {problem.line}" if problem.line else "" for problem in problems]
    width = max(map(len, places), default=0)
    margin = f"  {{:<{width}}}  " if width else "  "
    rows = [margin.format(place) + problem.sentence() for place, problem in zip(places, problems, strict=True)]
    return "\n".join([*rows, f"{number(len(problems), 'problem')} in {path}"])


def dotted(path: Keys) -> str:
    """Format a path, e.g. `gpuPools.inference.taints[0]` or `labels["app.kubernetes.io/name"]`."""
    return text.dotted(path, _is_plain, quoted)


def keys(path: str) -> Keys:
    """The keys in a path such as `policies.waivers[0]` or `tags["a.b"]`, as `dotted` formats it."""
    return tuple(
        int(index) if index else json.loads(quoted) if quoted else key for quoted, index, key in _STEP.findall(path)
    )


def _is_plain(key: str) -> bool:
    return bool(_PLAIN_KEY.fullmatch(key)) and len(key) <= _LONGEST_KEY and not is_credential(key)


def shown(value: Any, path: Keys = ()) -> str:
    """Format a value for a message: shortened, on one line, and `HIDDEN` if it looks like a secret."""
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        if not value or any(isinstance(each, dict | list) for each in value):
            return "a list" if value else "an empty list"
        return _cut(f"[{', '.join(shown(each, path) for each in value)}]")
    if value is None:
        return "empty"
    if isinstance(value, str):
        return HIDDEN if looks_secret(value, path) else quoted(value)
    return shortened(json.dumps(value))


def looks_secret(text: str, path: Keys = ()) -> bool:
    """Whether text contains a credential in a known format, or its key is the name of a secret."""
    names = [key for key in path if isinstance(key, str)]
    by_name = bool(names) and (_SECRET_KEY.search(names[-1]) is not None or names_a_secret(names[-1]))
    return _shows_secret(text) or by_name or "secretEnv" in names[-2:]


def quoted(text: str) -> str:
    """Format text in double quotes, shortened."""
    return visible(json.dumps(_cut(text), ensure_ascii=False))


def shortened(text: str) -> str:
    """Shorten text to 40 characters and escape non-printable characters."""
    return visible(_cut(text))


def _cut(text: str) -> str:
    if _shows_secret(text):
        return HIDDEN
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _shows_secret(text: str) -> bool:
    return is_credential(text) or gives_away(text)
