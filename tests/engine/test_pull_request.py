"""The actions for pull requests, step by step in a fresh clone without credentials; each test continues the last."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from action_steps import Runner
from fake_forge import COMMIT, TOKEN, State, serving
from mlpctl.post.labels import LABELS, Effect
from mlpctl.review.writers.marker import marker
from mlsandbox.tools.toolchain import Cache

pytestmark = pytest.mark.engine

STACK = "stacks/Pulumi.local.yaml"
EXPIRED = """
    policies:
      waivers:
        - rule: ML-S3-07
          resource: scratch
          reason: was needed for a migration
          owner: ml-platform
          expires: "2020-01-31"
"""

EVENT = {"pull_request": {"number": 5, "head": {"sha": COMMIT, "repo": {"full_name": "org/platform"}}}}


@pytest.fixture(scope="module")
def forge() -> Iterator[State]:
    with serving() as state:
        yield state


def git(folder: Path, *command: str) -> bytes:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *identity, *command], cwd=folder, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def clone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the working tree whose last commit changes a stack, with its dependencies installed."""
    folder = tmp_path_factory.mktemp("fresh") / "clone"
    for name in git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split(b"\0"):
        source = root / os.fsdecode(name)
        if name and source.is_file():
            (folder / os.fsdecode(name)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / os.fsdecode(name))
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "base")
    file = folder / STACK
    file.write_text(f"{file.read_text()}{EXPIRED}")
    git(folder, "commit", "--quiet", "--all", "--message", "change")
    # What the locked installation puts there; the dependencies come from the environment that runs the tests.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (site,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    packages = [
        *(folder / each for each in ("components", "facts", "platform", "sandbox")),
        Path(pulumi.__file__).parents[1],
    ]
    (site / "packages.pth").write_text("".join(f"{each}\n" for each in packages))
    program = folder / ".venv" / "bin" / "mlpctl"
    program.write_text(f"#!{folder}/.venv/bin/python\nfrom mlpctl.__main__ import main\nmain()\n")
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def runner(clone: Path, forge: State, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A runner with the token of the job, and nothing else of this machine but the sandbox's programs."""
    temp = tmp_path_factory.mktemp("runner")
    (temp / "event.json").write_text(json.dumps(EVENT))
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(temp),
        "MLPLATFORM_CACHE": str(Cache.of_user().root),
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": forge.root,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "org/platform",
        "GITHUB_RUN_ID": "77",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(temp / "event.json"),
        "GITHUB_STEP_SUMMARY": str(temp / "summary.md"),
        "FAKE_TOKEN": TOKEN,
    }
    runner = Runner(clone, temp, variables)
    yield runner
    environment = {name: value for name, value in variables.items() if name != "FAKE_TOKEN"}
    subprocess.run([clone / ".venv" / "bin" / "mlpctl", "sandbox", "down"], cwd=clone, env=environment, check=True)


def test_the_changed_stack_is_found(runner: Runner) -> None:
    code, outputs = runner.run("changed-stacks", {})
    assert code == 0, runner.log
    assert json.loads(outputs["stacks"]) == ["local"]


def test_a_review_is_posted_and_decides_the_result(runner: Runner, forge: State) -> None:
    """An expired waiver fails it."""
    code, outputs = runner.run("review", {"stack": "local", "sarif": "true"})
    assert (code, outputs["result"], outputs["exit-code"]) == (1, "failed", "1"), runner.log
    (comment,) = forge.comments
    assert comment["body"].startswith(marker("mlplatform", "local"))
    assert "GpuNodePool" in comment["body"]
    assert outputs["comment-url"] == comment["html_url"]
    assert "1 expired waiver" in outputs["verdict"]
    assert forge.labels == {LABELS[Effect.RULES_BROKEN].name} == set(json.loads(outputs["labels"]))
    (status,) = forge.statuses
    assert (status["state"], status["commit"]) == ("failure", COMMIT)
    assert status["target_url"] == "https://github.com/org/platform/actions/runs/77"
    assert (runner.temp / "summary.md").read_text() == comment["body"]
    assert {each.name for each in (runner.temp / "mlpctl-review-local").iterdir()} == {
        "review.json",
        "review.md",
        "review.html",
        "review.sarif",
    }
    assert json.loads((runner.temp / "mlpctl-review-local" / "review.sarif").read_text())["version"] == "2.1.0"
    assert TOKEN not in runner.log


def test_an_invalid_stack_file_fails_the_action_and_replaces_the_comment(
    runner: Runner, forge: State, clone: Path
) -> None:
    file = clone / STACK
    file.write_text(f"{file.read_text()}\n: [")
    code, outputs = runner.run("review", {"stack": "local"})
    assert (code, outputs["exit-code"], outputs["result"]) == (2, "2", "incomplete")
    (comment,) = forge.comments
    assert "could not be produced" in comment["body"]
    assert forge.statuses[-1]["state"] == "error"
    assert runner.ran[-3:] == ["Review", "Post the review", "Result"]


def test_a_post_that_fails_does_not_change_the_result(runner: Runner, forge: State, clone: Path) -> None:
    """Without a token, nothing is posted: the action still ends as the review does."""
    code, outputs = runner.run("review", {"stack": "local", "token": ""})
    assert (code, outputs["result"]) == (2, "incomplete")
    assert "GITHUB_TOKEN is not set" in runner.log


def test_a_stack_that_is_not_changed_any_more_is_withdrawn(runner: Runner, forge: State, clone: Path) -> None:
    git(clone, "reset", "--quiet", "--hard", "HEAD^1")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "nothing")
    code, outputs = runner.run("changed-stacks", {})
    assert (code, outputs["stacks"]) == (0, "[]"), runner.log
    assert "does not change this stack any more" in forge.comments[0]["body"]
    assert forge.labels == set()
