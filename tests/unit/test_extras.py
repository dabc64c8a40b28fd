"""Commands run without the extras that they do not need, and report the extras that they need."""

import json
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mlpctl.errors import FAILED

SANDBOX = ("platformdirs", "moto", "cryptography")
"""Modules that only the extra `sandbox` installs."""

ALSO_OF_PULUMI = {"semver"}
"""Dependencies of the extra that Pulumi's SDK has too."""

PREVIEW = {"steps": [], "duration": 1, "changeSummary": {}}

Run = Callable[..., subprocess.CompletedProcess[str]]
"""Runs a module's `main` with arguments in a process in which these modules cannot be imported."""

pytestmark = pytest.mark.engine  # each test starts a process


@pytest.fixture
def run(root: Path, tmp_path: Path) -> Run:
    """The project's folder has a program of another kind, and a `pulumi` that previews no resource."""
    (tmp_path / "Pulumi.yaml").write_text("name: other\nruntime: python\n")
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text(f"#!/bin/sh\necho '{json.dumps(PREVIEW)}'\n")
    pulumi.chmod(0o755)
    packages = [str(root / each) for each in ("components", "facts", "platform", "sandbox")]

    def run(module: str, *arguments: str, without: Sequence[str]) -> subprocess.CompletedProcess[str]:
        program = textwrap.dedent(f"""
            import sys
            class Missing:
                def find_spec(self, name, path=None, target=None):
                    if name.partition(".")[0] in {tuple(without)!r}:
                        raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
            sys.meta_path.insert(0, Missing())
            sys.path[:0] = {packages!r}
            sys.argv = {[module, *arguments]!r}
            from {module}.__main__ import main
            main()
        """)
        variables: Mapping[str, str] = {"PATH": f"{pulumi.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
        return subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )

    return run


def test_the_modules_of_the_extra_are_those_that_only_it_has(root: Path) -> None:
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {Requirement(each).name for each in extras["sandbox"]} - {"mlplatform"} - ALSO_OF_PULUMI
    installed = metadata.packages_distributions()
    assert names == {name for module in SANDBOX for name in installed[module]}


@pytest.mark.parametrize("command", ["cost", "review"])
def test_a_stack_of_an_account_is_reviewed_without_the_sandbox(run: Run, command: str) -> None:
    done = run("mlpctl", command, "--stack", "dev", "--account", without=SANDBOX)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("mlpctl", ["sandbox", "up"]),
        ("mlpctl", ["sandbox", "status"]),
        ("mlpctl", ["sandbox", "quota"]),
        ("mlpctl", ["recover"]),
        ("mlpctl", ["up"]),
        ("mlsandbox", ["up"]),
        ("mlsandbox", ["quota"]),
    ],
)
def test_a_command_of_the_sandbox_reports_its_missing_extra(run: Run, module: str, arguments: Sequence[str]) -> None:
    done = run(module, *arguments, without=SANDBOX)
    assert done.returncode == FAILED
    assert done.stderr.endswith(
        "needs platformdirs, which is not installed. Install its extra: pip install 'mlplatform[sandbox]'\n"
    )
    assert "Traceback" not in done.stderr


def test_a_review_in_the_sandbox_reports_the_missing_extra_as_not_run(run: Run) -> None:
    done = run("mlpctl", "cost", without=SANDBOX)
    assert done.returncode == 3
    assert "pip install 'mlplatform[sandbox]'" in done.stderr


def test_help_needs_no_sandbox(run: Run) -> None:
    done = run("mlpctl", "sandbox", "--help", without=SANDBOX)
    assert done.returncode == 0
    assert "quota" in done.stdout


@pytest.mark.parametrize(("module", "extra"), [("mlpctl", "ctl"), ("mlsandbox", "sandbox")])
def test_a_command_without_any_extra_reports_its_own(run: Run, module: str, extra: str) -> None:
    done = run(module, "--help", without=["typer", "rich"])
    assert done.returncode == FAILED
    assert f"pip install 'mlplatform[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_module_of_this_package_is_a_bug_and_not_a_missing_extra(run: Run) -> None:
    done = run("mlpctl", "cost", "--account", without=["awsfacts"])
    assert "pip install" not in done.stderr
    assert "awsfacts" in done.stderr
