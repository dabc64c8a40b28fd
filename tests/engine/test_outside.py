"""The package without a checkout of this project, installed from its wheel."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from mlplatform import host

pytestmark = pytest.mark.engine

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the installed wheel, and the plugin's folder next to it.

    The library's dependencies come from the environment that runs the tests.
    """
    folder = tmp_path_factory.mktemp("outside")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (site,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    (wheel,) = folder.glob("*.whl")
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--offline"]
    subprocess.run([*install, "--python", folder / ".venv" / "bin" / "python", wheel], check=True)
    # This path is searched after the environment's own packages, and does not include editable installs.
    (site / "dependencies.pth").write_text(f"{Path(pulumi.__file__).parents[1]}\n")
    (folder / "components").mkdir()
    for name in ("PulumiPlugin.yaml", "__main__.py"):
        shutil.copy(root / "components" / name, folder / "components")
    return folder / ".venv"


@pytest.fixture
def outside(installed: Path, sandbox: Any, root: Path, tmp_path: Path) -> Run:
    """Runs a command in the YAML example, whose reference to this project's folder is removed."""
    sandbox.build(cluster=False, yaml=True)
    for name in ("Pulumi.yaml", "Pulumi.local.yaml"):
        shutil.copy(root / "examples" / "yaml" / name, tmp_path)
    program = yaml.safe_load((tmp_path / "Pulumi.yaml").read_text())
    del program["packages"]
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump(program, sort_keys=False))
    environment = sandbox.environment()
    here = str(Path(sys.executable).parent)
    folders = [folder for folder in environment["PATH"].split(os.pathsep) if folder != here]
    environment |= {
        "PATH": os.pathsep.join([str(installed / "bin"), *folders]),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    run("pulumi", "stack", "init", "local")
    return run


def test_the_library_is_imported_from_the_wheel(installed: Path, outside: Run) -> None:
    source = "import mlplatform, mlplatform.outputs; print(mlplatform.__file__)"
    assert outside("python", "-c", source).stdout.startswith(str(installed))


def test_a_yaml_program_finds_the_installed_package_on_the_path(installed: Path, outside: Run) -> None:
    done = outside("pulumi", "preview", "--non-interactive")
    assert f"{installed}/bin/pulumi-resource-mlplatform" in done.stdout
    assert "reports-bucket" in done.stdout


@pytest.mark.parametrize("source", [".venv/bin/pulumi-resource-mlplatform", "components"])
def test_the_package_is_added_to_a_yaml_program(source: str, installed: Path, outside: Run, tmp_path: Path) -> None:
    outside("pulumi", "package", "add", str(installed.parent / source))
    assert [*yaml.safe_load((tmp_path / "Pulumi.yaml").read_text())["packages"]] == ["mlplatform"]
    assert [path.name for path in tmp_path.rglob("sdks/mlplatform/*")] == [f"mlplatform-{host.version()}.yaml"]
