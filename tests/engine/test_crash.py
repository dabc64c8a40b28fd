"""Updates of the stack `local` are killed repeatedly. Each test continues from the previous one."""

import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from mlpctl import statefile
from mlpctl.recover import recover, reject_lost_state, restore
from mlpctl.recover.kinds import method
from mlpctl.recover.plan import Idempotent
from mlpctl.stack import SandboxStack, StackError
from world import world

pytestmark = pytest.mark.engine

_spec = importlib.util.spec_from_file_location("killing", Path(__file__).with_name("killing.py"))
assert _spec
assert _spec.loader
killing = importlib.util.module_from_spec(_spec)
sys.modules["killing"] = killing
_spec.loader.exec_module(killing)

POINTS = [
    ("keys", "keys-shared"),
    ("keys", "keys-shared-alias"),
    ("network", "network-vpc"),
    ("network", "network-nat-us-east-1a-address"),
    ("network", "network-private-us-east-1a"),
    ("network", "network-nat-us-east-1a"),
    ("artifacts", "artifacts-bucket"),
    ("datasets", "datasets-policy"),
    ("images", "images-serving"),
    ("cluster", "cluster-logs"),
    ("cluster", "cluster-role-policy"),
    ("cluster", "cluster-control-plane"),
    ("cluster", "cluster-vpc-cni"),
    ("cluster", "cluster-system-nodes"),
    ("inference", "inference-nodes"),
    ("guardrails", "guardrails-images"),
    ("chat", "chat-association"),
    ("research", "research-research-namespace"),
    ("chat", "chat-namespace"),
    ("chat", "chat-deployment"),
]
"""Where the engine is killed, in an order that respects dependencies: component, and resource just created."""

MLPCTL = Path(sys.executable).with_name("mlpctl")
PLAN = Path(__file__).parents[1] / "golden" / "plan-of-local.json"


class Engine:
    """Updates of the stack that a test can interrupt."""

    def __init__(self, project: Any) -> None:
        self.project = project
        self.stack = SandboxStack(project.folder, "local", project.sandbox)
        layout = project.sandbox.layout
        (plugin,) = layout.plugins.glob("resource-kubernetes-*/pulumi-resource-kubernetes")
        self.between = killing.Between(layout.ports().aws_provider, plugin, self.stack.env)
        self.made: Counter[str] = self.between.made

    def start(self, moment: Any = None, later: frozenset[str] = frozenset()) -> subprocess.Popen[str]:
        """Start an update that stops at `moment`. Resources in `later` are not created before that."""
        self.between.moment, self.between.held_back = moment, later
        return subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--stack", "local", "--non-interactive"],
            cwd=self.project.folder,
            env={**self.stack.env, "PULUMI_DEBUG_PROVIDERS": self.between.variable},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def stopped(self, moment: Any, later: frozenset[str] = frozenset()) -> Iterator[subprocess.Popen[str]]:
        """An update that waits at `moment`. On exit it continues, and all processes that it started must end."""
        engine = self.start(moment, later)
        try:
            deadline = time.monotonic() + 180
            while not moment.reached.wait(0.05):
                assert engine.poll() is None, engine.communicate()[0]
                assert time.monotonic() < deadline, moment.name
            started = psutil.Process(engine.pid).children(recursive=True)
            assert started, "there must be a language host"
            yield engine
        finally:
            moment.over.set()
        engine.wait()
        _, alive = psutil.wait_procs(started, timeout=30)
        assert not alive, "these processes outlive their engine"
        self.between.wait_until_quiet()

    def recover(self) -> tuple[bool, str]:
        """Run `mlpctl recover`. Returns whether it succeeded, and its output."""
        text = io.StringIO()
        done = recover(self.stack, Console(file=text, width=200), patience_s=0)
        return done, text.getvalue()

    def resources(self) -> list[tuple[str, dict[str, Any]]]:
        """The stack's resources with their logical names, without providers. Checks that no operation is pending."""
        deployment = self.stack.deployment()
        assert not deployment.get("pending_operations")
        known = deployment.get("resources", [])
        return [(each["urn"].rsplit("::", 1)[-1], each) for each in known if "pulumi:providers:" not in each["type"]]

    def state(self) -> dict[str, dict[str, Any]]:
        """The stack's resources by logical name. Names of components may repeat, those of their resources do not."""
        return dict(self.resources())


@pytest.fixture(scope="module")
def engine(project: Any) -> Iterator[Engine]:
    engine = Engine(project)
    yield engine
    engine.between.close()


def test_the_points_cover_every_component() -> None:
    planned = _planned()
    assert {component for component, _ in POINTS} == {name for kind, name in planned if kind.startswith("mlplatform:")}
    assert {name for _, name in POINTS} <= {name for _, name in planned}
    assert len(POINTS) == 20


