"""The official installer, plugins and language hosts of the toolchain."""

import shutil
import sys

import pytest

from mlsandbox.tools.toolchain import (
    TOOLS,
    Cache,
    SilentReporter,
    ensure,
    language_host,
    look,
    official,
)
from unit.sandbox.toolchains import PLUGIN, Recorder, bin_folder, calls, program

__all__ = ["bin_folder", "calls"]  # fixtures

pytestmark = pytest.mark.engine  # each test starts several processes
FOLDER = f"plugins/resource-kubernetes-v{TOOLS[PLUGIN].version}"
"""The folder of the plugin, relative to `PULUMI_HOME`."""


def installer(version: str, code: int = 0) -> tuple[str, ...]:
    """A fake official installer, which installs a program that prints `version`."""
    text = (
        "import os, sys; os.makedirs(sys.argv[1] + '/bin'); path = sys.argv[1] + '/bin/pulumi'; "
        f"open(path, 'w').write('#!/bin/sh\\necho {version}\\n'); os.chmod(path, 0o755); sys.exit({code})"
    )
    return (sys.executable, "-c", text)


def test_the_official_installer_precedes_a_build_and_its_result_is_cached(bin_folder, calls, monkeypatch):
    monkeypatch.delenv("MLPLATFORM_INSTALLER")
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", ""))
    monkeypatch.setattr(official, "INSTALL", installer("v3.259.0"))
    made = ensure(["pulumi"], SilentReporter())["pulumi"]
    found = look("pulumi").found
    assert found is not None
    assert (found.path, found.source) == (made, "official installer")
    assert calls("build") == []


@pytest.mark.parametrize(
    ("reach", "install", "reason"),
    [
        ("import sys; sys.exit(1)", installer("v3.259.0"), "is not reachable"),
        ("import time; time.sleep(60)", installer("v3.259.0"), "is not reachable"),
        ("", installer("v3.259.0", code=3), "failed with exit code 3"),
        ("", installer("v3.258.0"), "delivered version 3.258.0"),
    ],
    ids=["refused", "silent", "failing", "another version"],
)
def test_if_the_installer_fails_it_leaves_no_files_and_the_engine_is_built(
    bin_folder, calls, monkeypatch, tmp_path, reach, install, reason
):
    monkeypatch.delenv("MLPLATFORM_INSTALLER")
    monkeypatch.setattr(official, "REACH_SECONDS", 0.5)
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", reach))
    monkeypatch.setattr(official, "INSTALL", install)
    reporter = Recorder()
    ensure(["pulumi"], reporter)
    assert f"pulumi v3.259.0: the official installer {reason}." in reporter.lines
    assert len(calls("build")) == 1
    assert list((tmp_path / "cache" / "official").rglob("pulumi-*")) == []
    assert list((tmp_path / "cache" / "official" / "pulumi").iterdir()) == []


def test_the_official_installer_can_be_disabled(bin_folder, calls, monkeypatch):
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", ""))
    monkeypatch.setattr(official, "INSTALL", installer("v3.259.0"))
    ensure(["pulumi"], SilentReporter())
    assert len(calls("build")) == 1


def test_a_plugin_in_the_users_pulumi_folder_is_used(bin_folder, calls, tmp_path):
    installed = program(tmp_path / "pulumi-home" / FOLDER, PLUGIN, "it starts to serve")
    program(bin_folder, PLUGIN, "on PATH, without a version")
    assert ensure([PLUGIN], SilentReporter()) == {PLUGIN: installed}
    assert calls("build") == []


def test_a_built_plugin_has_its_files_beside_it_and_does_not_count_as_official(bin_folder, calls, tmp_path):
    made = ensure([PLUGIN], SilentReporter())[PLUGIN]
    assert {file.name for file in made.parent.iterdir()} >= {PLUGIN, "schema.json", "terraform-mapping.json"}
    # The `PULUMI_HOME` of a sandbox, in a shell that evaluated its environment.
    shutil.copytree(made.parent, tmp_path / "pulumi-home" / FOLDER)
    assert ensure([PLUGIN], SilentReporter()) == {PLUGIN: made}
    assert len(calls("build")) == 1


@pytest.mark.parametrize("delivers", [True, False])
def test_the_engine_tries_to_download_a_plugin_before_a_build(bin_folder, calls, monkeypatch, delivers):
    monkeypatch.delenv("MLPLATFORM_INSTALLER")
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", ""))
    place = f'"$PULUMI_HOME"/{FOLDER}'
    install = f'[ "$*" = "plugin install resource kubernetes v{TOOLS[PLUGIN].version}" ] || exit 1'
    put = f"/bin/mkdir -p {place} && /bin/cp /bin/sh {place}/{PLUGIN}" if delivers else ""
    program(bin_folder, "pulumi", f'#!/bin/sh\n[ "$1" = version ] && echo v3.300.0 && exit\n{install}\n{put}\n')
    made = ensure([PLUGIN], SilentReporter())[PLUGIN]
    found = look(PLUGIN).found
    assert found is not None
    assert (found.path, found.source) == (made, "official installer" if delivers else "built from source")
    assert bool(calls("build")) is not delivers


def test_the_official_language_host_beside_the_engine_is_used(bin_folder, tmp_path):
    engine = program(tmp_path / "pulumi" / "bin", "pulumi", "v3.260.0")
    host = program(engine.parent, "pulumi-language-python", "official")
    assert language_host(engine) == host


def test_the_sandboxs_own_language_host_does_not_count_as_official(bin_folder, tmp_path):
    engine = program(bin_folder, "pulumi", "v3.260.0")
    program(bin_folder, "pulumi-language-python", '#!/bin/sh\nexec python -m mlsandbox.tools.languagehost "$@"\n')
    assert language_host(engine) is None


def test_a_language_host_of_an_older_engine_is_not_used(bin_folder, tmp_path):
    engine = program(tmp_path / "cache" / "built", "pulumi", "v3.259.0")
    program(bin_folder, "pulumi", "v3.100.0")
    program(bin_folder, "pulumi-language-python", "official")
    assert language_host(engine) is None


def test_the_yaml_host_beside_the_engine_is_used(bin_folder, calls, tmp_path, monkeypatch):
    program(tmp_path / "official", "pulumi", "v3.300.1")
    host = program(tmp_path / "official", "pulumi-language-yaml", "#!/bin/sh\nexit 2\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'official'}:{bin_folder}")
    assert ensure(["pulumi-language-yaml"], SilentReporter()) == {"pulumi-language-yaml": host}
    assert calls("build") == []


def test_without_a_yaml_host_beside_the_engine_it_is_built_once(bin_folder, calls):
    program(bin_folder, "pulumi-language-yaml", "#!/bin/sh\nexit 2\n")
    program(bin_folder, "pulumi", "v3.100.0")
    made = ensure(["pulumi", "pulumi-language-yaml"], SilentReporter())["pulumi-language-yaml"]
    assert made.is_relative_to(Cache.of_user().root)
    assert ensure(["pulumi-language-yaml"], SilentReporter()) == {"pulumi-language-yaml": made}
    assert len(calls("build")) == 2
