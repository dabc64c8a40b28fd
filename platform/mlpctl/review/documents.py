"""JSON documents in a text: one or several, on one line or many, with plain text before or after them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mlpctl.review.checked import EXPECTED
from mlpctl.review.plan import PlanError

_BLANKS: Final = re.compile(r"\s*")
_OBJECT: Final = re.compile(r"^[ \t]*\{", re.MULTILINE)
_DECODER: Final = json.JSONDecoder()


class Broken(Exception):
    """A JSON document that cannot be read; the text says why and where."""


@dataclass(frozen=True)
class Document:
    """One JSON document."""

    value: Any
    line: int
    """Line of the text on which it begins, from 1."""


@dataclass
class Documents:
    """The JSON documents of a text, read one at a time: the text is too large for two copies."""

    text: str
    before: str = ""
    """Lines of plain text above the first document."""

    rest: str = ""
    """What follows the last document, once all of them were read."""

    at: int = 0
    line: int = 1
    """Where the next document begins."""

    def __post_init__(self) -> None:
        """Find the first document."""
        start = _blanks(self.text, 0)
        if start == len(self.text):
            raise PlanError(f"There is nothing in it; {EXPECTED}.")
        if self.text[start] not in "{[" and (found := _OBJECT.search(self.text, start)):
            self.before = self.text[start : found.start()].strip()
            start = found.end() - 1
        self._move(start)

    def __iter__(self) -> Iterator[Document]:
        """Read the documents up to the end, or to what is none; that is then `rest`.

        Raises `Broken` for what begins as a document and cannot be read, and `PlanError` for what is too deep.
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
                raise PlanError(f"This JSON has numbers too long or lists too deep to be read; {EXPECTED}.") from None
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
    # A text that was cut off ends anywhere; one with a fault in it ends as a document does.
    if not text.rstrip().endswith(("}", "]")):
        return f"This JSON ends too early ({where})"
    return f"This is no JSON: {error.msg[0].lower()}{error.msg[1:]} ({where})"
