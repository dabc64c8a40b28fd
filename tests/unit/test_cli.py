"""The output of `mlpctl`: results, one clear sentence for an error, and exit codes."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlpctl import cli, ending, out
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
    output = capsys.readouterr()
    return ended.value.code, output.out, output.err


@pytest.fixture
def mlpctl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Mlpctl:
    # Workers of pytest-xdist set it to the width of their terminal.
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: run(*arguments, capsys=capsys, monkeypatch=monkeypatch)


def test_a_valid_file_is_reported_as_valid(project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpctl.config.warnings.WARNED_DAYS", -(10**6))
    assert mlpctl("config", "validate", "--stack", "local") == (0, "stacks/Pulumi.local.yaml is valid.\n", "")


def test_a_version_close_to_end_of_support_is_a_warning_not_an_error(
    project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlpctl.config.warnings.WARNED_DAYS", 10**6)
    code, out, _ = mlpctl("config", "validate", "--stack", "local")
    assert code == 0
    assert "warning: cluster.version is 1.36; its standard support end" in out
    assert out.endswith("stacks/Pulumi.local.yaml is valid.\n")


def test_an_invalid_file_is_reported_with_all_problems_before_anything_starts(project: Path, mlpctl: Mlpctl) -> None:
    file = project / "stacks" / "Pulumi.local.yaml"
    file.write_text(file.read_text().replace("maxNodes: 2", "maxNods: 2").replace("port: 8000", "port: 80"))
    for command in (("config", "validate"), ("config", "show"), ("up",)):
        code, _, errors = mlpctl(*command, "--stack", "local")
        assert code == BAD_INPUT
        assert "maxNodes" in errors
        assert "port" in errors
        assert "Traceback" not in errors
    assert not (project / ".sandbox").exists(), "nothing was changed"


def test_a_stack_without_a_file_is_reported_with_the_existing_files(project: Path, mlpctl: Mlpctl) -> None:
    code, _, errors = mlpctl("config", "validate", "--stack", "lokal")
    assert code == BAD_INPUT
    assert "local" in errors


def test_show_prints_values_with_their_origins(project: Path, mlpctl: Mlpctl) -> None:
    code, out, _ = mlpctl("config", "show", "--stack", "local")
    rows = {row[0]: row[1:] for row in (line.split() for line in out.splitlines()) if row}
    assert code == 0
    assert rows["network.nat"] == ["single", "profile", "dev"]
    assert rows["inference.chat.port"][0] == "8000"


def test_compare_prints_weaker_safeguards_and_their_threats(project: Path, mlpctl: Mlpctl) -> None:
    code, output, _ = mlpctl("config", "compare", "--stack", "dev", "--with", "prod", "--against", "intruders")
    assert code == FAILED
    assert ["keys.perDomain", "false", "true", "intruders"] in [line.split() for line in output.splitlines()]
    code, output, _ = mlpctl("config", "compare", "--stack", "prod", "--with", "staging")
    assert (code, output) == (0, "No safeguard is weaker in prod than in staging.\n")
    code, _, errors = mlpctl("config", "compare", "--with", "prod", "--against", "rain")
    assert code == BAD_INPUT
    assert "rain; allowed: intruders, loss" in errors


def test_schema_prints_the_schema_for_editors(project: Path, mlpctl: Mlpctl) -> None:
    code, out, _ = mlpctl("config", "schema")
    assert code == 0
    assert json.loads(out) == json.loads((project / "stacks" / "schema.json").read_text())


def test_outside_a_project_the_error_names_the_missing_file(
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
    assert "probes" in out, "settings that are stored but have no effect"
    code, out, errors = mlpctl("sandbox", "env")
    assert (code, out) == (FAILED, "")
    assert "mlsandbox up" in errors
    assert mlpctl("sandbox", "down")[:2] == (0, "No sandbox is running.\n")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/state"),
            "/x/state: no space left on device. Free some sp",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x"),
            "/x: permission denied. Ask its owner for access, or",
        ),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "/x: read-only file system. Use a folder on a writable "),
        (
            NotADirectoryError(errno.ENOTDIR, "Not a directory", "/x"),
            "/x: not a directory. Move the existing file or ",
        ),
        (
            FileExistsError(errno.EEXIST, "File exists", "/x"),
            "/x: file exists. Move the existing file or folder away, and run",
        ),
        (OSError(errno.EMFILE, "Too many open files"), "too many open files. Allow more open files (`ulimit -n 4096`)"),
        (
            UnicodeEncodeError("ascii", "ü", 0, 1, "x"),
            "A path or a value is not ASCII, which this shell's locale does ",
        ),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_operating_system_error_is_one_sentence_with_a_remedy_and_not_a_bug(
    project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr("mlpctl.project.root", failing)
    code, _, errors = mlpctl("config", "validate")
    assert code == FAILED
    assert errors.startswith(message)
    assert "bug" not in errors
    assert errors.count("\n") == 1


def test_a_folder_that_cannot_be_created_is_reported(project: Path, mlpctl: Mlpctl) -> None:
    (project / "taken").write_text("")
    code, _, errors = mlpctl("sandbox", "reset", "--folder", str(project / "taken"))
    assert code == FAILED
    assert errors.startswith(f"{project}/taken: file exists. Move the existing file or folder away")


def test_ids_are_complete_in_a_pipe_and_at_eighty_columns(
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


def test_an_unexpected_error_is_one_sentence_unless_mlpctl_debug_is_set(
    project: Path,
    mlpctl: Mlpctl,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("mlpctl.project.root", broken)
    code, _, errors = mlpctl("config", "validate")
    assert code == FAILED
    assert (
        errors
        == "mlpctl failed: RuntimeError: boom. This is a bug in mlpctl; set MLPCTL_DEBUG=1 to see the traceback.\n"
    )
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


def test_an_interrupted_command_says_how_to_continue(
    project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlsandbox.Sandbox.start", interrupted)
    for command in (("up", "--stack", "local"), ("sandbox", "up")):
        code, _, errors = mlpctl(*command)
        assert code == ending.INTERRUPTED
        assert "Interrupted. " in errors
        assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CreateVpc",), "Pass the OPERATION that fails and its --code, or pass --clear.\n"),
        (("CreateVpc", "--code", "VpcLimitExceeded"), "There is no sandbox in "),
        (("CreateVpc", "--code", "VpcLimitExceeded", "--later"), "CreateVpc cannot fail later; allowed: CreateCluster"),
    ],
)
def test_an_invalid_failure_request_is_one_sentence(
    project: Path, mlpctl: Mlpctl, arguments: tuple[str, ...], message: str
) -> None:
    code, output, error = mlpctl("sandbox", "fail", *arguments)
    assert (code, output) == (1, "")
    assert error.startswith(message)


@pytest.mark.parametrize(
    ("options", "chosen"),
    [((), None), (("--with", "metrics-server, kueue"), ["metrics-server", "kueue"]), (("--with", ""), [])],
)
def test_controllers_are_chosen_by_name_and_kept_without_the_option(
    options: tuple[str, ...], chosen: list[str] | None, project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("mlsandbox.Sandbox.start", lambda _, *, yaml, controllers: asked.append(controllers))
    assert mlpctl("sandbox", "up", *options)[0] == 0
    assert asked == [chosen]
