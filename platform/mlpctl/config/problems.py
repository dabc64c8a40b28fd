"""What is wrong with a stack file, and how it is told."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awsfacts.credentials import is_credential
from awsfacts.secret_names import gives_away, names_a_secret
from mlpctl.errors import InputError

Keys = tuple[str | int, ...]
"""Where a value is: the keys and list positions that lead to it, as the file spells them."""

HIDDEN = "(hidden)"
"""What is shown of a value that looks like a secret."""

_PLAIN_KEY = re.compile(r"[\w:-]+", re.ASCII)
_SECRET_KEY = re.compile(r"passw|secret|token|credential|(api|access|private)_?key", re.IGNORECASE)
_LONGEST_VALUE = 40
_LONGEST_KEY = 63


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a stack file.

    Its text is one sentence: `gpuPools.inference.maxNodes (line 31) is 0; allowed: 1 to 500`.
    """

    path: Keys
    """Where in the platform's config, or in the file where it is outside of that; empty for the file as a whole."""

    message: str
    """What is wrong there, to be read after the path: `is 0`."""

    line: int | None = None
    """Line in the file, from 1; None where the value is not from a file."""

    column: int | None = None
    """Column in that line, from 1."""

    value: str | None = None
    """The wrong value as `shown`; None where the problem is not one of a value."""

    allowed: str | None = None
    """What may stand there instead."""

    suggestion: str | None = None
    """The nearest right word."""

    def __str__(self) -> str:
        return self.sentence(f" (line {self.line})" if self.line else "")

    def sentence(self, place: str = "") -> str:
        """Tell the problem, with `place` after the path."""
        parts = [f"{dotted(self.path) or 'the file'}{place} {self.message}"]
        if self.suggestion is not None:
            parts.append(f"did you mean `{printable(self.suggestion)}`?")
        if self.allowed is not None:
            parts.insert(1, f"allowed: {self.allowed}")
        return "; ".join(parts)


class ConfigError(InputError):
    """A stack's config can't be used. Its text is `render` of its problems, for people."""

    def __init__(self, problems: Iterable[Problem], path: Path | str) -> None:
        """Sort the problems by line, each once.

        Args:
            problems: all that was found wrong; at least one.
            path: the file, as it is shown to people.

        """
        told = dict.fromkeys(problems)
        self.problems = tuple(sorted(told, key=lambda problem: (problem.line or 0, problem.column or 0)))
        self.path = path
        super().__init__(render(self.problems, path))


def render(problems: Sequence[Problem], path: Path | str) -> str:
    """Lay problems out for a terminal: the file, one problem a line, and the count at the end."""
    places = [f"line {problem.line}" if problem.line else "" for problem in problems]
    width = max(map(len, places), default=0)
    margin = f"  {{:<{width}}}  " if width else "  "
    rows = [margin.format(place) + problem.sentence() for place, problem in zip(places, problems, strict=True)]
    return "\n".join([*rows, f"{count(len(problems), 'problem')} in {path}"])


def dotted(path: Keys) -> str:
    """Write a path as people read it: `gpuPools.inference.taints[0]`, `labels["app.kubernetes.io/name"]`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _PLAIN_KEY.fullmatch(key) and len(key) <= _LONGEST_KEY and not is_credential(key):
            text += f".{key}" if text else key
        else:
            text += f"[{quoted(key)}]"
    return text


def shown(value: Any, path: Keys = ()) -> str:
    """Write a value for a message: short, on one line, and `HIDDEN` where it `looks_secret`."""
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
    """Say whether text is of the form of a known sort of credential, or the name that it stands under is."""
    names = [key for key in path if isinstance(key, str)]
    by_name = bool(names) and (_SECRET_KEY.search(names[-1]) is not None or names_a_secret(names[-1]))
    return _shows_secret(text) or by_name or "secretEnv" in names[-2:]


def quoted(text: str) -> str:
    """Write text in double quotes, shortened."""
    return printable(json.dumps(_cut(text), ensure_ascii=False))


def shortened(text: str) -> str:
    """Cut text to 40 characters and escape what can't be printed."""
    return printable(_cut(text))


def _cut(text: str) -> str:
    if _shows_secret(text):
        return HIDDEN
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _shows_secret(text: str) -> bool:
    return is_credential(text) or gives_away(text)


def printable(text: str) -> str:
    """Escape what a terminal would act on."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def any_of(words: Sequence[str]) -> str:
    """Write alternatives: `dev, staging or prod`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 entry`, `3 entries`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
