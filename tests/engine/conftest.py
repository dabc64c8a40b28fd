"""A separate sandbox for the tests, on free ports and in its own folder, and copies of the project to run in it."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import kubernetes
import pytest
import yaml

from mlsandbox import Sandbox
from mlsandbox.ground.layout import Layout
from mlsandbox.tools.toolchain import SilentReporter

REGION = "us-east-1"


class Running(Sandbox):
    """A running sandbox."""

    def aws(self, service: str) -> Any:
        """A boto3 client, as used outside Pulumi."""
        key = self.layout.credentials()
        session = boto3.session.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
        return session.client(service, endpoint_url=self.layout.aws_endpoint)

    def kubernetes(self) -> Any:
        """An administrator's API client of the cluster."""
        return kubernetes.config.new_client_from_config(str(self.layout.kubeconfig))

    def restart(self) -> None:
        """Stop it and start it again."""
        assert self.stop()
        self.start()


_UNCHANGED = re.compile(r" refreshing \(|^ +\S+:\S+ \S+ +$")
"""Lines of the engine's output about resources without changes."""


@dataclass(frozen=True)
class Project:
    """A copy of this project with stack files that a test can edit."""

    folder: Path
    sandbox: Running
    stack: str = "local"

    @classmethod
    def copy(cls, root: Path, folder: Path, sandbox: Running, stack: str) -> "Project":
        """A copy of the project at `root` in an empty folder."""
        shutil.copy(root / "Pulumi.yaml", folder)
        shutil.copytree(root / "stacks", folder / "stacks")
        (folder / "platform").mkdir()
        shutil.copy(root / "platform" / "__main__.py", folder / "platform")
        shutil.copytree(root / "platform" / "layers", folder / "platform" / "layers")
        (folder / ".venv").symlink_to(root / ".venv")
        return cls(folder, sandbox, stack)

    def pulumi(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a `pulumi` command in it."""
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=self.folder,
            env=self.sandbox.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        changes = "\n".join(line for line in done.stdout.splitlines() if not _UNCHANGED.search(line))
        assert not check or done.returncode == 0, f"pulumi {' '.join(command)}\n{changes}\n{done.stderr}"
        return done

    def preview(self, *options: str) -> list[dict[str, Any]]:
        """The steps of a preview that are changes."""
        plan = json.loads(self.pulumi("preview", "--json", "--stack", self.stack, *options).stdout)
        return [step for step in plan["steps"] if step["op"] not in ("same", "read")]

    def edit(self, *path: str, value: Any) -> None:
        """Set one value below `mlplatform:platform` of the stack."""
        with self._place(path) as place:
            place[path[-1]] = value

    def remove(self, *path: str) -> None:
        """Remove one value below `mlplatform:platform` of the stack."""
        with self._place(path) as place:
            del place[path[-1]]

    @contextmanager
    def _place(self, path: Sequence[str]) -> Iterator[Any]:
        file = self.folder / "stacks" / f"Pulumi.{self.stack}.yaml"
        stack = yaml.safe_load(file.read_text())
        place = stack["config"]["mlplatform:platform"]
        for key in path[:-1]:
            place = place[key]
        yield place
        file.write_text(yaml.safe_dump(stack, sort_keys=False))


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """A sandbox that runs during the context."""
    sandbox = Running(Layout(folder), SilentReporter())
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One sandbox for all tests that clean up after themselves."""
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def own_project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A copy of the project with the stack `local`, and its own sandbox, which a test can kill."""
    with running(tmp_path_factory.mktemp("own") / "sandbox") as sandbox:
        yield Project.copy(root, tmp_path_factory.mktemp("own-local"), sandbox, "local")


@pytest.fixture(scope="session")
def project_for(
    sandbox: Running, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], AbstractContextManager[Project]]:
    """Creates a copy of this project for one of its stacks, which is destroyed at the end."""

    @contextmanager
    def made(stack: str) -> Iterator[Project]:
        project = Project.copy(root, tmp_path_factory.mktemp(stack), sandbox, stack)
        project.pulumi("stack", "select", "--create", stack)
        yield project
        project.pulumi("destroy", "--yes", "--stack", stack, check=False)
        project.pulumi("stack", "rm", "--yes", "--preserve-config", stack, check=False)

    return made


@pytest.fixture(scope="module")
def project(project_for: Callable[[str], AbstractContextManager[Project]]) -> Iterator[Project]:
    """A copy of the project with the stack `local`."""
    with project_for("local") as project:
        yield project
