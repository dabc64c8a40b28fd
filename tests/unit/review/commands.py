"""Runs `mlpctl` like a user, in the process of the tests."""

import io
import json
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlpctl import cli
from mlpctl.review.cost import book


@dataclass(frozen=True)
class Ran:
    """The result of a command."""

    code: int | str | None
    out: str
    errors: str


class Mlpctl:
    """Runs `mlpctl` with arguments and optional standard input."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: str | Path, given: bytes = b"") -> Ran:
        self._monkeypatch.setattr(sys, "argv", ["mlpctl", *map(str, arguments)])
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = self._capsys.readouterr()
        assert "Traceback" not in output.err
        return Ran(ended.value.code, output.out, output.err)


@pytest.fixture
def mlpctl(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, prices: book.Book, tmp_path: Path
) -> Iterator[Mlpctl]:
    """The command in its own folder; the price book is read once for all tests."""
    monkeypatch.setattr(book, "load", lambda: prices)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("MLPCTL_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    yield Mlpctl(capsys, monkeypatch)


@pytest.fixture(scope="session")
def prices() -> book.Book:
    return book.load()


def written(folder: Path, plan: Any) -> Path:
    """A file with the output of `pulumi preview --json`."""
    file = folder / "plan.json"
    file.write_text(plan if isinstance(plan, str) else json.dumps(plan), encoding="utf-8")
    return file


def fake_pulumi(folder: Path, *, out: str = "", errors: str = "", code: int = 0) -> str:
    """A PATH with a `pulumi` that prints only this text, for a project in `folder`."""
    (folder / "Pulumi.yaml").write_text("name: canaries\nruntime: python\n")
    programs = folder / "bin"
    programs.mkdir()
    for name, text in (("out", out), ("errors", errors)):
        (programs / name).write_text(text, encoding="utf-8")
    script = programs / "pulumi"
    script.write_text(f"#!/bin/sh\ncat '{programs}/out'\ncat '{programs}/errors' >&2\nexit {code}\n")
    script.chmod(script.stat().st_mode | stat.S_IEXEC)
    return f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin"
