"""What people read from `mlpctl`: answers, one clear sentence where something is wrong, and exit codes."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlpctl import cli, out
from mlpctl.errors import BAD_INPUT, FAILED
from mlsandbox.host import status_page

Mlpctl = Callable[..., tuple[int | str | None, str, str]]
"""Runs `mlpctl` with arguments: exit code, standard output, standard error."""


@pytest.fixture
def project(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(root / "Pulumi.yaml", tmp_path)
    shutil.copytree(root / "stacks", tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLATFORM_SANDBOX", raising=False)
    return tmp_path


def run(
    *arguments: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int | str | None, str, str]:
    monkeypatch.setattr(sys, "argv", ["mlpctl", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@pytest.fixture
def mlpctl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Mlpctl:
    return lambda *arguments: run(*arguments, capsys=capsys, monkeypatch=monkeypatch)


def test_a_right_file_is_said_to_be_right(project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpctl.config.warnings.WARNED_DAYS", -(10**6))
    assert mlpctl("config", "validate", "--stack", "local") == (0, "stacks/Pulumi.local.yaml is right.\n", "")


def test_a_version_whose_support_ends_soon_is_a_warning_and_no_failure(
    project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlpctl.config.warnings.WARNED_DAYS", 10**6)
    code, out, _ = mlpctl("config", "validate", "--stack", "local")
    assert code == 0
    assert "warning: cluster.version is 1.36, whose standard support end" in out
    assert out.endswith("stacks/Pulumi.local.yaml is right.\n")


def test_a_wrong_file_is_exit_code_2_with_all_problems_and_no_engine(project: Path, mlpctl: Mlpctl) -> None:
    file = project / "stacks" / "Pulumi.local.yaml"
    file.write_text(file.read_text().replace("maxNodes: 2", "maxNods: 2").replace("port: 8000", "port: 80"))
    for command in (("config", "validate"), ("config", "show"), ("up",)):
        code, _, errors = mlpctl(*command, "--stack", "local")
        assert code == BAD_INPUT
        assert "maxNodes" in errors
        assert "port" in errors
        assert "Traceback" not in errors
    assert not (project / ".sandbox").exists(), "nothing was touched"


def test_a_stack_without_a_file_is_told_with_those_that_have_one(project: Path, mlpctl: Mlpctl) -> None:
    code, _, errors = mlpctl("config", "validate", "--stack", "lokal")
    assert code == BAD_INPUT
    assert "local" in errors


def test_show_tells_value_and_origin(project: Path, mlpctl: Mlpctl) -> None:
    code, out, _ = mlpctl("config", "show", "--stack", "local")
    rows = {row[0]: row[1:] for row in (line.split() for line in out.splitlines()) if row}
    assert code == 0
    assert rows["network.nat"] == ["single", "profile", "dev"]
    assert rows["inference.chat.port"][0] == "8000"


def test_compare_tells_what_is_weaker_and_against_what(project: Path, mlpctl: Mlpctl) -> None:
    code, told, _ = mlpctl("config", "compare", "--stack", "dev", "--with", "prod", "--against", "intruders")
    assert code == FAILED
    assert ["keys.perDomain", "false", "true", "intruders"] in [line.split() for line in told.splitlines()]
    code, told, _ = mlpctl("config", "compare", "--stack", "prod", "--with", "staging")
    assert (code, told) == (0, "prod is guarded as well as staging.\n")
    code, _, errors = mlpctl("config", "compare", "--with", "prod", "--against", "rain")
    assert code == BAD_INPUT
    assert "rain; allowed: intruders, loss" in errors


def test_schema_is_the_one_that_editors_read(project: Path, mlpctl: Mlpctl) -> None:
    code, out, _ = mlpctl("config", "schema")
    assert code == 0
    assert json.loads(out) == json.loads((project / "stacks" / "schema.json").read_text())


def test_outside_a_project_the_way_back_is_told(
    tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLATFORM_SANDBOX", raising=False)
    for command in (("config", "validate"), ("sandbox", "status")):
        code, _, errors = mlpctl(*command)
        assert code == FAILED
        assert "There is no Pulumi.yaml" in errors


def test_a_sandbox_that_was_never_started_has_a_status_and_no_environment(project: Path, mlpctl: Mlpctl) -> None:
    code, out, _ = mlpctl("sandbox", "status")
    assert code == 0
    assert "absent" in out
    assert "probes" in out, "what is stored and not acted on"
    code, out, errors = mlpctl("sandbox", "env")
    assert (code, out) == (FAILED, "")
    assert "mlsandbox up" in errors
    assert mlpctl("sandbox", "down")[:2] == (0, "No sandbox is running.\n")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/state"),
            "/x/state: no space left on device. Free some sp",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x"),
            "/x: permission denied. Have its owner allow it, or",
        ),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "/x: read-only file system. Use a folder on a disk that"),
        (
            NotADirectoryError(errno.ENOTDIR, "Not a directory", "/x"),
            "/x: not a directory. Move away what is in its pl",
        ),
        (
            FileExistsError(errno.EEXIST, "File exists", "/x"),
            "/x: file exists. Move away what is in its place, and run",
        ),
        (OSError(errno.EMFILE, "Too many open files"), "too many open files. Allow more open files (`ulimit -n 4096`)"),
        (UnicodeEncodeError("ascii", "ü", 0, 1, "x"), "A path or a value is not ASCII, and this shell's locale takes "),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_the_system_refuses_is_one_sentence_with_what_helps_and_no_defect(
    project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr("mlpctl.project.root", refused)
    code, _, errors = mlpctl("config", "validate")
    assert code == FAILED
    assert errors.startswith(told)
    assert "defect" not in errors
    assert errors.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_told(project: Path, mlpctl: Mlpctl) -> None:
    (project / "taken").write_text("")
    code, _, errors = mlpctl("sandbox", "reset", "--folder", str(project / "taken"))
    assert code == FAILED
    assert errors.startswith(f"{project}/taken: file exists. Move away what is in its place")


def test_ids_are_whole_in_a_pipe_and_at_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = f"arn:aws:ec2:us-east-1:123456789012:vpc/{'0' * 60}"
    table = status_page._table("Serves", "At")
    table.add_row("AWS API", id)
    monkeypatch.delenv("COLUMNS", raising=False)
    out.console().print(table)
    assert f" {id}\n" in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "80")
    out.console().print(table)
    lines = capsys.readouterr().out.splitlines()[1:]
    assert "".join(line[lines[0].index("arn:") :].rstrip() for line in lines) == id


def test_a_defect_is_one_sentence_unless_it_is_being_debugged(
    project: Path,
    mlpctl: Mlpctl,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("mlpctl.project.root", broken)
    code, _, errors = mlpctl("config", "validate")
    assert code == FAILED
    assert errors == "mlpctl failed: RuntimeError: boom. This is a defect; MLPCTL_DEBUG=1 shows where.\n"
    monkeypatch.setenv("MLPCTL_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["mlpctl", "config", "validate"])
    with pytest.raises(RuntimeError, match="boom"):
        cli.main()


def test_help_imports_neither_the_sandbox_nor_the_sdk() -> None:
    code = (
        "import sys; sys.argv = ['mlpctl', '--help']\n"
        "from mlpctl import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'boto3', 'moto', 'pulumi', 'pulumi_aws'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "100"}
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_whoever_interrupts_a_long_command_is_told_that_it_goes_on(
    project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlsandbox.Sandbox.start", interrupted)
    for command in (("up", "--stack", "local"), ("sandbox", "up")):
        code, _, errors = mlpctl(*command)
        assert code == cli.INTERRUPTED
        assert "Interrupted. " in errors
        assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("CreateVpc",), "Pass the OPERATION that fails and its --code, or pass --clear.\n"),
        (("CreateVpc", "--code", "VpcLimitExceeded"), "There is no sandbox in "),
        (("CreateVpc", "--code", "VpcLimitExceeded", "--later"), "CreateVpc cannot fail later; allowed: CreateCluster"),
    ],
)
def test_a_failure_that_cannot_be_asked_for_is_one_sentence(
    project: Path, mlpctl: Mlpctl, arguments: tuple[str, ...], told: str
) -> None:
    code, said, error = mlpctl("sandbox", "fail", *arguments)
    assert (code, said) == (1, "")
    assert error.startswith(told)
