"""Golden files: what was agreed on, compared to the letter."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with its golden file, or writes the file where `--rewrite-golden` is given."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--rewrite-golden"):
            path.write_text(text)
        assert path.read_text() == text, f"{path.name} differs; `make golden` rewrites it, then read the diff"

    return compare
