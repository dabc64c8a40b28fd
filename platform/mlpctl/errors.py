"""Errors whose text is for the user."""

from typing import ClassVar, Final

FAILED: Final = 1
BAD_INPUT: Final = 2


class UserError(Exception):
    """Something that the user can act on; the command prints the text and ends with `exit_code`."""

    exit_code: ClassVar[int] = FAILED


class InputError(UserError):
    """What was passed to the command is wrong: a stack file, a plan, an option."""

    exit_code: ClassVar[int] = BAD_INPUT
