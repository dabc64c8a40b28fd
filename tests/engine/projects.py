"""A Python project that the real engine runs with the sandbox's language host."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from mlsandbox.tools import toolchain


@dataclass(frozen=True)
class Project:
    """A Pulumi project with the stack `dev`."""

    folder: Path
    environment: Mapping[str, str]

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))

    def pulumi(self, *arguments: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def outputs(self, *arguments: str) -> dict[str, object]:
        return json.loads(self.pulumi("stack", "output", "--json", *arguments).stdout)

    def errors(self) -> list[str]:
        """The errors of a preview that must fail."""
        preview = json.loads(self.pulumi("preview", "--json", fails=True).stdout)
        return [entry["message"] for entry in preview["diagnostics"] if entry["severity"] == "error"]


@pytest.fixture(scope="session")
def bin_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    engine = toolchain.ensure(["pulumi"], toolchain.SilentReporter())["pulumi"].resolve()
    try:
        (folder / "pulumi").hardlink_to(engine)
    except OSError:
        shutil.copy(engine, folder / "pulumi")
    host = folder / "pulumi-language-python"
    host.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mlsandbox.tools.languagehost "$@"\n')
    host.chmod(0o755)
    return folder


@pytest.fixture
def project(tmp_path, bin_folder) -> Project:
    environment = os.environ | {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    # This variable makes every Python unbuffered, which would hide whether the language host does it.
    environment.pop("PYTHONUNBUFFERED", None)
    project = Project(tmp_path / "project", environment)
    project.write("Pulumi.yaml", "{name: trial, runtime: python, main: app}")
    project.write("app/__main__.py", "")
    project.pulumi("stack", "init", "dev")
    return project
