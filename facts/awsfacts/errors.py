"""Messages of AWS errors, by error code."""

import functools
from collections.abc import Sequence

from awsfacts.tables import Row, read_table


class Wording(Row):
    """The message of an error."""

    codes: Sequence[str]
    """The error's codes, which differ between services."""

    wording: str
    """The message."""


@functools.cache
def wordings() -> Sequence[Wording]:
    """All known messages. If a code has several, the first is the usual one."""
    return tuple(Wording.model_validate(each) for each in read_table("errors.yaml"))


def wording(code: str) -> str:
    """The usual message of an error with this code; empty if it is not known."""
    return next((each.wording for each in wordings() if code in each.codes), "")
