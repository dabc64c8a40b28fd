"""When the AWS API saves its state."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlsandbox.endpoint.gate import Gate
from mlsandbox.endpoint.unsaved import Unsaved
from mlsandbox.ground.layout import Layout
from mlsandbox.host import aws_api


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths of the snapshots that were saved."""
    paths: list[Path] = []
    monkeypatch.setattr(aws_api.snapshot, "save", paths.append)
    return paths


@pytest.fixture
def server(tmp_path: Path) -> Any:
    changed = Unsaved(tmp_path / "unsaved")
    changed.set()
    return SimpleNamespace(gate=Gate(), changed=changed)


@pytest.fixture
def api(tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch) -> aws_api.AwsApi:
    in_use = threading.Lock()
    in_use.acquire()
    monkeypatch.setattr(aws_api, "_in_use", in_use)
    monkeypatch.setattr(aws_api, "_forget", lambda: None)
    return aws_api.AwsApi(Layout(tmp_path), server, [], None)


def test_a_thread_that_waited_while_another_one_saved_does_not_save(
    api: aws_api.AwsApi, server: Any, saved: list[Path]
) -> None:
    waiting = threading.Thread(target=api.snapshot)
    with server.gate.exclusive():
        waiting.start()
        while not _waits(server.gate):
            time.sleep(0.001)
        server.changed.clear()
    waiting.join()
    assert saved == []


def test_nothing_is_saved_after_the_state_was_cleared(api: aws_api.AwsApi, server: Any, saved: list[Path]) -> None:
    api.stop()
    assert len(saved) == 1
    server.changed.set()
    api.snapshot()
    assert len(saved) == 1


def _waits(gate: Gate) -> bool:
    """Whether a thread waits for the gate."""
    return bool(gate._condition._waiters)  # type: ignore[attr-defined]  # the only sign of a waiting thread
