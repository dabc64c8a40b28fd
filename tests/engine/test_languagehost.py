"""The language host with the real engine: projects without cloud resources, each with its own state folder."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from mlsandbox.tools import toolchain

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


@pytest.fixture
def pack(project) -> Path:
    project.write("pack/PulumiPolicy.yaml", "{runtime: python, version: 0.1.0}")
    project.write(
        "pack/__main__.py",
        """
        import pulumi
        from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy

        names = [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()]
        limit = pulumi.Config("trial").require_int("limit")

        def few(args, report):
            if len(args.resources) > limit:
                report(f"{'/'.join(names)} may have {limit} resources, not {len(args.resources)}")

        PolicyPack("sizes", [StackValidationPolicy("few", "Stacks are small.", few, EnforcementLevel.MANDATORY)])
        """,
    )
    return project.folder / "pack"


def test_a_policy_pack_that_reads_the_stacks_config_blocks_an_update(project, pack):
    project.pulumi("config", "set", "limit", "0")
    done = project.pulumi("up", "--yes", "--policy-pack", str(pack), fails=True)
    assert "organization/trial/dev may have 0 resources, not 1" in done.stdout
    assert "[mandatory]" in done.stdout
    assert project.pulumi("stack", "export").stdout.count('"urn"') == 0

    project.pulumi("config", "set", "limit", "1")
    project.pulumi("up", "--yes", "--policy-pack", str(pack))
    assert project.pulumi("stack", "export").stdout.count('"urn"') == 1


def test_a_policy_pack_that_fails_to_start_is_reported(project, pack):
    (pack / "__main__.py").write_text("import no_such_module\n")
    done = project.pulumi("preview", "--policy-pack", str(pack), fails=True)
    output = done.stdout + done.stderr
    assert f"the policy pack in {pack} ended with exit code 1" in output
    assert "No module named 'no_such_module'" in output


@pytest.fixture
def plugin(project) -> Path:
    project.write("plugin/PulumiPlugin.yaml", "runtime: python")
    project.write(
        "plugin/__main__.py",
        '''
        from typing import TypedDict

        import pulumi
        from pulumi.provider.experimental import component_provider_host

        class GreetingArgs(TypedDict):
            name: pulumi.Input[str]
            """Who is greeted."""

        class Greeting(pulumi.ComponentResource):
            """A greeting."""

            text: pulumi.Output[str]

            def __init__(self, name: str, args: GreetingArgs, opts: pulumi.ResourceOptions | None = None):
                super().__init__("greet:index:Greeting", name, {}, opts)
                self.text = pulumi.Output.concat("hello ", args["name"])
                self.register_outputs({"text": self.text})

        component_provider_host(name="greet", components=[Greeting])
        ''',
    )
    return project.folder / "plugin"


def test_the_schema_of_a_component_plugin_is_available(project, plugin):
    schema = json.loads(project.pulumi("package", "get-schema", str(plugin)).stdout)
    greeting = schema["resources"]["greet:index:Greeting"]
    assert greeting["isComponent"] is True
    assert greeting["inputProperties"] == {"name": {"type": "string", "description": "Who is greeted."}}


def test_a_program_uses_a_component_of_a_plugin(project, plugin):
    project.write(
        "Pulumi.yaml",
        "{name: trial, runtime: python, main: app, plugins: {providers: [{name: greet, path: plugin}]}}",
    )
    project.write(
        "app/__main__.py",
        """
        import pulumi

        class Greeting(pulumi.ComponentResource):
            text: pulumi.Output[str]

            def __init__(self, name, who):
                super().__init__("greet:index:Greeting", name, {"name": who, "text": None}, remote=True)

        pulumi.export("text", Greeting("greeting", "you").text)
        """,
    )
    project.pulumi("up", "--yes", "--skip-preview")
    assert project.outputs()["text"] == "hello you"


def test_pulumi_about_lists_the_python_version_and_packages(project):
    about = json.loads(project.pulumi("about", "--json").stdout)
    assert about["runtime"] == {"language": "python", "executable": sys.executable, "version": sys.version.split()[0]}
    assert "mlplatform" in [package["name"] for package in about["dependencies"]]


def test_sdk_generation_requires_the_official_language_host(project, plugin):
    done = project.pulumi("package", "add", str(plugin), fails=True)
    assert "use the official pulumi-language-python" in done.stdout + done.stderr
