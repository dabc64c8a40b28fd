"""Kills at moments that nobody chose: of updates, of what recovers from them, and of the sandbox's own processes.

`KILLS=all` has all of them, else there are a few of each. `SEED` repeats a run, as far as moments can be repeated.
"""

import io
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from mlpctl.recover import recover
from mlpctl.stack import SandboxStack
from world import world

pytestmark = pytest.mark.engine

SEED = int(os.environ.get("SEED") or time.time_ns() % 10**9)
SHARE = 1.0 if os.environ.get("KILLS") == "all" else 0.25
MLPCTL = Path(sys.executable).with_name("mlpctl")

PATIENCE_S = 4.0
"""Seconds for which what a killed update asked for may still be on its way: the providers outlive the engine."""


def some(count: int) -> int:
    return max(1, round(count * SHARE))


class Victim:
    """A stack whose commands are killed after a random time."""

    def __init__(self, project: Any) -> None:
        self.project = project
        self.stack = SandboxStack(project.folder, project.stack, project.sandbox)
        self.random = random.Random(f"{SEED} {project.stack}")
        self.said: list[str] = []
        """What was killed and when, for whoever reads a failure."""

    def kill(self, *command: str | Path, longest_s: float) -> None:
        """Start a command and kill it, with all that it started, after up to `longest_s` seconds."""
        process = subprocess.Popen(
            command,
            cwd=self.project.folder,
            env=dict(self.stack.env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        after = self.random.uniform(0, longest_s)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.said.append(f"{' '.join(map(str, command[:2]))} after {after:.2f} s: {process.returncode}")

    def pulumi(self, *command: str, longest_s: float) -> None:
        self.kill("pulumi", *command, "--yes", "--skip-preview", "--stack", self.stack.name, longest_s=longest_s)

    def recover(self) -> None:
        text = io.StringIO()
        assert recover(self.stack, Console(file=text, width=200), patience_s=PATIENCE_S), (text.getvalue(), self.said)

    def up(self) -> None:
        self.project.pulumi("up", "--yes", "--skip-preview", "--stack", self.stack.name)

    def check(self) -> None:
        """AWS and the cluster have what the state says, and nothing else, and nothing is to be done."""
        deployment = self.stack.deployment()
        assert not deployment.get("pending_operations"), self.said
        known = [each for each in deployment["resources"] if each.get("id") and "pulumi:" not in each["type"]]
        there = Counter(world(self.project.sandbox))
        kinds = {kind for kind, _ in there}
        state = Counter((each["type"].rsplit(":", 1)[-1], each["id"]) for each in known)
        assert there == Counter({each: count for each, count in state.items() if each[0] in kinds}), self.said
        assert self.project.preview() == [], self.said


@pytest.fixture(scope="module", params=["local", "prod"])
def victim(request: pytest.FixtureRequest, project_for: Any) -> Iterator[Victim]:
    print(f"SEED={SEED}")
    with project_for(request.param) as project:
        victim = Victim(project)
        yield victim
        if request.param == "prod":
            # What is production no longer loses its guards, and only then can be taken down.
            project.edit("profile", value="staging")
            project.edit("protect", value=False)
            victim.up()


def test_updates_that_are_killed_come_to_their_end(victim: Victim) -> None:
    for _ in range(some(6)):
        victim.pulumi("up", longest_s=20)
        victim.recover()
    victim.up()
    victim.check()


def test_so_do_replacements(victim: Victim) -> None:
    for number in range(some(4)):
        # Another zone replaces its subnet's endpoints and nothing that is protected.
        victim.project.edit("network", "interfaceEndpoints", value=["sts", "kms"] if number % 2 else ["sts", "sqs"])
        victim.project.edit("tags", value={"kill": str(number)})
        victim.pulumi("up", longest_s=8)
        victim.recover()
    victim.up()
    victim.check()


def test_so_do_refreshes_and_recoveries(victim: Victim) -> None:
    folder = str(victim.project.sandbox.layout.folder)
    for number in range(some(4)):
        victim.project.edit("tags", value={"kill": f"again {number}"})
        victim.pulumi("up", longest_s=8)
        victim.kill(
            *(MLPCTL, "recover", "--stack", victim.stack.name, "--folder", folder, "--patience", "1"), longest_s=6
        )
        victim.recover()
        victim.pulumi("refresh", longest_s=6)
        victim.recover()
    victim.up()
    victim.check()


def test_so_does_a_destruction(victim: Victim) -> None:
    if victim.stack.name == "prod":
        pytest.skip("it is protected")
    for _ in range(some(4)):
        victim.pulumi("destroy", longest_s=10)
        victim.recover()
    victim.project.pulumi("destroy", "--yes", "--skip-preview", "--stack", victim.stack.name)
    assert world(victim.project.sandbox) == [], victim.said


def test_the_sandbox_s_own_processes_may_be_killed_at_any_time(own_project: Any) -> None:
    """What the sandbox lost is noticed, and the next command brings stack and sandbox together again."""
    victim = Victim(own_project)
    layout = own_project.sandbox.layout
    command = [str(MLPCTL), "up", "--stack", "local", "--folder", str(layout.folder)]
    environment = {**victim.stack.env, "MLPLATFORM_SANDBOX": str(layout.folder)}

    def mlpctl_up() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=own_project.folder, env=environment, capture_output=True, text=True, check=False
        )

    for _ in range(some(10)):
        update = subprocess.Popen(
            command, cwd=own_project.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(victim.random.uniform(1, 20))
        record = layout.record()
        assert record is not None
        chosen = victim.random.choice(["daemon", "daemon", *record.control_plane.processes])
        identity = record.process if chosen == "daemon" else record.control_plane.processes[chosen]
        if process := identity.find():
            process.kill()
            psutil.wait_procs([process], timeout=10)
        update.wait(300)
        victim.said.append(f"{chosen}: {update.returncode}")
        done = mlpctl_up()
        if "mlpctl recover" in done.stdout + done.stderr:
            victim.recover()
            done = mlpctl_up()
        assert done.returncode == 0, (victim.said, done.stdout[-3000:], done.stderr[-3000:])
    victim.check()
