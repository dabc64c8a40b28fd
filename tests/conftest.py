"""What tests of every kind share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="write golden files anew instead of comparing")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT
