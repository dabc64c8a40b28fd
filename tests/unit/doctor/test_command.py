"""The command: its output, its exit codes, and what it does without an account."""

import io
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from healthy_account import FILE, HEALTHY, Answers, Fake, denied, examine, quotas
from mlpctl import cli
from mlpctl.doctor import asker
from mlpctl.doctor.asking import Question, Refusal
from mlpctl.doctor.finding import Report
from mlpctl.doctor.page import page
from mlpctl.errors import BAD_INPUT, FAILED

Doctor = Callable[..., tuple[int | str | None, str, str]]
"""Runs `mlpctl doctor` against an account: exit code, standard output, standard error."""


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    (tmp_path / "Pulumi.yaml").write_text("name: mlplatform\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.full.yaml").write_text(FILE.read_text())
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    # Workers of pytest-xdist set it to the width of their terminal.
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def run(*options: str, account: Answers | None = None) -> tuple[int | str | None, str, str]:
        fake = Fake({**HEALTHY, **(account or {})})

        def ask(_: Any, questions: Iterable[Question], answered: Callable[[], None]) -> dict[Question, Any]:
            return fake.ask(questions, answered)

        monkeypatch.setattr(asker.Asker, "ask", ask)
        monkeypatch.setattr(sys, "argv", ["mlpctl", "doctor", *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return run


def test_the_exit_code_is_1_only_if_something_blocks_an_update(doctor: Doctor) -> None:
    code, out, errors = doctor("--stack", "full")
    assert (code, errors) == (0, "")
    assert out.endswith("Nothing blocks an update.\n")
    assert "\x1b" not in out
    code, out, _ = doctor("--stack", "full", account=quotas("ec2", L_DB2E81BA=0))
    assert code == FAILED
    assert "✗  L-DB2E81BA (Running On-Demand G and VT instances) is 0 vCPUs" in out
    assert "gpuPools.serving.nodes (stacks/Pulumi.full.yaml:31) · service-quotas:ListServiceQuotas" in out
    assert "1 blocks, 0 warns" in out
    code, out, _ = doctor("--stack", "full", account=denied("ec2:DescribeVpcs"))
    assert code == 0, "what was not checked does not block"
    assert "→ Allow ec2:DescribeVpcs for arn:aws:sts::111122223333:assumed-role/deployer/ci." in out


def test_json_is_ascii_and_matches_its_schema(doctor: Doctor) -> None:
    odd = {"sts:GetCallerIdentity": {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/é\x1b[31m"}}
    code, out, _ = doctor("--stack", "full", "--json", account={**quotas("ec2", L_DB2E81BA=0), **odd})
    assert code == FAILED
    assert out.isascii()
    assert "\x1b" not in out
    report = json.loads(out)
    jsonschema.Draft202012Validator(Report.json_schema()).validate(report)
    assert (report["stack"], report["account"], report["region"]) == ("full", "111122223333", "us-east-1")
    (blocked,) = [each for each in report["entries"] if each["level"] == "blocks"]
    assert (blocked["check"], blocked["field"], blocked["line"]) == ("quotas.vcpus", "gpuPools.serving.nodes", 31)


def test_invalid_input_is_reported_before_aws_is_asked(doctor: Doctor) -> None:
    code, _, errors = doctor("--stack", "ful")
    assert (code, "full" in errors) == (BAD_INPUT, True)
    code, _, errors = doctor("--stack", "full", "--address", "here")
    assert (code, errors) == (BAD_INPUT, "--address is here; allowed: an IP address, e.g. 198.51.100.7\n")
    file = Path("stacks/Pulumi.full.yaml")
    file.write_text(file.read_text().replace("config:\n", "config:\n  aws:profile: nowhere\n", 1))
    code, _, errors = doctor("--stack", "full")
    assert code == FAILED
    assert "The identity of the stack's configuration can't be used: The config profile (nowhere)" in errors


def test_a_terminal_gets_colours_and_aligned_lines_without_control_characters_of_aws() -> None:
    report, _ = examine({"ec2:DescribeVpcs": Refusal("Odd", "\x1b[2Jcleared\u202e " + "long " * 40)})
    output = io.StringIO()
    Console(file=output, force_terminal=True, width=80, color_system="standard").print(page(report))
    text = output.getvalue()
    assert "\x1b[2J" not in text
    assert "\\x1b[2Jcleared\\u202e" in text
    assert "\x1b[32m" in text
    plain = io.StringIO()
    Console(file=plain, width=80).print(page(report))
    lines = plain.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith(("  ✗", "  !", "  ?", "  ·", "  ✓", "     ")) for line in lines if line.startswith(" "))
