"""The language host with the real engine: projects without cloud resources, each with its own state folder."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine.projects import bin_folder, project

__all__ = ["bin_folder", "project"]  # fixtures

pytestmark = pytest.mark.engine

DEADLINE_SECONDS = 30


def within_deadline(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_the_program_reads_its_config_and_secrets_remain_secret(project):
    project.write(
        "app/__main__.py",
        """
        import pulumi

        config = pulumi.Config()
        pulumi.export("region", config.require("region"))
        pulumi.export("limits", config.require_object("limits"))
        pulumi.export("token", config.require_secret("token"))
        pulumi.export("length", config.require_secret("token").apply(len))
        """,
    )
    project.pulumi("config", "set", "region", "eu-west-1")
    project.pulumi("config", "set", "--path", "limits.gpus", "4")
    project.pulumi("config", "set", "--secret", "token", "hush-hush")
    done = project.pulumi("up", "--yes", "--skip-preview")
    assert "hush-hush" not in done.stdout + done.stderr
    assert project.outputs() == {
        "region": "eu-west-1",
        "limits": {"gpus": 4},
        "token": "[secret]",
        "length": "[secret]",
    }
    shown = project.outputs("--show-secrets")
    assert (shown["token"], shown["length"]) == ("hush-hush", len("hush-hush"))
    assert "hush-hush" not in project.pulumi("stack", "export").stdout


def test_the_program_knows_which_config_is_secret(project):
    project.write(
        "app/__main__.py",
        """
        import pulumi
        from pulumi.runtime.config import is_config_secret

        pulumi.export("secret", [is_config_secret("trial:token"), is_config_secret("trial:region")])
        """,
    )
    project.pulumi("config", "set", "region", "eu-west-1")
    project.pulumi("config", "set", "--secret", "token", "hush-hush")
    project.pulumi("up", "--yes", "--skip-preview")
    assert project.outputs()["secret"] == [True, False]


def test_the_program_knows_where_and_how_it_runs(project):
    project.write(
        "app/__main__.py",
        """
        import os
        import sys

        import beside
        import pulumi

        pulumi.export("names", [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()])
        pulumi.export("parallel", pulumi.runtime.settings.SETTINGS.parallel)
        pulumi.export("dry_run", pulumi.runtime.is_dry_run())
        pulumi.export("folders", [os.getcwd(), pulumi.get_root_directory()])
        pulumi.export("beside", beside.__file__)
        pulumi.export("path", sys.path)
        """,
    )
    project.write("app/beside.py", "")
    project.pulumi("up", "--yes", "--skip-preview", "--parallel", "7")
    outputs = project.outputs()
    app = str(project.folder / "app")
    assert outputs["names"] == ["organization", "trial", "dev"]
    assert outputs["parallel"] == 7
    assert outputs["dry_run"] is False
    assert outputs["folders"] == [app, str(project.folder)]
    assert outputs["beside"] == f"{app}/beside.py"
    assert not [entry for entry in outputs["path"] if "languagehost" in entry]


def test_a_program_runs_in_the_virtual_environment_of_its_project(project, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    packages = next(Path(entry) for entry in sys.path if (Path(entry) / "pulumi").is_dir())
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "parent.pth").write_text(f"{packages}\n")
    options = "{virtualenv: ../venv}"
    project.write("Pulumi.yaml", f"{{name: trial, runtime: {{name: python, options: {options}}}, main: app}}")
    project.write("app/__main__.py", "import pulumi, sys; pulumi.export('prefix', sys.prefix)")
    project.pulumi("up", "--yes", "--skip-preview")
    assert project.outputs()["prefix"] == str(tmp_path / "venv")


def test_a_missing_virtual_environment_is_reported(project):
    options = "{virtualenv: .venv}"
    project.write("Pulumi.yaml", f"{{name: trial, runtime: {{name: python, options: {options}}}, main: app}}")
    done = project.pulumi("preview", fails=True)
    assert f"{project.folder}/.venv, which is not a virtual environment" in done.stdout + done.stderr


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """The output of `process` up to the line with `text`. Kills the process after a timeout."""
    timer = threading.Timer(DEADLINE_SECONDS, process.kill)
    timer.start()
    lines = ""
    for line in process.stdout:
        lines += line
        if text in line:
            timer.cancel()
            return lines
    timer.cancel()
    raise AssertionError(f"no {text!r} in:\n{lines}")


def test_the_output_of_a_program_is_shown_while_it_runs(project, tmp_path):
    project.write(
        "app/__main__.py",
        f"""
        import pathlib, time

        print("printed early")
        while not pathlib.Path({str(tmp_path / "seen")!r}).exists():
            time.sleep(0.05)
        """,
    )
    engine = project.start("preview")
    read_until(engine, "printed early")
    assert engine.poll() is None
    (tmp_path / "seen").touch()
    engine.communicate(timeout=DEADLINE_SECONDS)
    assert engine.returncode == 0


def test_a_failing_program_shows_its_own_frames_of_the_traceback_once(project):
    project.write("app/__main__.py", "import beside\nbeside.fail()\n")
    project.write("app/beside.py", "def fail():\n    raise ValueError('the cause')\n")
    errors = project.errors()
    (traceback,) = [error for error in errors if "Traceback" in error]
    assert traceback.count("Traceback") == 1
    assert "ValueError: the cause" in traceback
    assert f'File "{project.folder}/app/__main__.py", line 2' in traceback
    assert "runpy" not in traceback
    assert "languagehost" not in traceback
    assert not [error for error in errors if "exit code" in error]


def test_a_syntax_error_is_shown_without_frames_of_the_language_host(project):
    project.write("app/__main__.py", "import pulumi\nif\n")
    (error, *others) = project.errors()
    assert f'File "{project.folder}/app/__main__.py", line 2' in error
    assert "SyntaxError" in error
    assert "runpy" not in error
    assert not [other for other in others if "exit code" in other]


def test_a_run_error_has_no_traceback(project):
    project.write("app/__main__.py", "import pulumi; raise pulumi.RunError('name a region')")
    errors = project.errors()
    assert [error.strip() for error in errors if "region" in error] == ["error: name a region"]
    assert not [error for error in errors if "Traceback" in error or "exit code" in error]


def test_missing_config_is_reported_with_the_command_to_set_it(project):
    project.write("app/__main__.py", "import pulumi; pulumi.Config().require('region')")
    (error, *_) = project.errors()
    assert "pulumi config set trial:region" in error
    assert "Traceback" not in error


def test_a_program_with_a_non_zero_exit_code_fails(project):
    project.write("app/__main__.py", "import sys; sys.exit(3)")
    assert [error for error in project.errors() if "program exited with non-zero exit code: 3" in error]


def test_a_folder_without_a_program_is_reported(project):
    (project.folder / "app" / "__main__.py").unlink()
    assert f"There is no {project.folder}/app/__main__.py" in project.errors()[0]


SLEEPS = """
import signal, subprocess, sys, time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("program sleeps")
time.sleep(600)
"""


@pytest.fixture
def sleeping(project):
    """An engine whose program sleeps, and all its child processes: host, program and the program's child."""
    project.write("app/__main__.py", SLEEPS)
    engine = project.start("preview")
    read_until(engine, "program sleeps")
    processes = psutil.Process(engine.pid).children(recursive=True)
    assert len(processes) == 3, processes
    yield engine, processes
    for process in alive(processes):
        process.kill()
    engine.kill()
    engine.communicate()


def test_a_killed_engine_leaves_no_process_running(sleeping):
    engine, processes = sleeping
    engine.kill()
    assert within_deadline(lambda: not alive(processes)), alive(processes)


def test_an_interrupted_engine_terminates_the_program(sleeping):
    engine, processes = sleeping
    engine.send_signal(signal.SIGINT)
    output, _ = engine.communicate(timeout=DEADLINE_SECONDS)
    assert engine.returncode != 0
    assert within_deadline(lambda: not alive(processes)), alive(processes)
    assert "Traceback" not in output


def test_the_program_ends_if_its_host_is_killed(sleeping):
    engine, processes = sleeping
    host = next(process for process in processes if process.ppid() == engine.pid)
    host.kill()
    assert within_deadline(lambda: not alive(processes)), alive(processes)


def test_a_leftover_child_process_does_not_block_the_engine(project):
    project.write("app/__main__.py", "import subprocess; subprocess.Popen(['sleep', '600'])")
    started = time.monotonic()
    project.pulumi("preview")
    assert time.monotonic() - started < DEADLINE_SECONDS
