"""Forms by which text is recognized as a credential: one table, read by the check of plain values and by reviews.

The forms are those with a distinctive prefix or structure, as in gitleaks' rules and the vendors' documentation:
https://github.com/gitleaks/gitleaks. The table is in `credential_forms/`.

Its two readers differ, because rejecting a valid file is expensive, and a needless redaction is not:

- A stack file or a component refuses a value that has a credential (`credentials`). A form whose text may also be
  something else has `only: redact`.
- A review redacts credentials (`mlpctl.review.redact`). It also decodes base64, and redacts by name and randomness.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cache, cached_property
from typing import Any, Final, Self

from pydantic import Field, model_validator

from awsfacts.tables import Row, read_table

_FILES: Final = ("keys", "tokens", "addresses", "commands", "servers", "windows")
"""Files of the table, from the most specific forms. The first form that fits names the credential."""

SECRET: Final = "secret"
"""Group of a pattern that matches the credential itself."""


WORD_END: Final = "\v"
"""Separator of the words of a command in `as_command`: white space that no word contains."""

LONGEST_COMMAND: Final = 65_536
"""Maximum length of a command whose words are searched as one text."""


class Reader(StrEnum):
    """What is done with text of a form."""

    REFUSE = "refuse"
    """Stack files and components refuse it."""

    REDACT = "redact"
    """Reviews redact it."""


class Form(Row):
    """One form of a credential."""

    name: str = Field(pattern="^an? ")
    """What it is, as the end of "looks like …", e.g. `an AWS access key`."""

    has: tuple[str, ...] = Field(min_length=1)
    """Lower-case parts, of which a text must contain one. They spare most texts the search."""

    pattern: str
    """Regular expression. Its group `secret` is the credential, otherwise the whole match is.

    It begins at the start of a word or repeats within bounds, so that its time is linear in the length of the text.
    """

    command: bool = False
    """Whether the words of a command are searched as well, as the text of `as_command`."""

    elsewhere: bool = False
    """Whether a review redacts the credential in other texts too, where the context that reveals it is absent."""

    only: Reader | None = None
    """The only reader that uses the form; None for both."""

    because: str = ""
    """Why the other reader does not."""

    @model_validator(mode="after")
    def _gives_the_reason(self) -> Self:
        if bool(self.only) != bool(self.because):
            raise ValueError("`only` and `because` belong together")
        if any(part != part.lower() for part in self.has):
            raise ValueError("`has` is searched in lower-case text")
        return self

    @cached_property
    def find(self) -> re.Pattern[str]:
        """The compiled pattern."""
        return re.compile(self.pattern)

    def may_be_in(self, lower: str) -> bool:
        """Whether a text, in lower case, contains one of the parts in `has`."""
        return any(part in lower for part in self.has)


@cache
def table() -> tuple[Form, ...]:
    """All forms, in the order in which they are tried."""
    return tuple(Form.model_validate(row) for name in _FILES for row in read_table(f"credential_forms/{name}.yaml"))


@cache
def forms(reader: Reader) -> tuple[Form, ...]:
    """The forms that a reader uses."""
    return tuple(each for each in table() if each.only in (None, reader))


def possible(reader: Reader, lower: str) -> tuple[Form, ...]:
    """The forms of a reader that may be in a text, which is given in lower case."""
    # Most texts have no part of any form, and one search over all parts is faster than one for each form.
    if not _any_part(reader).search(lower):
        return ()
    return tuple(each for each in forms(reader) if each.may_be_in(lower))


@cache
def _any_part(reader: Reader) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(part) for part in {part for each in forms(reader) for part in each.has}))


def as_command(words: Sequence[Any]) -> str | None:
    """The words of a command as one text; None if they are not all text, are fewer than two, or are too long."""
    if len(words) < 2 or not all(isinstance(each, str) and WORD_END not in each for each in words):
        return None
    line = WORD_END.join(words)
    return line if len(line) <= LONGEST_COMMAND else None
