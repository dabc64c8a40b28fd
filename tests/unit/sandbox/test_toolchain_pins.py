"""The table of programs: pins, compatible versions, and keys of builds."""

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
from semver import Version

from mlsandbox.tools.toolchain import ON_REQUEST, TOOLS, ToolchainError, tools

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "version", "compatible"),
    [
        ("pulumi", "3.259.0", True),
        ("pulumi", "3.259.3", True),
        ("pulumi", "3.300.0", True),
        ("pulumi", "3.258.9", False),
        ("pulumi", "3.259.0-alpha.1", False),
        ("pulumi", "4.0.0", False),
        ("pulumi", "4.0.0-alpha.1", False),
        ("kube-apiserver", "1.37.0", True),
        ("kube-apiserver", "1.37.9", True),
        ("kube-apiserver", "1.36.5", False),
        ("kube-apiserver", "1.38.0", False),
        ("kube-apiserver", "1.37.0-rc.1", False),
        ("etcd", "3.5.24", True),
        ("etcd", "3.8.0", True),
        ("etcd", "3.5.23", False),
        ("etcd", "4.0.0", False),
        ("kwok", "0.8.0", True),
        ("kwok", "0.8.1", False),
    ],
)
def test_compatible_versions(name: str, version: str, compatible: bool) -> None:
    tool = TOOLS[name]
    assert tool.fit.holds(Version.parse(version), tool.version) is compatible


@pytest.mark.parametrize("tool", [*TOOLS.values(), *ON_REQUEST.values()], ids=str)
def test_every_pin_is_read_from_a_module_that_builds_the_program(tool: tools.Tool) -> None:
    module = (tool.folder / "go.mod").read_text()
    ours = module.startswith(f"module {tool.package}\n") and (tool.folder / "main.go").exists()
    assert ours or re.search(rf"^(tool )?\s*{re.escape(tool.package)}$", module, re.MULTILINE)
    assert f"{tool.requirement} v{tool.pin} h1:" in (tool.folder / "go.sum").read_text()
    assert tool.fit.holds(tool.version, tool.version)


def test_the_provider_has_the_version_of_the_locked_sdk() -> None:
    locked = re.search(r"^pulumi-kubernetes==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    assert str(TOOLS["pulumi-resource-kubernetes"].version) == locked[1]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("kwok", "go.mod"),
        ("kwok", "go.sum"),
        *(("pulumi-resource-kubernetes", file) for file in ("main.go", "sdk/go.mod", "sdk/go/kubernetes/untyped.go")),
    ],
)
def test_a_changed_pin_or_source_changes_the_key_of_the_build(
    name: str, file: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = TOOLS[name]
    shutil.copytree(tool.folder, tmp_path / tool.module)
    monkeypatch.setattr(tools, "MODULES", tmp_path)
    key = dataclasses.replace(tool).key
    assert key == tool.key
    with (tmp_path / tool.module / file).open("a") as text:
        text.write("\n")
    assert dataclasses.replace(tool).key != key


def test_changed_flags_change_the_key_of_the_build() -> None:
    tool = TOOLS["kwok"]
    assert dataclasses.replace(tool, version_variables={"main.version": "v{v}"}).key != tool.key


def test_the_error_for_a_missing_pin_names_the_file() -> None:
    with pytest.raises(ToolchainError, match=r"engine/go\.mod does not require example\.org/none"):
        _ = dataclasses.replace(TOOLS["pulumi"], requirement="example.org/none").version