def test_a_second_update_is_rejected_and_a_killed_update_must_be_recovered_first(engine: Engine) -> None:
    moment = killing.Moment("keys-shared", before=True)
    with engine.stopped(moment) as first:
        with pytest.raises(StackError, match=rf"is being updated by .* \(process {first.pid}\) since 20.*\nWait"):
            engine.stack.ensure()
        second = engine.project.pulumi("up", "--yes", "--skip-preview", "--stack", "local", check=False)
        assert second.returncode != 0
        assert f"(pid {first.pid})" in second.stdout + second.stderr
        os.kill(first.pid, signal.SIGKILL)
    assert engine.made["keys-shared"] == 0

    with pytest.raises(StackError, match=r"creating: .*::keys-shared\n(.*\n)*  mlpctl recover --stack local") as error:
        engine.stack.ensure()
    assert f"(process {first.pid})" in str(error.value)
    assert "This process has ended" in str(error.value)
    folder = str(engine.stack.sandbox.folder)
    command = [MLPCTL, "recover", "--stack", "local", "--folder", folder, "--patience", "0"]
    done = subprocess.run(command, cwd=engine.project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search("dropped +keys-shared +Key +was not created", done.stdout)


@pytest.mark.parametrize(("at", "point"), list(enumerate(POINTS)), ids=[name for _, name in POINTS])
def test_what_a_killed_update_created_is_recovered(engine: Engine, at: int, point: tuple[str, str]) -> None:
    component, name = point
    later = frozenset(name for _, name in POINTS[at + 1 :])
    with engine.stopped(killing.Moment(name), later) as update:
        os.kill(update.pid, signal.SIGKILL)
    assert engine.made[name] == 1
    done, output = engine.recover()
    assert done, output
    resource = engine.state().get(name)
    kind = next(kind for kind, planned in _planned() if planned == name)
    if isinstance(method(kind), Idempotent):
        assert resource is None
    else:
        assert resource, output
        assert resource["id"]
        assert resource["parent"].endswith(f"::{component}")


def test_an_interrupted_update_finishes_its_running_operations(engine: Engine) -> None:
    with engine.stopped(killing.Moment("chat-service")) as update:
        os.kill(update.pid, signal.SIGINT)
        # The engine must still run when the response arrives, however long that takes.
        time.sleep(2)
        assert update.poll() is None
    assert update.returncode != 0
    assert engine.state()["chat-service"]["id"] == "chat/chat"
    assert engine.stack.ensure() == []


def test_of_two_simultaneous_updates_one_completes_and_the_other_reports_its_owner(
    engine: Engine, sandbox: Any
) -> None:
    command = [
        Path(sys.executable).with_name("mlpctl"),
        "up",
        "--stack",
        "local",
        "--folder",
        str(sandbox.layout.folder),
    ]
    both = [
        subprocess.Popen(
            command, cwd=engine.project.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(2)
    ]
    output = {update.pid: update.communicate()[0] for update in both}
    (winner,) = [update.pid for update in both if update.returncode == 0]
    (loser,) = [update.pid for update in both if update.returncode != 0]
    assert f"(process {winner})" in output[loser], output


def test_the_result_is_the_same_as_of_a_single_update(engine: Engine) -> None:
    kinds = {name: kind for kind, name in _planned()}
    twice = [
        name for name, times in engine.made.items() if times > 1 and not isinstance(method(kinds[name]), Idempotent)
    ]
    assert twice == []
    assert {(each["type"], name) for name, each in engine.resources()} == _planned()
    assert engine.project.preview() == []


def test_aws_and_the_cluster_contain_exactly_the_resources_in_the_state(engine: Engine, sandbox: Any) -> None:
    state = {(each["type"].rsplit(":", 1)[-1], each["id"]) for each in engine.state().values() if each.get("id")}
    there = world(sandbox)
    kinds = {kind for kind, _ in there}
    assert Counter(there) == Counter(each for each in state if each[0] in kinds)


def test_a_refresh_finds_no_changes(engine: Engine) -> None:
    engine.project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "local")


@pytest.mark.parametrize("broken", ["", "null", "twice", "gone"])
def test_a_lost_or_broken_state_is_rejected_and_restored_from_its_backup(engine: Engine, broken: str) -> None:
    state = statefile.find(*engine.stack.place)
    assert state is not None
    whole, before = state.path.read_text(), engine.state()
    if broken == "gone":
        state.path.unlink()
    elif broken == "twice":
        content = json.loads(whole)
        content["checkpoint"]["latest"]["resources"] *= 2
        state.path.write_text(json.dumps(content))
    else:
        state.path.write_text(broken)
    with pytest.raises(StackError, match=r"is invalid:\n(.*\n)*  mlpctl recover --stack local --from-backup"):
        engine.stack.ensure()
    restore(engine.stack, Console(file=io.StringIO()))
    assert engine.state() == before
    assert engine.stack.ensure() == []
    assert engine.project.preview() == []


def test_resources_with_the_stack_s_tag_are_not_created_again_after_the_state_is_lost(engine: Engine) -> None:
    state = statefile.find(*engine.stack.place)
    assert state is not None
    files = {path: path.read_bytes() for path in state.path.parent.glob("local.json*")}
    for path in files:
        path.unlink()
    with pytest.raises(StackError, match=r"AWS has resources with its tag mlplatform:stack=mlplatform/local") as e:
        reject_lost_state(engine.stack)
    assert re.search(r"\n  arn:aws:ec2:us-east-1:\d{12}:vpc/vpc-\w+\n|and \d+ more", str(e.value))
    for path, content in files.items():
        path.write_bytes(content)
    reject_lost_state(engine.stack)


def test_destroy_leaves_no_resources(engine: Engine, sandbox: Any) -> None:
    engine.project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local")
    assert world(sandbox) == []


def _planned() -> set[tuple[str, str]]:
    """Type and logical name of all resources in the golden plan."""
    decoder, text, found = json.JSONDecoder(), PLAN.read_text(), set()
    while text:
        step, end = decoder.raw_decode(text)
        text = text[end:].lstrip()
        if not step["type"].startswith("pulumi:providers:"):
            found.add((step["type"], step["name"]))
    return found
