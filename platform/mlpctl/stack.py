"""One stack in the sandbox, worked on by plain `pulumi` commands."""

import json
import os
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil

from mlpctl import failures
from mlpctl.failures import Update
from mlpctl.sandbox.layout import Layout

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE: Final = "pulumi:providers:"


class StackError(Exception):
    """A `pulumi` command failed or cannot be run; the text is for the user."""


@dataclass(frozen=True)
class Made:
    """What one component of a stack is made of."""

    name: str
    kind: str
    """Class of the component, e.g. `GpuNodePool`, or the provider's type for what stands alone."""

    resources: int
    """Resources below it that a provider manages."""


@dataclass(frozen=True)
class SandboxStack:
    """A stack of the project at `root`, in the sandbox of `layout`."""

    root: Path
    name: str
    layout: Layout

    def ensure(self) -> None:
        """Have the stack there, and no lock of a dead process on it.

        Raises:
            StackError: an update was cut off in the middle of creating resources, or another update runs.
        """
        self._pulumi("stack", "select", "--create", self.name)
        if self._stale_locks():
            self._pulumi("cancel", "--yes", "--stack", self.name)
        pending = self._pending()
        if pending:
            raise StackError(
                f"The last update of stack {self.name} was killed while it worked on:\n"
                + "\n".join(f"  {operation}: {urn}" for operation, urn in pending)
                + "\nAWS may hold resources that the stack does not know of, and an update would make them again.\n"
                "Empty the sandbox and its stacks with `mlpctl sandbox reset`, or, to keep the rest, drop them:\n"
                f"  pulumi refresh --stack {self.name} --clear-pending-creates"
            )

    def update(self) -> tuple[int, Update]:
        """Run `pulumi up` on the terminal; its exit code, and what it told.

        What AWS made and then failed to bring to life is made anew.
        """
        anew = [option for urn in self.failed_creations() for option in ("--replace", urn)]
        with TemporaryDirectory(prefix="mlpctl-") as folder:
            events = Path(folder) / "events.json"
            # The engine shows this option, an old and steady one, only to those who debug it.
            code = self.show(
                *("up", "--yes", "--skip-preview", "--suppress-outputs", *anew, "--event-log", str(events)),
                environment={"PULUMI_DEBUG_COMMANDS": "true"},
            )
            lines = events.read_text(encoding="utf-8").splitlines() if events.exists() else []
        return code, failures.read(lines)

    def failed_creations(self) -> list[str]:
        """URNs of the resources that AWS made and that failed before they worked once.

        Neither the engine nor AWS repairs them: a plain update takes them for done.
        """
        return [
            resource["urn"]
            for resource in self._deployment().get("resources", ())
            if any(failures.FAILED_CREATION.search(error) for error in resource.get("initErrors", ()))
        ]

    def show(self, *command: str, environment: Mapping[str, str] | None = None, **options: Any) -> int:
        """Run a `pulumi` command on the terminal; its exit code. `environment` is put on top of the sandbox's.

        Ctrl-C reaches the command, which ends what it has begun; this process waits for that.
        """
        with _interrupts_left_to_the_child():
            return subprocess.run(
                ["pulumi", *command, "--stack", self.name],
                cwd=self.root,
                env=self.layout.process_env() | dict(environment or {}),
                check=False,
                **options,
            ).returncode

    def made(self) -> list[Made]:
        """What the stack is made of now, by component, in the order in which the components were made."""
        return components(self._deployment().get("resources", []))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; secret ones struck out."""
        outputs = json.loads(self._pulumi("stack", "output", "--json", "--stack", self.name))
        assert isinstance(outputs, dict)
        return outputs

    def _pending(self) -> list[tuple[str, str]]:
        operations = self._deployment().get("pending_operations") or []
        return [(operation["type"], operation["resource"]["urn"]) for operation in operations]

    def _deployment(self) -> Mapping[str, Any]:
        deployment = json.loads(self._pulumi("stack", "export", "--stack", self.name)).get("deployment") or {}
        assert isinstance(deployment, dict)
        return deployment

    def _stale_locks(self) -> list[Path]:
        """Locks that a process of this machine left behind when it was killed."""
        folder = self.layout.pulumi_backend / ".pulumi" / "locks"
        return [path for path in folder.rglob(f"{self.name}/*.json") if _owner_is_gone(path)]

    def _pulumi(self, *command: str) -> str:
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=self.root,
            env=self.layout.process_env(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StackError(f"pulumi {' '.join(command)} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


def components(resources: Sequence[Mapping[str, Any]]) -> list[Made]:
    """Count the resources of a deployment by the outermost component that they belong to."""
    parents = {each["urn"]: each.get("parent", "") for each in resources}
    tops = [urn for urn in parents if _kind(parents[urn]) == STACK_TYPE and _kind(urn) != STACK_TYPE]
    counts = Counter(_top(each["urn"], parents) for each in resources if each.get("custom"))
    return [
        Made(urn.rsplit("::", 1)[-1], _kind(urn).split(":")[-1], counts[urn])
        for urn in tops
        if counts[urn] and not _kind(urn).startswith(PROVIDER_TYPE)
    ]


def _top(urn: str, parents: Mapping[str, str]) -> str:
    while parents.get(urn) and _kind(parents[urn]) != STACK_TYPE:
        urn = parents[urn]
    return urn


def _kind(urn: str) -> str:
    return urn.split("::")[2].split("$")[-1] if urn else ""


def _owner_is_gone(lock: Path) -> bool:
    try:
        owner = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    here = owner.get("hostname") == socket.gethostname()
    return here and not psutil.pid_exists(int(owner.get("pid", os.getpid())))


@contextmanager
def _interrupts_left_to_the_child() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
