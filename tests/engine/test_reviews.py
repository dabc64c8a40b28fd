"""Reviews of plans of the real engine, which must match the golden plans that fast tests use."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlpctl.review import assemble
from mlpctl.review.command import today
from mlpctl.review.cost import book
from mlpctl.review.reading import reader
from mlpctl.review.report.model import Report
from review_plans import FOLDER, cut

pytestmark = pytest.mark.engine

TEAM = Path(__file__).with_name("team")

SECRET = """\
import pulumi
import pulumi_kubernetes as k8s

token = pulumi.Config().require_secret("token")
k8s.core.v1.Secret("hub", metadata={"name": "hub", "namespace": "default"}, string_data={"token": token})
"""


def review(text: str) -> Report:
    return assemble.review(reader.read(text), book.load(), today())


def stable_part(report: Report) -> dict[str, Any]:
    """The part of a report that is the same in every run."""
    return {
        "counts": {op.value: count for op, count in report.counts.items()},
        "dangers": [(each.name, each.harm, each.certainty, each.op) for each in report.dangers],
        "groups": [(each.title, len(each.rows)) for each in report.groups],
        "delta": report.cost and report.cost.totals.delta_monthly_usd,
    }


def assert_current(name: str, plan: str, *, rewrite: bool) -> Report:
    """Check that the engine's plan and the golden plan give the same review."""
    path = FOLDER / f"{name}.json"
    if rewrite:
        path.write_text(json.dumps(cut(json.loads(plan)), indent=0) + "\n")
    found = review(plan)
    assert stable_part(found) == stable_part(review(path.read_text()))
    return found


@pytest.fixture(scope="module")
def rewrite(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--rewrite-golden"))


def previewed(project: Any) -> str:
    return str(project.pulumi("preview", "--json", "--show-sames", "--stack", project.stack).stdout)


@pytest.fixture(scope="module")
def running(project: Any) -> Iterator[Any]:
    """The deployed stack `local`."""
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    yield project


@pytest.fixture(scope="module")
def team(running: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A team's stack on the platform of `local`, not yet deployed."""
    folder = tmp_path_factory.mktemp("team")
    shutil.copytree(TEAM, folder, dirs_exist_ok=True)
    (folder / ".venv").symlink_to(running.folder / ".venv")
    team = type(running)(folder, running.sandbox, "dev")
    team.pulumi("stack", "init", "dev")
    team.pulumi("config", "set", "aws:region", "us-east-1", "--stack", "dev")
    yield team
    team.pulumi("destroy", "--yes", "--skip-preview", "--stack", "dev", check=False)
    team.pulumi("stack", "rm", "--yes", "dev", check=False)


def test_a_first_creation(team: Any, rewrite: bool) -> None:
    report = assert_current("created", previewed(team), rewrite=rewrite)
    assert report.dangers == ()
    assert report.sandbox, "the sandbox is detected by the account in the ARNs"
    team.pulumi("up", "--yes", "--skip-preview", "--stack", "dev")


EDITS: Mapping[str, tuple[str, Any]] = {
    "pool-changed": ("instanceTypes", ["g6e.2xlarge"]),
    "bucket-deleted": ("buckets", ["models"]),
    "tags-changed": ("tags", {"owner": "search", "team": "ranking"}),
}

DANGERS: Mapping[str, set[str]] = {
    "pool-changed": {"search-nodes"},
    "bucket-deleted": {"datasets-bucket"},
    # The launch template of the nodes ignores tag changes.
    "tags-changed": set(),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_change_of_a_running_stack(team: Any, name: str, rewrite: bool) -> None:
    key, value = EDITS[name]
    team.pulumi("config", "set", "--stack", "dev", key, json.dumps(value))
    try:
        report = assert_current(name, previewed(team), rewrite=rewrite)
    finally:
        team.pulumi("config", "rm", "--stack", "dev", key)
    assert {each.name for each in report.dangers} == DANGERS[name]


def test_a_rotated_secret(running: Any, tmp_path: Path, rewrite: bool) -> None:
    """A team's own program on the platform's cluster."""
    runtime = f"{{ name: python, options: {{ virtualenv: {running.folder / '.venv'} }} }}"
    (tmp_path / "Pulumi.yaml").write_text(f"name: secrets\nruntime: {runtime}\n")
    (tmp_path / "__main__.py").write_text(SECRET)
    team = type(running)(tmp_path, running.sandbox, "dev")
    team.pulumi("stack", "init", "dev")
    try:
        team.pulumi("config", "set", "--secret", "token", "hf_first", "--stack", "dev")
        team.pulumi("up", "--yes", "--skip-preview", "--stack", "dev")
        team.pulumi("config", "set", "--secret", "token", "hf_second", "--stack", "dev")
        plan = previewed(team)
    finally:
        team.pulumi("destroy", "--yes", "--skip-preview", "--stack", "dev", check=False)
        team.pulumi("stack", "rm", "--yes", "dev", check=False)
    report = assert_current("secret-rotated", plan, rewrite=rewrite)
    (group,) = report.groups
    (row,) = group.rows
    assert [(each.path, each.old, each.new) for each in row.differences if "token" in each.path]
    assert "hf_" not in report.model_dump_json()


def mlpctl(project: Any, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(project.folder / ".venv" / "bin" / "mlpctl"), *words]
    options = ["--folder", str(project.sandbox.layout.folder)]
    return subprocess.run([*command, *options], cwd=project.folder, capture_output=True, text=True, check=False)


def test_the_command_reviews_a_stack_in_the_sandbox(running: Any, tmp_path: Path) -> None:
    running.edit("gpuPools", "inference", "maxNodes", value=3)
    forms = {form: tmp_path / f"report.{form}" for form in ("markdown", "html", "json")}
    done = mlpctl(running, "review", "--stack", "local", *(f"--{form}={path}" for form, path in forms.items()))
    assert done.returncode == 0, done.stderr
    assert "Sandbox plan" in done.stdout
    report = Report.model_validate_json(forms["json"].read_text())
    assert {op.value: count for op, count in report.counts.items() if op.value != "same"} == {"update": 1}
    assert report.cost is not None
    assert report.cost.totals.monthly_usd.expected > 0, "unchanged resources are included"
    assert all("inference-nodes" in path.read_text() for path in forms.values())


def test_an_exceeded_limit_is_exit_code_1(running: Any) -> None:
    running.edit("cost", value={"maxMonthlyUsd": 1})
    for command in ("review", "cost"):
        done = mlpctl(running, command, "--stack", "local")
        assert done.returncode == 1, done.stderr
        assert "cost.maxMonthlyUsd" in done.stdout
    running.remove("cost")


def test_a_failed_preview_is_exit_code_3(running: Any, sandbox: Any) -> None:
    sandbox.fail("GetCallerIdentity", "ExpiredToken")
    done = mlpctl(running, "review", "--stack", "local")
    sandbox.succeed()
    assert done.returncode == 3
    assert "ExpiredToken" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_stacks_are_compared_by_cost(running: Any) -> None:
    done = mlpctl(running, "cost", "--compare", "dev,staging,prod", "--json")
    stacks = json.loads(done.stdout)
    assert done.returncode == 0, "the stacks meet their limits"
    monthly = [stacks[name]["totals"]["monthlyUsd"]["expected"] for name in ("dev", "staging", "prod")]
    assert monthly == sorted(monthly)
    assert monthly[0] > 0
