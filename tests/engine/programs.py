"""Small programs with the package `kubernetes`, deployed in a sandbox with plain `pulumi`."""

import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEAD = "import pulumi\nimport pulumi_kubernetes as k8s\n"


@dataclass(frozen=True)
class Program:
    """A Python program with one stack, in its own folder."""

    folder: Path
    sandbox: Any
    """Provides the environment."""

    @classmethod
    def make(cls, folder: Path, sandbox: Any, venv: Path) -> "Program":
        """An empty program with the libraries of `venv`."""
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(f"name: {folder.name}\nruntime: python\n")
        (folder / ".venv").symlink_to(venv)
        program = cls(folder, sandbox)
        program.write("")
        program.pulumi("stack", "select", "--create", "test")
        return program

    def write(self, code: str) -> None:
        """Replace the code of the program by `code`."""
        (self.folder / "__main__.py").write_text(HEAD + textwrap.dedent(code))

    def pulumi(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a `pulumi` command in it."""
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=self.folder,
            # The CLI accepts the option for the event log only with this variable.
            env={**self.sandbox.environment(), "PULUMI_DEBUG_COMMANDS": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"pulumi {' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self, *options: str) -> None:
        """Deploy it."""
        self.pulumi("up", "--yes", "--skip-preview", *options)

    def refused(self, *command: str) -> str:
        """The output of a command that must fail."""
        done = self.pulumi(*command, check=False)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def remove(self) -> None:
        """Destroy its resources."""
        self.pulumi("destroy", "--yes", "--skip-preview", check=False)
        self.pulumi("stack", "rm", "--yes", "test", check=False)
