"""What the scripts of the actions, workflows and jobs do, with an `mlpctl` that ends with given exit codes."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from action_steps import Runner, load, steps_of

Fake = Callable[[Mapping[str, int]], Path]

EXAMPLES = "examples/pull-requests"


@pytest.fixture
def fake(root: Path, tmp_path: Path) -> Fake:
    """Makes a checkout whose `mlpctl` notes its arguments and ends with the exit code of its first two."""

    def made(codes: Mapping[str, int]) -> Path:
        checkout = tmp_path / "checkout"
        program = checkout / ".venv" / "bin" / "mlpctl"
        program.parent.mkdir(parents=True)
        (checkout / ".github").symlink_to(root / ".github")
        cases = "\n".join(f'  "{start} "*) exit {code} ;;' for start, code in codes.items())
        script = f'#!/bin/bash\necho "$*" >> "{tmp_path}/calls"\ncase "$* " in\n{cases}\n'
        changed = '  *" --json "*) case "$1 $2" in "config changed") echo \'["dev"]\' ;; esac ;;'
        program.write_text(f"{script}{changed}\nesac\n")
        program.chmod(0o755)
        return checkout

    return made


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize(("review", "post"), [(0, 0), (1, 0), (3, 1), (0, 1), (0, 2), (2, 2)])
def test_the_action_ends_as_the_review_does(fake: Fake, tmp_path: Path, review: int, post: int) -> None:
    checkout = fake({"review post": post, "review --stack": review})
    runner = Runner(checkout, tmp_path, {"PATH": os.environ["PATH"], "FAKE_TOKEN": "t"})
    code, outputs = runner.run("review", {"stack": "org/ml/dev", "account": "true", "sarif": "true"})
    assert (code, outputs["exit-code"]) == (review, str(review))
    folder = tmp_path / "mlpctl-review-org-ml-dev"
    files = " ".join(
        f"--{name} {folder}/review.{end}" for name, end in (("json", "json"), ("markdown", "md"), ("html", "html"))
    )
    assert calls(tmp_path) == [
        f"review --stack org/ml/dev {files} --account --sarif {folder}/review.sarif",
        f"review post --report {folder}/review.json --stack org/ml/dev",
    ]


def test_a_report_of_an_earlier_run_is_not_posted(fake: Fake, tmp_path: Path) -> None:
    checkout = fake({})
    old = tmp_path / "mlpctl-review-dev" / "review.json"
    old.parent.mkdir()
    old.write_text("{}")
    Runner(checkout, tmp_path, {"PATH": os.environ["PATH"]}).run("review", {"stack": "dev"})
    assert not old.exists()


def test_a_name_of_a_stack_is_no_command(fake: Fake, tmp_path: Path) -> None:
    checkout = fake({})
    name = '$(touch evil) "; touch evil; `touch evil`'
    Runner(checkout, tmp_path, {"PATH": os.environ["PATH"]}).run("review", {"stack": name})
    assert not list(tmp_path.rglob("evil"))
    assert name in calls(tmp_path)[0]


@pytest.mark.parametrize(("withdraw", "expected"), [(0, 0), (1, 0)])
def test_the_changed_stacks_are_an_output_whether_or_not_comments_can_be_withdrawn(
    fake: Fake, tmp_path: Path, withdraw: int, expected: int
) -> None:
    checkout = fake({"review withdraw": withdraw})
    code, outputs = Runner(checkout, tmp_path, {"PATH": os.environ["PATH"]}).run("changed-stacks", {})
    assert (code, json.loads(outputs["stacks"])) == (expected, ["dev"])
    assert calls(tmp_path)[-1] == "review withdraw --since HEAD^1"


def test_a_failed_comparison_fails_the_action(fake: Fake, tmp_path: Path) -> None:
    checkout = fake({"config changed": 2})
    assert Runner(checkout, tmp_path, {"PATH": os.environ["PATH"]}).run("changed-stacks", {})[0] == 2


def bash(script: str, folder: Path, **variables: str) -> int:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=folder, env=environment, check=False
    ).returncode


@pytest.mark.parametrize("code", [0, 1])
def test_the_reports_of_a_fork_are_all_posted_but_not_more_than_20(
    root: Path, fake: Fake, tmp_path: Path, code: int
) -> None:
    checkout = fake({"review post": code})
    for index in range(25):
        folder = tmp_path / "reports" / f"mlpctl-review-{index:02} $(touch evil)"
        folder.mkdir(parents=True)
        (folder / "review.json").write_text("{}")
    script = next(
        step["run"]
        for step in steps_of(load(root / EXAMPLES / "github-review-forks.yml"))
        if "post" in step.get("run", "")
    )
    assert bash(script, checkout, RUNNER_TEMP=str(tmp_path)) == code
    assert len(calls(tmp_path)) == 20
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(("stack", "expected"), [("dev", 3), ("prod", 0)])
def test_the_job_of_gitlab_ends_as_the_review_and_skips_other_stacks(
    root: Path, fake: Fake, tmp_path: Path, stack: str, expected: int
) -> None:
    checkout = fake({"review post": 1, "review withdraw": 1, "review --stack": 3})
    job = yaml.safe_load((root / EXAMPLES / "gitlab-review.yml").read_text())["review"]
    script = "\n".join(job["script"])
    assert bash(script, checkout, STACK=stack, CI_MERGE_REQUEST_DIFF_BASE_SHA="abc") == expected
    assert [each.split(" --")[0] for each in calls(tmp_path)] == {
        "dev": ["config changed", "review", "review post"],
        "prod": ["config changed", "review withdraw"],
    }[stack]
