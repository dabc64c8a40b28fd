"""Posts reviews to the fake server, in the process of the tests."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer.rich_utils  # noqa: F401  # reads GITHUB_ACTIONS once, when it is imported

from fake_forge import COMMIT, TOKEN, State, serving
from mlpctl import cli
from mlpctl.post import api
from mlpctl.review.report.model import Report
from mlpctl.review.writers.marker import marker
from unit.review import reports
from unit.review.commands import Ran

PROD = reports.database_replaced().model_copy(update={"project": "mlplatform", "stack": "prod"})

EVENT: dict[str, Any] = {
    "pull_request": {"number": 5, "head": {"sha": COMMIT, "repo": {"full_name": "org/platform"}}},
}
FORK_EVENT: dict[str, Any] = {"pull_request": {"number": 5, "head": {"sha": COMMIT, "repo": {"full_name": "eve/fork"}}}}


def run_event(source: str = "eve/fork", **more: Any) -> dict[str, Any]:
    """The event of a finished run for a pull request from a repository."""
    owner = source.partition("/")[0]
    run = {
        "event": "pull_request",
        "head_sha": COMMIT,
        "head_branch": "change",
        "head_repository": {"full_name": source, "owner": {"login": owner}},
        "html_url": "https://github.com/org/platform/actions/runs/77",
        "pull_requests": [],
    }
    return {"workflow_run": {**run, **more}}


@dataclass
class Job:
    """A job of GitHub Actions, or of GitLab, with the token of the fake server."""

    forge: State
    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    slept: list[float] = field(default_factory=list)

    def event(self, event: Any, kind: str = "pull_request") -> None:
        """Let the job be started by another event."""
        (self.folder / "event.json").write_text(json.dumps(event))
        self.set(GITHUB_EVENT_NAME=kind)

    def set(self, **variables: str) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def unset(self, *names: str) -> None:
        """Remove environment variables."""
        for name in names:
            self.monkeypatch.delenv(name, raising=False)

    def write(self, report: Report | str | bytes) -> Path:
        """Write a report's file."""
        file = self.folder / "review.json"
        text = report.to_json() if isinstance(report, Report) else report
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def __call__(self, *arguments: str | Path) -> Ran:
        """Run `mlpctl review` with arguments."""
        self.monkeypatch.setattr("sys.argv", ["mlpctl", "review", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, errors = self.capsys.readouterr()
        assert TOKEN not in out + errors + self.outputs + self.summary
        assert "Traceback" not in errors
        return Ran(ended.value.code, out, errors)

    def post(self, report: Report, *arguments: str) -> Ran:
        """Post a report."""
        return self("post", "--report", self.write(report), *arguments)

    @property
    def summary(self) -> str:
        file = self.folder / "summary.md"
        return file.read_text() if file.exists() else ""

    @property
    def outputs(self) -> str:
        file = self.folder / "outputs"
        return file.read_text() if file.exists() else ""

    def bodies(self, report: Report) -> list[str]:
        """The texts of the comments with a report's marker."""
        line = marker(report.project, report.stack)
        return [each["body"] for each in self.forge.comments if each["body"].startswith(line)]


CI_VARIABLES = ("GITHUB_", "CI_", "GITLAB_")


@pytest.fixture(scope="module")
def server() -> Iterator[State]:
    with serving() as state:
        yield state


@pytest.fixture
def job(
    server: State, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Job]:
    """A job of a pull request of a branch of the repository, on GitHub."""
    root = server.root
    server.__init__(root=root)  # type: ignore[misc] # empty again for each test
    for name in [*os.environ]:
        if name.startswith(CI_VARIABLES):
            monkeypatch.delenv(name)
    job = Job(server, tmp_path, capsys, monkeypatch)
    monkeypatch.setattr(api.time, "sleep", job.slept.append)
    monkeypatch.delenv("MLPCTL_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: ml\nruntime: python\n")
    job.set(
        GITHUB_ACTIONS="true",
        GITHUB_API_URL=server.root,
        GITHUB_REPOSITORY="org/platform",
        GITHUB_TOKEN=TOKEN,
        GITHUB_EVENT_PATH=str(tmp_path / "event.json"),
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"),
        GITHUB_OUTPUT=str(tmp_path / "outputs"),
        no_proxy="127.0.0.1",
    )
    job.event(EVENT)
    yield job
