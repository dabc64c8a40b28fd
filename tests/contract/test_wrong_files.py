"""For an invalid stack file, the platform reports all problems and changes nothing."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest

from mlpctl import cli
from mlpctl.config.yaml_file import Document, YamlError, parse
from mlpctl.errors import BAD_INPUT
from mlplatform import testing
from mlplatform.testing import STACK, STACK_TYPE, _Monitor, declare

WRONG = sorted((Path(__file__).parents[1] / "unit" / "config" / "wrong").glob("*.yaml"))
ANOTHER_TO_THE_ENGINE = {"the-platform-is-json-in-quotes", "the-region-is-a-list", "the-region-is-null"}
"""The engine passes these values to a program as text, or as JSON if they are not scalars."""


def engine_values(document: Document) -> dict[str, str]:
    """The config that the engine passes to a program: every value as text, and secrets decrypted."""
    config = document.data.get("config") if isinstance(document.data, dict) else None
    values = config.items() if isinstance(config, dict) else ()
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Calls that reach the engine: registrations, except the stack's own, and lookups."""
    made: list[str] = []

    class Spy(_Monitor):
        def RegisterResource(self, request: Any) -> Any:
            made.extend([request.type] if request.type != STACK_TYPE else [])
            return super().RegisterResource(request)

        def Invoke(self, request: Any) -> Any:
            made.append(request.tok)
            return super().Invoke(request)

    monkeypatch.setattr(testing, "_Monitor", Spy)
    return made


@pytest.mark.engine  # seconds: the program for every wrong file
def test_the_program_reports_the_problems_and_registers_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: list[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: mlplatform\n")
    file = tmp_path / f"Pulumi.{STACK}.yaml"
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: str(tmp_path))
    started = 0
    for path in WRONG:
        file.write_bytes(path.read_bytes())
        try:
            values = engine_values(parse(file.read_bytes()))
        except YamlError:
            continue  # The engine cannot read it either, and does not start the program.
        with pytest.raises(pulumi.RunError) as error:
            declare(lambda: runpy.run_path(str(root / "platform" / "__main__.py")), values)
        message = str(error.value).replace(file.name, path.name)
        if path.stem not in ANOTHER_TO_THE_ENGINE:
            assert message == f"the config can't be used:\n{path.with_suffix('.txt').read_text()}".rstrip("\n")
        assert calls == [], path.name
        started += 1
    assert started > 100


def test_a_command_reports_the_problems_and_changes_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: mlplatform\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLATFORM_SANDBOX", raising=False)
    for path in WRONG[::8]:
        (tmp_path / "Pulumi.wrong.yaml").write_bytes(path.read_bytes())
        monkeypatch.setattr(sys, "argv", ["mlpctl", "up", "--stack", "wrong"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, errors = capsys.readouterr()
        assert (ended.value.code, out) == (BAD_INPUT, "")
        assert errors == path.with_suffix(".txt").read_text().replace(path.name, "Pulumi.wrong.yaml")
    assert {each.name for each in tmp_path.iterdir()} == {"Pulumi.yaml", "Pulumi.wrong.yaml"}
