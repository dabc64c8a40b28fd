"""A separate sandbox for the benchmarks, and the projects in it."""

import shutil
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from benchmarks.measure import BenchmarkError, Run, run
from mlsandbox import Sandbox

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Project:
    """A Pulumi project with one stack, in a sandbox."""

    folder: Path
    stack: str
    sandbox: Sandbox

    def pulumi(self, *command: str) -> Run:
        """Run a `pulumi` command for the stack."""
        words = ["pulumi", *command, "--stack", self.stack, "--non-interactive"]
        return run(words, self.folder, self.sandbox.environment())

    def output(self, *command: str) -> str:
        """The output of a `pulumi` command for the stack."""
        words = ["pulumi", *command, "--stack", self.stack, "--non-interactive"]
        done = subprocess.run(
            words, cwd=self.folder, env=self.sandbox.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BenchmarkError(f"{' '.join(words)} failed in {self.folder}:\n{done.stdout}{done.stderr}")
        return done.stdout


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """A running sandbox, which is removed afterwards."""
    with TemporaryDirectory(prefix="mlplatform-bench-") as folder:
        sandbox = Sandbox.find(Path(folder) / "sandbox")
        sandbox.start()
        try:
            yield sandbox
        finally:
            sandbox.stop()


@contextmanager
def platform(sandbox: Sandbox, stack: str, without: Collection[str] = ()) -> Iterator[Project]:
    """A copy of this project with one of its stacks, which is destroyed afterwards.

    `without` contains the sections of the stack file to leave out.
    """
    with TemporaryDirectory(prefix="mlplatform-bench-") as name:
        folder = Path(name)
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        shutil.copytree(ROOT / "stacks", folder / "stacks")
        (folder / "platform").mkdir()
        shutil.copy(ROOT / "platform" / "__main__.py", folder / "platform")
        shutil.copytree(ROOT / "platform" / "layers", folder / "platform" / "layers")
        (folder / ".venv").symlink_to(ROOT / ".venv")
        file = folder / "stacks" / f"Pulumi.{stack}.yaml"
        content = yaml.safe_load(file.read_text())
        for section in without:
            content["config"]["mlplatform:platform"].pop(section, None)
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        with _selected(Project(folder, stack, sandbox)) as project:
            yield project


@contextmanager
def program(sandbox: Sandbox, name: str, text: str, config: str = "") -> Iterator[Project]:
    """A project with one program and the stack `bench`."""
    with TemporaryDirectory(prefix="mlplatform-bench-") as path:
        folder = Path(path)
        runtime = f"{{ name: python, options: {{ virtualenv: {ROOT / '.venv'} }} }}"
        (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: {runtime}\n")
        (folder / "Pulumi.bench.yaml").write_text(f"config:\n  aws:region: us-east-1\n{config}")
        (folder / "__main__.py").write_text(text)
        with _selected(Project(folder, "bench", sandbox)) as project:
            yield project


@contextmanager
def _selected(project: Project) -> Iterator[Project]:
    project.pulumi("stack", "select", "--create")
    try:
        yield project
    finally:
        project.pulumi("destroy", "--yes", "--skip-preview")
        project.pulumi("stack", "rm", "--yes", "--preserve-config")
