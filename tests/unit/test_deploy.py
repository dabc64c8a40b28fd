"""`mlpctl deploy`: what it asks CodeBuild and CloudWatch Logs, and what it shows."""

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from rich.console import Console

from mlpctl.deploy import build as deploying
from mlpctl.deploy.build import Build, DeployError
from mlpctl.errors import InputError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ID = "runner:1"
PLACE = {"groupName": "runner-logs", "streamName": "1"}


class Aws:
    """Stubbed clients, with the answers that a test expects to be asked for, in this order."""

    def __init__(self) -> None:
        key = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        self.codebuild, self.logs = boto3.client("codebuild", **key), boto3.client("logs", **key)
        self.stubs = {"codebuild": Stubber(self.codebuild), "logs": Stubber(self.logs)}

    def builds(self, **described: Any) -> None:
        self.stubs["codebuild"].add_response("batch_get_builds", {"builds": [described]}, {"ids": [ID]})

    def lines(self, *lines: str, token: str | None, then: str) -> None:
        asked = {"logGroupName": "runner-logs", "logStreamName": "1", "startFromHead": True}
        events = [{"message": f"{line}\n", "timestamp": 0} for line in lines]
        answer = {"events": events, "nextForwardToken": then}
        self.stubs["logs"].add_response("get_log_events", answer, {**asked, **({"nextToken": token} if token else {})})

    def build(self) -> Build:
        return Build("runner", ID, self.codebuild, self.logs)


@pytest.fixture
def aws() -> Iterator[Aws]:
    made = Aws()
    for each in made.stubs.values():
        each.activate()
    yield made
    for each in made.stubs.values():
        each.assert_no_pending_responses()


def shown(aws: Aws) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=10_000)
    code = deploying.follow(aws.build(), console, pause=lambda seconds: None)
    return code, console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO


def test_a_build_of_the_commit_is_started_for_the_stack(aws: Aws) -> None:
    aws.stubs["codebuild"].add_response(
        "start_build",
        {"build": {"id": ID}},
        {
            "projectName": "runner",
            "sourceVersion": COMMIT,
            "environmentVariablesOverride": [{"name": "STACK", "value": "prod", "type": "PLAINTEXT"}],
        },
    )
    assert deploying.start("runner", "prod", COMMIT, aws.codebuild, aws.logs).id == ID


def test_phases_and_logs_are_shown_once_and_the_exit_code_follows_the_build(aws: Aws) -> None:
    install = {"phaseType": "INSTALL", "phaseStatus": "SUCCEEDED", "durationInSeconds": 9}
    aws.builds(buildComplete=False, buildStatus="IN_PROGRESS", phases=[install, {"phaseType": "BUILD"}], logs=PLACE)
    aws.lines("creating [bold]", token=None, then="f/1")
    aws.lines(token="f/1", then="f/1")
    ended = {"phaseType": "BUILD", "phaseStatus": "SUCCEEDED", "durationInSeconds": 70}
    aws.builds(buildComplete=True, buildStatus="SUCCEEDED", phases=[install, ended], logs=PLACE)
    aws.lines("created\x1b[2J", token="f/1", then="f/2")
    aws.lines(token="f/2", then="f/2")
    code, text = shown(aws)
    assert code == 0
    assert [line for line in text.splitlines() if line] == [
        "creating [bold]",
        "INSTALL SUCCEEDED after 9 s",
        text.splitlines()[2],
        "BUILD SUCCEEDED after 70 s",
        "Build runner:1: SUCCEEDED",
    ]
    assert text.splitlines()[2].startswith("created") and "\x1b" not in text


@pytest.mark.parametrize("status", ["FAILED", "FAULT", "STOPPED", "TIMED_OUT"])
def test_a_build_that_does_not_succeed_is_exit_code_1_with_its_reason(aws: Aws, status: str) -> None:
    context = {"statusCode": "X", "message": "exit status 255"}
    failed = {"phaseType": "BUILD", "phaseStatus": "FAILED", "durationInSeconds": 3, "contexts": [context]}
    aws.builds(buildComplete=True, buildStatus=status, phases=[failed])
    code, text = shown(aws)
    assert (code, text.splitlines()) == (
        1,
        ["BUILD FAILED after 3 s: exit status 255", f"Build runner:1: {status}"],
    )


