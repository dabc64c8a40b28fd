"""A stack that plain `pulumi` commands operate on, in the sandbox or in the backend and account of the shell."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any, Final

from mlpctl import failures, filebackend, project, statefile, urns
from mlpctl.errors import UserError
from mlpctl.failures import Update
from mlpctl.filebackend import Lock

if TYPE_CHECKING:
    from mlsandbox import Sandbox

POLICIES: Final = Path("platform", "policies")
"""The policy pack of a project, in its folder."""

INSTALLATION: Final = "https://www.pulumi.com/docs/iac/download-install/"


class StackError(UserError):
    """A `pulumi` command failed or cannot be executed; the text is for the user."""


@dataclass(frozen=True)
class Made:
    """One component of a stack, and the number of its resources."""

    name: str
    kind: str
    """Class of the component, e.g. `GpuNodePool`, or of a resource outside of components, e.g. `Bucket`."""

    resources: int
    """Number of its resources that a provider manages."""


@dataclass(frozen=True)
class Stack:
    """A stack of the project at `root`, in the backend and the account of this process's environment."""

    root: Path
    name: str

    @property
    def env(self) -> Mapping[str, str]:
        """The environment variables of its commands."""
        return os.environ

    @property
    def recovery(self) -> str:
        """The command that recovers it after an interrupted update."""
        return f"mlpctl recover --stack {self.name} --account"

    def ensure_unlocked(self) -> list[str]:
        """Remove what ended processes of this machine left in the backend. Returns a sentence for each removal.

        Raises:
            StackError: Another update is running, or may be running on another machine.
        """
        place = self.place
        locks = filebackend.locks(*place)
        held = [lock for lock in locks if not lock.stale]
        if held:
            raise StackError(_locked_message(self.name, held))
        removed = [f"Removed the stale lock of {lock}. This process has ended." for lock in locks]
        if filebackend.mend(*place):
            removed.append("Removed the incomplete attributes file of the state.")
        if locks:
            self.pulumi("cancel", "--yes", "--stack", self.name)
        return removed

    @property
    def place(self) -> tuple[str, str, str]:
        """The location of its state: the backend's URL, the project and the stack.

        Raises:
            StackError: `pulumi` does not report the backend.
        """
        backend = self.env.get("PULUMI_BACKEND_URL") or json.loads(self.pulumi("whoami", "--json"))["url"]
        return backend, project.name(self.root), self.name

    @property
    def tag(self) -> str:
        """The value of the stack tag of its resources in AWS."""
        return f"{project.name(self.root)}/{project.own_name(self.name)}"

    def ensure_whole(self) -> None:
        """Reject a lost or broken state, with which the engine would create everything again, or crash.

        In a file backend, the state file is read directly; in any other backend, through `pulumi`.

        Raises:
            StackError: The state is lost or broken; the text contains its problems and the newest valid backup.
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
        lines = [f"{named} is invalid:", *(f"  {each}" for each in wrong)]
        backups = statefile.backups(*self.place)
        if backups:
            lines += [
                f"The newest valid backup is {backups[0]}. An update would create its resources a second time, or "
                "leave them behind unmanaged. Restore the backup first:",
                f"  {self.recovery} --from-backup",
                f"If you removed the stack on purpose, delete the backup too: {backups[0].path}",
            ]
        else:
            lines += [
                "No backup is accessible from here. Import an older state; in a versioned bucket, this is an older "
                "version of the object:",
                f"  pulumi stack import --stack {self.name} --file STATE",
                "`pulumi state repair` restores the order of resources.",
            ]
        return "\n".join(lines)

    def deployment(self) -> dict[str, Any]:
        """The state: `resources`, `pending_operations` etc., with encrypted secrets; empty before the first update."""
        deployment = self.export().get("deployment") or {}
        assert isinstance(deployment, dict)
        return deployment

    def reaches_clusters(self) -> bool:
        """Whether it contains Kubernetes objects."""
        return any(
            urns.kind(each["urn"]).startswith(urns.KUBERNETES) for each in self.deployment().get("resources", ())
        )

    def export(self) -> dict[str, Any]:
        """The output of `pulumi stack export`: the deployment, its format version and format features."""
        exported = json.loads(self.pulumi("stack", "export", "--stack", self.name))
        assert isinstance(exported, dict)
        return exported

    def pending(self) -> list[tuple[str, str]]:
        """Operations that an interrupted update had started: type, and URN of the resource."""
        operations = self.deployment().get("pending_operations") or []
        return [(operation["type"], operation["resource"]["urn"]) for operation in operations]

    def pulumi(self, *command: str, given: str | None = None) -> str:
        """Run a `pulumi` command with the standard input `given`. Returns its standard output.

        Raises:
            StackError: The command failed, or `pulumi` is not installed.
        """
        done = self.run(*command, given=given)
        if done.returncode != 0:
            raise StackError(f"pulumi {' '.join(command)} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def run(
        self, *command: str, given: str | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a `pulumi` command that may fail, with additional environment variables.

        Raises:
            StackError: `pulumi` is not installed.
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


def in_backend(root: Path) -> list[Stack]:
    """The stacks of the project at `root` that the backend of this process's environment has.

    Raises:
        StackError: the backend cannot be read.
    """
    listed = json.loads(Stack(root, "").pulumi("stack", "ls", "--json"))
    return [Stack(root, each["name"]) for each in listed]


@dataclass(frozen=True)
class SandboxStack(Stack):
    """A stack in a sandbox."""

    sandbox: "Sandbox"

    @property
    def env(self) -> Mapping[str, str]:
        """The environment variables of its commands."""
        return self.sandbox.environment()

    @property
    def recovery(self) -> str:
        """The command that recovers it after an interrupted update."""
        return f"mlpctl recover --stack {self.name}"

    def ensure(self) -> list[str]:
        """Create the stack if needed, and check that it can be updated. Returns a sentence for each removed leftover.

        Raises:
            StackError: An update was interrupted, or another update is running.
        """
        removed = self.ensure_unlocked()
        self.ensure_whole()
        self.pulumi("stack", "select", "--create", self.name)
        pending = self.pending()
        if pending:
            lines = [
                *removed,
                f"The last update of stack {self.name} was interrupted during these operations:",
                *(f"  {operation}: {urn}" for operation, urn in pending),
                "AWS or the cluster may contain resources that are missing in the state. An update would create them "
                "again. Import them first:",
                f"  {self.recovery}",
            ]
            raise StackError("\n".join(lines))
        return removed

    def catch_up(self) -> str:
        """Refresh the stack if the sandbox's AWS API may have lost resources. Returns what was done, if anything.

        Raises:
            StackError: The refresh failed.
        """
        seen = self.sandbox.folder / "aws" / f"lost-{self.name}"
        if not self.sandbox.lost_work(seen):
            return ""
        known = any(each.get("custom") for each in self.deployment().get("resources") or ())
        if known:
            self.pulumi("refresh", "--yes", "--skip-preview", "--stack", self.name)
        seen.touch(mode=0o600)
        return "The sandbox was killed and lost its latest changes, so the stack was refreshed." if known else ""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Exclude any other `mlpctl up` of this stack.

        Pulumi's own lock takes two steps; two updates that start at the same time can both fail between them.

        Raises:
            StackError: Another one is running.
        """
        with filebackend.alone(self.sandbox.folder / f"update-of-{self.name}.lock") as holder:
            if holder is not None:
                raise StackError(_locked_message(self.name, [holder]))
            yield

    def update(self, progress: AbstractContextManager[Any] | None = None) -> tuple[int, Update]:
        """Run `pulumi up` on the terminal, with the project's policy pack. Returns its exit code and its result.

        Resources whose creation failed in AWS are replaced. If they are protected, their protection is removed first,
        because the engine would reject the replacement. They never worked, so they contain nothing.

        During an update, the engine evaluates rules for the whole stack only at the end. Therefore, a preview that is
        shown only if it fails evaluates them first.

        Args:
            progress: Shows that the preview is running. Default: nothing is shown.
        """
        failed = self.failed_creations()
        for urn, protected in failed.items():
            if protected:
                self.pulumi("state", "unprotect", urn, "--yes", "--stack", self.name)
        options = [option for urn in failed for option in ("--replace", urn)]
        if (self.root / POLICIES).is_dir():
            options += ["--policy-pack", str(self.root / POLICIES)]
            with TemporaryFile("w+", encoding="utf-8") as output:
                with progress or nullcontext():
                    code, result = self._logged("preview", *options, stdout=output, stderr=subprocess.STDOUT)
                if code != 0:
                    output.seek(0)
                    shutil.copyfileobj(output, sys.stdout)
                    return code, result
        return self._logged("up", "--yes", "--skip-preview", "--suppress-outputs", *options)

    def _logged(self, *command: str, **options: Any) -> tuple[int, Update]:
        with TemporaryDirectory(prefix="mlpctl-") as folder:
            events = Path(folder) / "events.json"
            # The CLI accepts this long-standing option only with PULUMI_DEBUG_COMMANDS.
            code = self.show(
                *command, "--event-log", str(events), environment={"PULUMI_DEBUG_COMMANDS": "true"}, **options
            )
            lines = events.read_text(encoding="utf-8").splitlines() if events.exists() else []
        return code, failures.read(lines)

    def failed_creations(self) -> dict[str, bool]:
        """The resources that AWS created but that never worked: URN, and whether they are protected.

        Neither the engine nor AWS repairs them: a plain update treats them as complete. Resources that are pending
        deletion are left out, because their URN is that of the replacement, which is healthy.
        """
        return {
            resource["urn"]: bool(resource.get("protect"))
            for resource in self.deployment().get("resources", ())
            if not resource.get("delete")
            and any(failures.FAILED_CREATION.search(error) for error in resource.get("initErrors", ()))
        }

    def show(self, *command: str, environment: Mapping[str, str] | None = None, **options: Any) -> int:
        """Run a `pulumi` command on the terminal. Returns its exit code. `environment` extends the stack's environment.

        Ctrl-C reaches the command, which finishes its running operations; this process waits for it.
        """
        with _ignored_interrupts():
            return subprocess.run(
                ["pulumi", *command, "--stack", self.name],
                cwd=self.root,
                env={**self.env, **(environment or {})},
                check=False,
                **options,
            ).returncode

    def made(self) -> list[Made]:
        """The components of the stack, in the order of their creation."""
        return components(self.deployment().get("resources", []))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, with redacted secrets."""
        outputs = json.loads(self.pulumi("stack", "output", "--json", "--stack", self.name))
        assert isinstance(outputs, dict)
        return outputs


def components(resources: Sequence[Mapping[str, Any]]) -> list[Made]:
    """Count the resources of a deployment by their outermost component."""
    parents = {each["urn"]: each.get("parent", "") for each in resources}
    tops = [urn for urn, parent in parents.items() if parent and urns.kind(parent) == urns.STACK_TYPE]
    counts = Counter(urns.outermost(each["urn"], parents) for each in resources if each.get("custom"))
    return [
        Made(urns.name(urn), urns.class_name(urn), counts[urn])
        for urn in tops
        if counts[urn] and not urns.kind(urn).startswith(urns.PROVIDER_TYPE)
    ]


def _locked_message(stack: str, held: Sequence[Lock]) -> str:
    lines = [f"Stack {stack} is being updated by {' and '.join(map(str, held))}."]
    if all(lock.here for lock in held):
        lines += ["Wait until that update has finished."]
    else:
        lines += [
            "mlpctl cannot check processes on other machines. Wait until the update has finished. If you know that the "
            f"process has ended, remove its lock:\n  pulumi cancel --stack {stack}"
        ]
    return "\n".join(lines)


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
