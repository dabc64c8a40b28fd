"""Deploy a stack on a runner in the network of its cluster: start a build, and show its phases and logs."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from mlpctl.errors import FAILED, InputError, UserError
from mlpctl.text import visible

POLL_S: Final = 3.0
"""Seconds between two questions about a build."""

STACK: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""A stack in a backend of one's own: https://www.pulumi.com/docs/iac/concepts/stacks/"""

COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")

FULL_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A commit with all its digits, by SHA-1 or SHA-256: https://git-scm.com/docs/hash-function-transition. CodeBuild's
commits have all digits: https://docs.aws.amazon.com/codebuild/latest/userguide/sample-source-version.html"""


class DeployError(UserError):
    """A build cannot be started or followed; the text is for the user."""


@dataclass
class Build:
    """A build of a runner."""

    runner: str
    id: str
    codebuild: Any
    """boto3's client."""

    logs: Any
    """boto3's client."""

    _shown: set[str] = field(default_factory=set)
    _token: str | None = None

    def described(self) -> dict[str, Any]:
        """Its current description.

        Raises:
            DeployError: CodeBuild does not return it.
        """
        found = _asked(lambda: self.codebuild.batch_get_builds(ids=[self.id])["builds"])
        if not found:
            raise DeployError(f"CodeBuild does not find build {self.id}.")
        return dict(found[0])

    def news(self, described: dict[str, Any]) -> Iterator[str]:
        """The lines about it that have not been returned yet: ended phases and log lines."""
        yield from self._log(described.get("logs") or {})
        for phase in described.get("phases", ()):
            name, status = phase["phaseType"], phase.get("phaseStatus")
            if status and name not in self._shown:
                self._shown.add(name)
                reasons = [each["message"] for each in phase.get("contexts", ()) if each.get("message")]
                yield ": ".join([f"{name} {status} after {phase.get('durationInSeconds', 0)} s", *reasons])

    def _log(self, place: dict[str, Any]) -> Iterator[str]:
        group, stream = place.get("groupName"), place.get("streamName")
        while group and stream:
            token = {"nextToken": self._token} if self._token else {}
            try:
                page = self.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
            except self.logs.exceptions.ResourceNotFoundException:
                # The stream is created with the first line.
                return
            yield from (event["message"].rstrip("\n") for event in page["events"])
            # At the end of the stream, the token stays the same.
            if page["nextForwardToken"] == self._token:
                return
            self._token = page["nextForwardToken"]


def deploy(root: Path, stack: str, runner: str, region: str | None, commit: str, console: Console) -> int:
    """Start a build of a runner for a commit and show it until it ends. Returns the exit code: 0 if it succeeded.

    Args:
        root: the project's folder.
        stack: the stack.
        runner: name of the runner's CodeBuild project.
        region: its region; None for the region of the shell.
        commit: the commit, or at least the first 7 digits of one in the checkout; empty for that of the checkout,
            which must have been pushed.
        console: where the build is shown.

    Raises:
        InputError: the stack or the commit is invalid.
        DeployError: the build cannot be started or followed.
    """
    if not STACK.fullmatch(stack):
        raise InputError(f"The stack is {stack!r}; allowed: letters, digits, _, . and -")
    commit = full(root, commit) if commit else checked_out(root)
    session = boto3.session.Session(region_name=region)
    build = start(runner, stack, commit, session.client("codebuild"), session.client("logs"))
    console.print(f"Build {build.id} deploys commit {commit} to stack {stack}.", highlight=False, soft_wrap=True)
    try:
        return follow(build, console)
    except KeyboardInterrupt:
        console.print(
            f"The build continues. To stop it, which interrupts the update of stack {stack}:\n"
            f"  aws codebuild stop-build --id {build.id}",
            highlight=False,
            soft_wrap=True,
        )
        raise


def start(runner: str, stack: str, commit: str, codebuild: Any, logs: Any) -> Build:
    """Start a build of a commit.

    Raises:
        DeployError: CodeBuild rejects the build.
    """
    started = _asked(
        lambda: codebuild.start_build(
            projectName=runner,
            sourceVersion=commit,
            environmentVariablesOverride=[{"name": "STACK", "value": stack, "type": "PLAINTEXT"}],
        )
    )
    return Build(runner, str(started["build"]["id"]), codebuild, logs)


def follow(build: Build, console: Console, pause: Callable[[float], None] = time.sleep) -> int:
    """Show a build until it ends. Returns the exit code."""
    while True:
        described = build.described()
        for line in build.news(described):
            console.print(visible(line), highlight=False, markup=False, soft_wrap=True)
        if described.get("buildComplete"):
            break
        pause(POLL_S)
    status = described["buildStatus"]
    console.print(f"Build {build.id}: {status}", highlight=False, markup=False, soft_wrap=True)
    return 0 if status == "SUCCEEDED" else FAILED


def full(root: Path, commit: str) -> str:
    """A commit with all its digits.

    Raises:
        InputError: it is no commit, or its digits are not all there and the checkout does not have it.
    """
    if not COMMIT.fullmatch(commit):
        raise InputError(f"The commit is {commit!r}; allowed: 7 to 64 hexadecimal digits of its hash")
    if FULL_COMMIT.fullmatch(commit):
        return commit
    found = _git(root, "rev-parse", "--verify", f"{commit}^{{commit}}", otherwise="Set --commit to all digits")
    # Git also looks for a branch or a tag with this name.
    if not found.startswith(commit):
        raise InputError(f"{commit} is no commit of the checkout. Set --commit to all digits.")
    return found


def checked_out(root: Path) -> str:
    """The commit of the checkout.

    Raises:
        InputError: the folder is no git repository, or it has changes that are not committed or not pushed.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        raise InputError("The checkout has changes that are not committed. Commit and push them, or set --commit.")
    if not _git(root, "branch", "--remotes", "--contains", commit):
        raise InputError(f"Commit {commit} is in no remote branch. Push it, or set --commit.")
    return commit


def _git(root: Path, *command: str, otherwise: str = "Set --commit") -> str:
    try:
        done = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise InputError(f"There is no `git` on PATH. {otherwise}.") from None
    if done.returncode != 0:
        raise InputError(f"git {' '.join(command)} failed: {done.stderr.strip()}. {otherwise}.")
    return done.stdout.strip()


def _asked(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (BotoCoreError, ClientError) as error:
        raise DeployError(f"CodeBuild: {error}") from error
