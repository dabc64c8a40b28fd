"""Reads one or several JSON documents from a text, which may have plain text before and after them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mlpctl.review.plan.model import PlanError
from mlpctl.review.reading.checked import EXPECTED

_BLANKS: Final = re.compile(r"\s*")
_OBJECT: Final = re.compile(r"^[ \t]*\{", re.MULTILINE)
_DECODER: Final = json.JSONDecoder()


class Broken(Exception):
    """A JSON document that cannot be parsed; the message contains the reason and the position."""


@dataclass(frozen=True)
class Document:
    """One JSON document."""

    value: Any
    line: int
    """Line of the text on which it begins, starting at 1."""


@dataclass
class Documents:
    """The JSON documents of a text, parsed one at a time to avoid a second copy of a large text."""

    text: str
    before: str = ""
    """Lines of plain text above the first document."""

    rest: str = ""
    """Text after the last document; set once all documents are read."""

    at: int = 0
    line: int = 1
    """Where the next document begins."""

    def __post_init__(self) -> None:
        """Find the first document."""
        start = _blanks(self.text, 0)
        if start == len(self.text):
            raise PlanError(f"The input is empty; {EXPECTED}.")
        if self.text[start] not in "{[" and (found := _OBJECT.search(self.text, start)):
            self.before = self.text[start : found.start()].strip()
            start = found.end() - 1
        self._move(start)

    def __iter__(self) -> Iterator[Document]:
        """Parse the documents up to the end or to plain text, which becomes `rest`.

        Raises `Broken` for a document that cannot be parsed, and `PlanError` for one that is nested too deeply.
        """
        while self.at < len(self.text):
            if self.text[self.at] not in "{[":
                self.rest = self.text[self.at :].strip()
                return
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                raise Broken(_reason(self.text, error)) from None
            except (ValueError, RecursionError):
                raise PlanError(
                    f"This JSON has numbers that are too long, or is nested too deeply; {EXPECTED}."
                ) from None
            found = Document(value, self.line)
            self._move(_blanks(self.text, end))
            yield found

    def _move(self, to: int) -> None:
        self.line += self.text.count("\n", self.at, to)
        self.at = to


def _blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _reason(text: str, error: json.JSONDecodeError) -> str:
    where = f"line {error.lineno}, column {error.colno}"
    # A truncated document rarely ends with a bracket; one with a syntax error does.
    if not text.rstrip().endswith(("}", "]")):
        return f"This JSON ends too early ({where})"
    return f"This is not JSON: {error.msg[0].lower()}{error.msg[1:]} ({where})"
