"""The end of RDS's standard support for major versions of database engines: `database_versions.yaml`."""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Final

from awsfacts.tables import read_table

_MAJOR: Final = {"postgres": r"\d{1,9}(?!\d)", "mysql": r"\d{1,9}\.\d{1,9}(?!\d)"}
"""Pattern of a major version, by the family of the engine."""

_WITHOUT_THIRD_YEAR: Final = frozenset({"aurora-mysql"})


def major(engine: str, version: str) -> str:
    """The major version, e.g. `12` of PostgreSQL 12.22 and `5.7` of MySQL 5.7.44; empty if it is not known."""
    pattern = next((each for family, each in _MAJOR.items() if family in engine), "")
    found = re.match(pattern, version) if pattern else None
    return found[0] if found else ""


def ends_of_standard_support(engine: str) -> Mapping[str, date]:
    """The last day of standard support by major version; empty for engines without RDS Extended Support."""
    return _table().get(engine, {})


def needs_extended_support(engine: str, version: str, today: date) -> bool:
    """Whether RDS Extended Support is charged for a version, e.g. `11.22-rds.20240418` of `postgres`.

    A version that is older than the table is past standard support; one that is newer is not.
    """
    ends, number = ends_of_standard_support(engine), major(engine, version)
    if not ends or not number:
        return False
    return today > ends[number] if number in ends else _ordered(number) < min(map(_ordered, ends))


def is_in_third_year(engine: str, version: str, today: date) -> bool | None:
    """Whether Extended Support of a version is charged at the price of the third year; None if it is not known.

    It begins two years after the end of standard support; Aurora MySQL has no such price.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support-charges.html
    """
    last = ends_of_standard_support(engine).get(major(engine, version))
    if last is None or engine in _WITHOUT_THIRD_YEAR:
        return None if last is None else False
    # Not every date exists two years later.
    return (today.year - 2, today.month, today.day) > (last.year, last.month, last.day)


def _ordered(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))


@cache
def _table() -> Mapping[str, Mapping[str, date]]:
    table: Mapping[str, Mapping[str, date]] = read_table("database_versions.yaml")
    return table
