"""Reads the JSON report of a review, which the code of a fork may have written."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from mlpctl.errors import InputError
from mlpctl.review.report.model import Report

LARGEST: Final = 128 * 1024 * 1024
"""Maximum size in bytes of a report."""

_MOST_PROBLEMS: Final = 3


class ReportError(InputError):
    """A file is no report; the text is for the user."""


def read(path: Path) -> Report | None:
    """Read a report; None if there is no such file, because the review could not be produced.

    Raises:
        ReportError: It is no report that this version of mlpctl writes.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ReportError(f"{path} is larger than any report: {LARGEST:,} bytes.")
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        return Report.model_validate_json(content)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}".strip(": ") for each in error.errors()]
        more = f"; and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
        raise ReportError(
            f"{path} is not a report that this version of mlpctl writes: {'; '.join(problems[:_MOST_PROBLEMS])}{more}."
        ) from None
