"""Updates, recoveries and the sandbox's own processes are killed at random moments.

`KILLS=all` runs all kills, otherwise a few of each kind. `SEED` repeats a run, as far as timing can be repeated.
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
"""Seconds for which requests of a killed update may still be in progress, because the providers outlive the engine."""


def some(count: int) -> int:
    return max(1, round(count * SHARE))


class Victim:
    """A stack whose commands are killed after a random time."""

    def __init__(self, project: Any) -> None:
        self.project = project
        self.stack = SandboxStack(project.folder, project.stack, project.sandbox)
        self.random = random.Random(f"{SEED} {project.stack}")
        self.kills: list[str] = []
        """What was killed and when, shown if a test fails."""

    def kill(self, *command: str | Path, longest_s: float) -> None:
        """Start a command, and kill it and its children after up to `longest_s` seconds."""
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
        self.kills.append(f"{' '.join(map(str, command[:2]))} after {after:.2f} s: {process.returncode}")

    def pulumi(self, *command: str, longest_s: float) -> None:
        self.kill("pulumi", *command, "--yes", "--skip-preview", "--stack", self.stack.name, longest_s=longest_s)

    def recover(self) -> None:
        text = io.StringIO()
        assert recover(self.stack, Console(file=text, width=200), patience_s=PATIENCE_S), (text.getvalue(), self.kills)

    def up(self) -> None:
        self.project.pulumi("up", "--yes", "--skip-preview", "--stack", self.stack.name)

    def check(self) -> None:
        """AWS and the cluster contain exactly the resources in the state, and the preview is empty."""
        deployment = self.stack.deployment()
        assert not deployment.get("pending_operations"), self.kills
        known = [each for each in deployment["resources"] if each.get("id") and "pulumi:" not in each["type"]]
        there = Counter(world(self.project.sandbox))
        kinds = {kind for kind, _ in there}
        state = Counter((each["type"].rsplit(":", 1)[-1], each["id"]) for each in known)
        assert there == Counter({each: count for each, count in state.items() if each[0] in kinds}), self.kills
        assert self.project.preview() == [], self.kills


@pytest.fixture(scope="module", params=["local", "prod"])
def victim(request: pytest.FixtureRequest, project_for: Any) -> Iterator[Victim]:
    print(f"SEED={SEED}")
    with project_for(request.param) as project:
        victim = Victim(project)
        yield victim
        if request.param == "prod":
            # A production stack must lose its safeguards before it can be destroyed.
            project.edit("profile", value="staging")
            project.edit("protect", value=False)
            victim.up()


def test_killed_updates_can_be_recovered_and_completed(victim: Victim) -> None:
    for _ in range(some(6)):
        victim.pulumi("up", longest_s=20)
        victim.recover()
    victim.up()
    victim.check()


def test_killed_replacements_can_be_recovered_and_completed(victim: Victim) -> None:
    for number in range(some(4)):
        # Other endpoint services replace VPC endpoints, and no protected resource.
        victim.project.edit("network", "interfaceEndpoints", value=["sts", "kms"] if number % 2 else ["sts", "sqs"])
        victim.project.edit("tags", value={"kill": str(number)})
        victim.pulumi("up", longest_s=8)
        victim.recover()
    victim.up()
    victim.check()


def test_killed_refreshes_and_recoveries_can_be_recovered_and_completed(victim: Victim) -> None:
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


def test_a_killed_destroy_can_be_recovered_and_completed(victim: Victim) -> None:
    if victim.stack.name == "prod":
        pytest.skip("the stack is protected")
    for _ in range(some(4)):
        victim.pulumi("destroy", longest_s=10)
        victim.recover()
    victim.project.pulumi("destroy", "--yes", "--skip-preview", "--stack", victim.stack.name)
    assert world(victim.project.sandbox) == [], victim.kills


def test_the_sandbox_processes_can_be_killed_at_any_time(own_project: Any) -> None:
    """Lost changes of the sandbox are detected, and the next command makes stack and sandbox consistent again."""
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
        victim.kills.append(f"{chosen}: {update.returncode}")
        done = mlpctl_up()
        if "mlpctl recover" in done.stdout + done.stderr:
            victim.recover()
            done = mlpctl_up()
        assert done.returncode == 0, (victim.kills, done.stdout[-3000:], done.stderr[-3000:])
    victim.check()
