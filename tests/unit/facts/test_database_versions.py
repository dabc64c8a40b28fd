"""When RDS Extended Support is charged for a database version."""

from datetime import date

import pytest

from awsfacts import database_versions

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("engine", "version", "extended"),
    [
        ("postgres", "11", True),
        ("postgres", "12.22", True),
        ("postgres", "13.23", True),
        ("postgres", "9.6.24", True),
        ("postgres", "11.22-rds.20240418", True),
        ("postgres", "14.20", False),
        ("postgres", "18.1", False),
        ("postgres", "", False),
        ("postgres", "latest", False),
        ("mysql", "5.7.44", True),
        ("mysql", "5.7.44-rds.20240408", True),
        ("mysql", "5.6.51", True),
        ("mysql", "8.0.40", True),
        ("mysql", "8.4.3", False),
        ("aurora-postgresql", "12.9", True),
        ("aurora-postgresql", "16.8", False),
        ("aurora-mysql", "5.7.mysql_aurora.2.11.6", True),
        ("aurora-mysql", "8.0.mysql_aurora.3.08.0", False),
        ("mariadb", "10.5", False),
        ("oracle-ee", "12.1", False),
    ],
)
def test_a_version_past_standard_support_needs_extended_support(engine: str, version: str, extended: bool) -> None:
    assert database_versions.needs_extended_support(engine, version, TODAY) is extended


def test_the_last_day_of_standard_support_is_not_charged() -> None:
    last = date(2027, 2, 28)
    assert not database_versions.needs_extended_support("postgres", "14.20", last)
    assert database_versions.needs_extended_support("postgres", "14.20", date(2027, 3, 1))
