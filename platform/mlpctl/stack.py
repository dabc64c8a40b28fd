"""One stack, worked on by plain `pulumi` commands: in the sandbox, or where the shell points to."""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from mlpctl import failures, filebackend, project, statefile, urns
from mlpctl.errors import UserError
from mlpctl.failures import Update
from mlpctl.filebackend import Lock

if TYPE_CHECKING:
    from mlsandbox import Sandbox

INSTALLATION: Final = "https://www.pulumi.com/docs/iac/download-install/"


class StackError(UserError):
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
class Stack:
    """A stack of the project at `root`, in the backend and the account that this process's environment names."""

    root: Path
    name: str

    @property
    def env(self) -> Mapping[str, str]:
        """The environment in which its commands run."""
        return os.environ

    @property
    def recovery(self) -> str:
        """The command that recovers it after a crash."""
        return f"mlpctl recover --stack {self.name} --account"

    def ensure_unlocked(self) -> list[str]:
        """Remove what dead processes of this machine left in the backend; what was removed, in sentences.

        Raises:
            StackError: another update runs, or may run on another machine.
        """
        place = self.place
        locks = filebackend.locks(*place)
        held = [lock for lock in locks if not lock.stale]
        if held:
            raise StackError(_told(self.name, held))
        removed = [f"Removed the lock of {lock}, which is dead." for lock in locks]
        if filebackend.mend(*place):
            removed.append("Removed the attributes of the state's file, which were half written.")
        if locks:
            self.pulumi("cancel", "--yes", "--stack", self.name)
        return removed

    @property
    def place(self) -> tuple[str, str, str]:
        """Where its state is: the backend's URL, the project and the stack.

        Raises:
            StackError: `pulumi` does not tell the backend.
        """
        backend = self.env.get("PULUMI_BACKEND_URL") or json.loads(self.pulumi("whoami", "--json"))["url"]
        return backend, project.name(self.root), self.name

    @property
    def tag(self) -> str:
        """The value of the tag that its resources in AWS bear."""
        return f"{project.name(self.root)}/{self.name}"

    def ensure_whole(self) -> None:
        """Refuse a state that was lost or broken: the engine would make everything again, or break down over it.

        What a file backend keeps is read there; any other backend is asked through `pulumi`.

        Raises:
            StackError: what is wrong with it, and the newest backup that is whole.
        """
        state = statefile.find(*self.place)
        if state is None:
            wrong, named = [*statefile.flaws(self.deployment())], f"The state of stack {self.name}"
        elif state.is_of_no_stack:
            return
        else:
            wrong, named = state.problems, f"The state of stack {self.name}, {state.path},"
        if wrong:
            raise StackError(self._broken(named, wrong))

    def _broken(self, named: str, wrong: Sequence[str]) -> str:
        lines = [f"{named} is not whole:", *(f"  {each}" for each in wrong)]
        kept = statefile.backups(*self.place)
        if kept:
            lines += [
                f"The newest whole backup is {kept[0]}. An update would make its resources a second time, or leave "
                "them behind. Restore it first:",
                f"  {self.recovery} --from-backup",
                f"If you removed the stack on purpose, remove the backup too: {kept[0].path}",
            ]
        else:
            lines += [
                "There is no backup that can be seen from here. Import an older state, of a bucket with versions an "
                "older version:",
                f"  pulumi stack import --stack {self.name} --file STATE",
                "`pulumi state repair` puts resources in order.",
            ]
        return "\n".join(lines)

    def deployment(self) -> dict[str, Any]:
        """The state: `resources`, `pending_operations` and more, with secrets encrypted; empty before any update."""
        deployment = self.export().get("deployment") or {}
        assert isinstance(deployment, dict)
        return deployment

    def reaches_clusters(self) -> bool:
        """Whether it has objects in Kubernetes."""
        return any(
            urns.kind(each["urn"]).startswith(urns.KUBERNETES) for each in self.deployment().get("resources", ())
        )

    def export(self) -> dict[str, Any]:
        """What `pulumi stack export` writes: the deployment, the version of its format and the format's features."""
        exported = json.loads(self.pulumi("stack", "export", "--stack", self.name))
        assert isinstance(exported, dict)
        return exported

    def pending(self) -> list[tuple[str, str]]:
        """Operations that an update had begun when it was killed: what, and the URN of the resource."""
        operations = self.deployment().get("pending_operations") or []
        return [(operation["type"], operation["resource"]["urn"]) for operation in operations]

    def pulumi(self, *command: str, given: str | None = None) -> str:
        """Run a `pulumi` command that gets `given` as input; what it prints.

        Raises:
            StackError: it failed, or there is no `pulumi`.
        """
        done = self.run(*command, given=given)
        if done.returncode != 0:
            raise StackError(f"pulumi {' '.join(command)} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def run(
        self, *command: str, given: str | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a `pulumi` command that may fail, with further environment variables.

        Raises:
            StackError: there is no `pulumi`.
        """
        try:
            return subprocess.run(
                ["pulumi", *command, "--non-interactive"],
                cwd=self.root,
                env={**self.env, **(variables or {})},
                input=given,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise StackError(f"There is no `pulumi` on PATH: {INSTALLATION}") from None


@dataclass(frozen=True)
class SandboxStack(Stack):
    """A stack in a sandbox."""

    sandbox: "Sandbox"

    @property
    def env(self) -> Mapping[str, str]:
        """The environment in which its commands run."""
        return self.sandbox.environment()

    @property
    def recovery(self) -> str:
        """The command that recovers it after a crash."""
        return f"mlpctl recover --stack {self.name}"

    def ensure(self) -> list[str]:
        """Have the stack there, ready for an update; what dead processes left and was removed, in sentences.

        Raises:
            StackError: an update was cut off in the middle of its work, or another update runs.
        """
        removed = self.ensure_unlocked()
        self.ensure_whole()
        self.pulumi("stack", "select", "--create", self.name)
        pending = self.pending()
        if pending:
            told = [
                *removed,
                f"The last update of stack {self.name} was killed while it worked on:",
                *(f"  {operation}: {urn}" for operation, urn in pending),
                "AWS or the cluster may hold resources that the stack does not know of, and an update would make them "
                "again. Take them over first:",
                f"  {self.recovery}",
            ]
            raise StackError("\n".join(told))
        return removed

    def catch_up(self) -> str:
        """Read the stack anew where the AWS API may have lost what its state says; what was done, or an empty text.

        Raises:
            StackError: the refresh failed.
        """
        seen = self.sandbox.folder / "aws" / f"lost-{self.name}"
        if not self.sandbox.lost_work(seen):
            return ""
        known = any(each.get("custom") for each in self.deployment().get("resources") or ())
        if known:
            self.pulumi("refresh", "--yes", "--skip-preview", "--stack", self.name)
        seen.touch(mode=0o600)
        return "The sandbox was killed and lost the last seconds of its work: the stack was read anew." if known else ""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other `mlpctl up` of this stack out.

        Pulumi's own lock is two steps, between which two updates that start at once both give up.

        Raises:
            StackError: another one runs.
        """
        with filebackend.alone(self.sandbox.folder / f"update-of-{self.name}.lock") as holder:
            if holder is not None:
                raise StackError(_told(self.name, [holder]))
            yield

    def update(self) -> tuple[int, Update]:
        """Run `pulumi up` on the terminal; its exit code, and what it told.

        What AWS made and then failed to bring to life is made anew. Where the stack is protected, this is not: what
        never worked holds nothing, and the engine would refuse to replace it.
        """
        failed = self.failed_creations()
        for urn, protected in failed.items():
            if protected:
                self.pulumi("state", "unprotect", urn, "--yes", "--stack", self.name)
        anew = [option for urn in failed for option in ("--replace", urn)]
        with TemporaryDirectory(prefix="mlpctl-") as folder:
            events = Path(folder) / "events.json"
            # The engine shows this option, an old and steady one, only to those who debug it.
            code = self.show(
                *("up", "--yes", "--skip-preview", "--suppress-outputs", *anew, "--event-log", str(events)),
                environment={"PULUMI_DEBUG_COMMANDS": "true"},
            )
            lines = events.read_text(encoding="utf-8").splitlines() if events.exists() else []
        return code, failures.read(lines)

    def failed_creations(self) -> dict[str, bool]:
        """The resources that AWS made and that failed before they worked once: URN, and whether it is protected.

        Neither the engine nor AWS repairs them: a plain update takes them for done. One that was replaced and waits for
        its deletion has the URN of what took its place, which is sound.
        """
        return {
            resource["urn"]: bool(resource.get("protect"))
            for resource in self.deployment().get("resources", ())
            if not resource.get("delete")
            and any(failures.FAILED_CREATION.search(error) for error in resource.get("initErrors", ()))
        }

    def show(self, *command: str, environment: Mapping[str, str] | None = None, **options: Any) -> int:
        """Run a `pulumi` command on the terminal; its exit code. `environment` is put on top of the sandbox's.

        Ctrl-C reaches the command, which ends what it has begun; this process waits for that.
        """
        with _interrupts_left_to_the_child():
            return subprocess.run(
                ["pulumi", *command, "--stack", self.name],
                cwd=self.root,
                env={**self.env, **(environment or {})},
                check=False,
                **options,
            ).returncode

    def made(self) -> list[Made]:
        """What the stack is made of now, by component, in the order in which the components were made."""
        return components(self.deployment().get("resources", []))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; secret ones struck out."""
        outputs = json.loads(self.pulumi("stack", "output", "--json", "--stack", self.name))
        assert isinstance(outputs, dict)
        return outputs


def components(resources: Sequence[Mapping[str, Any]]) -> list[Made]:
    """Count the resources of a deployment by the outermost component that they belong to."""
    parents = {each["urn"]: each.get("parent", "") for each in resources}
    tops = [urn for urn, parent in parents.items() if parent and urns.kind(parent) == urns.STACK_TYPE]
    counts = Counter(urns.outermost(each["urn"], parents) for each in resources if each.get("custom"))
    return [
        Made(urns.name(urn), urns.class_name(urn), counts[urn])
        for urn in tops
        if counts[urn] and not urns.kind(urn).startswith(urns.PROVIDER_TYPE)
    ]


def _told(stack: str, held: Sequence[Lock]) -> str:
    lines = [f"Stack {stack} is being updated by {' and '.join(map(str, held))}."]
    if all(lock.here for lock in held):
        lines += ["Wait until that update ends."]
    else:
        lines += [
            "Whether a process of another machine still runs cannot be seen from here. Wait until it ends, or, if you "
            f"know that it is dead, remove its lock:\n  pulumi cancel --stack {stack}"
        ]
    return "\n".join(lines)


@contextmanager
def _interrupts_left_to_the_child() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
