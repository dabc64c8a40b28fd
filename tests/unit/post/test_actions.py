"""The actions in this repository, and the workflows and jobs to copy."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from action_steps import EXPRESSION, load, steps_of
from mlpctl import cli

ACTIONS = ("changed-stacks", "review")
WORKFLOWS = ("github-review.yml", "github-review-forks.yml")
FILES = [f".github/actions/{name}/action.yml" for name in ACTIONS] + [f"examples/pull-requests/{n}" for n in WORKFLOWS]
GITLAB = "examples/pull-requests/gitlab-review.yml"

RUNNER = {"GITHUB_ACTION_PATH", "GITHUB_OUTPUT", "RUNNER_TEMP"}
"""Variables that a runner sets."""

SPECIAL = {"code", "options", "name", "folder", "stacks", "report", "changed", "versions"}
"""Variables that the scripts set themselves."""

WRITES = {
    "github-review.yml": {"stacks": {"pull-requests"}, "review": {"pull-requests", "statuses"}},
    "github-review-forks.yml": {"post": {"pull-requests"}},
}
"""Permissions to write, by workflow and job."""


def scripts(root: Path, name: str) -> list[tuple[str, dict[str, Any]]]:
    """The shell scripts of a file with their steps."""
    if name == GITLAB:
        (job,) = yaml.safe_load((root / name).read_text()).values()
        return [("\n".join([*job["before_script"], *job["script"]]), {"env": {**job["variables"], "STACK": ""}})]
    return [(step["run"], step) for step in steps_of(load(root / name)) if "run" in step]


def commands(script: str) -> list[list[str]]:
    """The arguments of each call of mlpctl in a script."""
    joined = script.replace("\\\n", " ")
    calls = re.findall(r"\.venv/bin/mlpctl ([^\n;|)>]*)", joined)
    return [shlex.split(call.replace('"${options[@]}"', "--account --sarif review.sarif")) for call in calls]


@pytest.mark.parametrize("name", [*FILES, GITLAB])
def test_every_command_and_option_exists(root: Path, name: str) -> None:
    found = [call for script, _ in scripts(root, name) for call in commands(script)]
    assert found or name.endswith("github-review.yml"), "its jobs only use actions"
    for call in found:
        group: Any = typer.main.get_command(cli.app)
        rest = call
        while rest and rest[0] in getattr(group, "commands", {}):
            group, rest = group.commands[rest[0]], rest[1:]
        options = {option for parameter in group.params for option in parameter.opts}
        assert {each for each in rest if each.startswith("-")} <= options, call
        required = {parameter.opts[0] for parameter in group.params if parameter.required}
        assert required <= set(rest), call


@pytest.mark.parametrize("name", [*FILES, GITLAB])
def test_scripts_are_valid_and_take_values_from_variables_only(root: Path, name: str) -> None:
    for script, step in scripts(root, name):
        done = subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "${{" not in script, "a value in a script could be a command"
        used = set(re.findall(r"\$\{?([A-Za-z_]+)", script)) - SPECIAL - RUNNER
        known = {each for each in used if name == GITLAB and each.startswith("CI_")}
        assert used - known <= set(step.get("env", {}))


@pytest.mark.parametrize("name", FILES)
def test_expressions_refer_to_what_exists(root: Path, name: str) -> None:
    document = load(root / name)
    text = (root / name).read_text()
    ids = {step["id"]: step for step in steps_of(document) if "id" in step}
    conditions = [str(step["if"]) for step in steps_of(document) if "if" in step]
    used = [*EXPRESSION.findall(text), *conditions]
    inputs = {each for part in used for each in re.findall(r"inputs\.([\w-]+)", part)}
    assert inputs == set(document.get("inputs", {}))
    for part in used:
        for step, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", part):
            script = ids[step].get("run", "")
            assert f"{output}=" in script or "review post" in script or "uses" in ids[step], f"{step} has no {output}"


@pytest.mark.parametrize("name", FILES)
def test_other_actions_are_pinned_and_ours_get_their_inputs(root: Path, name: str) -> None:
    for step in steps_of(load(root / name)):
        if "uses" not in step:
            assert "shell" in step or name.startswith("examples"), "a composite action names the shell"
            continue
        if step["uses"].startswith("./"):
            inputs = load(root / step["uses"] / "action.yml")["inputs"]
            required = {key for key, each in inputs.items() if each.get("required")}
            assert required <= set(step.get("with", {})) <= set(inputs)
        else:
            assert re.fullmatch(r"[\w./-]+@(v\d+|[0-9a-f]{40})", step["uses"]), step["uses"]
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, "the program of a pull request must not find the token"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_jobs_have_the_least_permissions(root: Path, name: str) -> None:
    workflow = load(root / "examples" / "pull-requests" / name)
    assert workflow["permissions"] == {"contents": "read"}
    writes = {
        job: {permission for permission, level in each["permissions"].items() if level == "write"}
        for job, each in workflow["jobs"].items()
    }
    assert writes == WRITES[name]
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_the_workflow_with_a_token_that_writes_runs_nothing_of_a_fork(root: Path) -> None:
    workflow = load(root / "examples" / "pull-requests" / "github-review-forks.yml")
    assert list(workflow["on"]) == ["workflow_run"]
    (job,) = workflow["jobs"].values()
    (checkout,) = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert not {"ref", "repository"} & set(checkout["with"]), "the default branch"
    (download,) = [step for step in job["steps"] if "download-artifact" in step.get("uses", "")]
    assert download["with"]["path"].startswith("${{ runner.temp }}/"), "outside of the checkout"
    assert not [step for step in job["steps"] if step.get("uses", "").startswith("./")]
    posted = [
        call for script, _ in scripts(root, f"examples/pull-requests/{WORKFLOWS[1]}") for call in commands(script)
    ]
    assert [call[:2] for call in posted] == [["review", "post"]]


def test_only_the_step_that_posts_has_the_token(root: Path) -> None:
    for name in ACTIONS:
        for step in steps_of(load(root / ".github" / "actions" / name / "action.yml")):
            has = "token" in str(step.get("env", {})).lower()
            assert has is ("review post" in step.get("run", "") or "review withdraw" in step.get("run", ""))
