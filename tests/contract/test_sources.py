"""What holds for every source file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

PACKAGES: Final = ("components", "facts", "platform", "sandbox")

MOST_LINES: Final = 400
"""Lines of a file. Code that needs more becomes a folder of the same name."""

DATA: Final = (".yaml", ".json", ".csv", ".sum")
"""Data files of the packages. In the tests, JSON is what the engine or a command has written."""

LONGER: Final[Mapping[str, str]] = {
    "facts/awsfacts/instance_types.json": "written by `mlpctl instances refresh`",
    "platform/mlpctl/review/cost/prices.csv": "written by `mlpctl prices refresh`",
    "platform/mlpctl/review/cost/spot.csv": "written by `mlpctl prices refresh`",
    "platform/mlpctl/review/kubernetes/kubernetes_api.json": "written by `make golden`",
    "sandbox/mlsandbox/tools/toolchain/engine/go.sum": "written by `go mod tidy`",
    "sandbox/mlsandbox/tools/toolchain/provider/go.sum": "written by `go mod tidy`",
}
"""Data files that may be longer, with the reason."""


def test_no_file_of_the_packages_or_tests_is_too_long_to_read(root: Path) -> None:
    files = [each for package in PACKAGES for each in (root / package).rglob("*") if each.suffix in (".py", *DATA)]
    files += [each for each in (root / "tests").rglob("*") if each.suffix in (".py", ".yaml")]
    lines = {each.relative_to(root).as_posix(): len(each.read_bytes().splitlines()) for each in files}
    assert len(lines) > 300
    assert {name for name, count in lines.items() if count > MOST_LINES} == LONGER.keys()


@pytest.fixture
def sandbox(root: Path) -> list[Path]:
    """The sandbox's files with text of its own: messages, differences and its README."""
    return [each for each in (root / "sandbox").rglob("*") if each.suffix in (".py", ".yaml", ".md")]


def test_the_sandbox_serves_any_program_and_names_neither_this_platform_nor_its_commands(sandbox: list[Path]) -> None:
    assert sandbox
    texts = {each.name: each.read_text(encoding="utf-8") for each in sandbox}
    assert [name for name, text in texts.items() if "mlpctl" in text or "the platform " in text] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_similar_words_are_searched_in_one_place_of_each_package(root: Path, package: str) -> None:
    sources = [each.read_text(encoding="utf-8") for each in (root / package).rglob("*.py")]
    assert sum(text.count("get_close_matches(") for text in sources) == 1