def test_a_build_without_logs_yet_is_followed(aws: Aws) -> None:
    aws.builds(buildComplete=True, buildStatus="SUCCEEDED", phases=[], logs=PLACE)
    aws.stubs["logs"].add_client_error("get_log_events", "ResourceNotFoundException")
    assert shown(aws)[0] == 0


def test_a_rejected_start_and_a_lost_build_are_sentences(aws: Aws) -> None:
    aws.stubs["codebuild"].add_client_error("start_build", "ResourceNotFoundException", "Project cannot be found")
    with pytest.raises(DeployError, match=r"^CodeBuild: .*Project cannot be found"):
        deploying.start("runner", "prod", COMMIT, aws.codebuild, aws.logs)
    aws.stubs["codebuild"].add_response("batch_get_builds", {"builds": []}, {"ids": [ID]})
    with pytest.raises(DeployError, match="does not find build runner:1"):
        shown(aws)


def test_ctrl_c_says_that_the_build_continues_and_how_to_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(deploying, "start", lambda *_: Build("runner", ID, None, None))
    monkeypatch.setattr(deploying, "follow", interrupt)
    console = Console(file=io.StringIO(), width=10_000)
    with pytest.raises(KeyboardInterrupt):
        deploying.deploy(tmp_path, "prod", "runner", "us-east-1", COMMIT, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "The build continues." in text and "aws codebuild stop-build --id runner:1" in text


@pytest.mark.parametrize(
    ("stack", "commit", "sentence"),
    [
        ("prod; rm -rf /", COMMIT, "The stack is"),
        ("prod", "main", "The commit is 'main'"),
        ("prod", "$(x)", "commit"),
        ("prod", COMMIT.upper(), "The commit is '0123456789ABCDEF"),
        ("prod", COMMIT + "0" * 25, "allowed"),
        ("prod", "012", "The commit is '012'"),
        ("prod", "0123abc", "Set --commit to all digits"),
        ("prod", COMMIT[:39], "Set --commit to all digits"),
    ],
)
def test_a_stack_or_commit_that_could_be_a_command_is_rejected(
    tmp_path: Path, stack: str, commit: str, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        deploying.deploy(tmp_path, stack, "runner", "us-east-1", commit, Console())


def test_only_a_commit_that_is_pushed_is_deployed(tmp_path: Path) -> None:
    def git(*command: str, folder: Path = tmp_path / "here") -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)

    with pytest.raises(InputError, match="git rev-parse HEAD failed"):
        deploying.checked_out(tmp_path)
    (tmp_path / "here").mkdir()
    git("init", "--bare", str(tmp_path / "there"), folder=tmp_path)
    git("init", "--initial-branch", "main")
    (tmp_path / "here" / "a").write_text("1")
    git("add", "a")
    git("commit", "--message", "one")
    with pytest.raises(InputError, match="is in no remote branch"):
        deploying.checked_out(tmp_path / "here")
    git("remote", "add", "origin", str(tmp_path / "there"))
    git("push", "origin", "main")
    commit = deploying.checked_out(tmp_path / "here")
    assert deploying.FULL_COMMIT.fullmatch(commit)
    assert [deploying.full(tmp_path / "here", commit[:length]) for length in (7, 39, 40)] == [commit] * 3
    git("tag", "0123abc")
    with pytest.raises(InputError, match="0123abc is no commit of the checkout"):
        deploying.full(tmp_path / "here", "0123abc")
    (tmp_path / "here" / "a").write_text("2")
    with pytest.raises(InputError, match="changes that are not committed"):
        deploying.checked_out(tmp_path / "here")
