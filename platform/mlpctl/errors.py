"""Errors whose text is for the user."""

from typing import ClassVar, Final

FAILED: Final = 1
BAD_INPUT: Final = 2


class UserError(Exception):
    """An error that the user can act on; the command prints the text and exits with `exit_code`."""

    exit_code: ClassVar[int] = FAILED


class InputError(UserError):
    """The input of the command is invalid: a stack file, a plan or an option."""

    exit_code: ClassVar[int] = BAD_INPUT
