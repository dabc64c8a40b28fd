"""Small programs of the package `kubernetes`, brought up in a sandbox by plain `pulumi`."""

import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEAD = "import pulumi\nimport pulumi_kubernetes as k8s\n"


@dataclass(frozen=True)
class Program:
    """A Python program with one stack, in a folder of its own."""

    folder: Path
    sandbox: Any
    """Gives the environment."""

    @classmethod
    def make(cls, folder: Path, sandbox: Any, venv: Path) -> "Program":
        """A program that says nothing yet, with the libraries of `venv`."""
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(f"name: {folder.name}\nruntime: python\n")
        (folder / ".venv").symlink_to(venv)
        program = cls(folder, sandbox)
        program.says("")
        program.pulumi("stack", "select", "--create", "test")
        return program

    def says(self, code: str) -> None:
        """Put `code` in the place of what the program says."""
        (self.folder / "__main__.py").write_text(HEAD + textwrap.dedent(code))

    def pulumi(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a `pulumi` command in it."""
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=self.folder,
            # The option for the event log is one of those that the engine shows only to who debugs it.
            env={**self.sandbox.environment(), "PULUMI_DEBUG_COMMANDS": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"pulumi {' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self, *options: str) -> None:
        """Bring it up."""
        self.pulumi("up", "--yes", "--skip-preview", *options)

    def refused(self, *command: str) -> str:
        """What a command says that has to fail."""
        done = self.pulumi(*command, check=False)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def remove(self) -> None:
        """Destroy what it made."""
        self.pulumi("destroy", "--yes", "--skip-preview", check=False)
        self.pulumi("stack", "rm", "--yes", "test", check=False)
