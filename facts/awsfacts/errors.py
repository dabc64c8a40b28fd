"""How AWS words its errors."""

import functools
from collections.abc import Sequence

from awsfacts.tables import Row, read_table


class Wording(Row):
    """What an error says."""

    codes: Sequence[str]
    """Codes of the error, by the services that return it."""

    wording: str
    """The message."""


@functools.cache
def wordings() -> Sequence[Wording]:
    """Every known wording. Of several for a code the first is the usual one."""
    return tuple(Wording.model_validate(each) for each in read_table("errors.yaml"))


def wording(code: str) -> str:
    """The usual message of an error with this code; empty where it is not known."""
    return next((each.wording for each in wordings() if code in each.codes), "")
