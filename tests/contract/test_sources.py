"""What holds for every source file."""

from pathlib import Path

import pytest


@pytest.fixture
def sandbox(root: Path) -> list[Path]:
    """The sandbox's files with text of its own: messages, differences and its README."""
    return [each for each in (root / "sandbox").rglob("*") if each.suffix in (".py", ".yaml", ".md")]


def test_the_sandbox_serves_any_program_and_names_neither_this_platform_nor_its_commands(sandbox: list[Path]) -> None:
    assert sandbox
    texts = {each.name: each.read_text(encoding="utf-8") for each in sandbox}
    assert [name for name, text in texts.items() if "mlpctl" in text or "the platform " in text] == []
