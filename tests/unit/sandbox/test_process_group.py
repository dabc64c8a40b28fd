"""Groups of processes: their output, and how they end."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlsandbox.tools.languagehost.processes import Ended, ProcessGroup, ProcessGroups
from unit.sandbox.processes import DEADLINE_SECONDS, gone, line_of, within_deadline

pytestmark = pytest.mark.engine  # each test starts several processes


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., ProcessGroup]:
    def run(source: str, *, piped: bool = True) -> ProcessGroup:
        return ProcessGroup([sys.executable, "-c", source], folder=tmp_path, environment=os.environ, piped=piped)

    return run


START_SLEEPER = """
import subprocess, sys
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(sleeper.pid, flush=True)
"""


def test_output_arrives_while_the_child_is_running(run_python):
    group = run_python("import time; print('first', flush=True); time.sleep(60)")
    assert line_of(group.output()) == b"first\n"
    group.stop()


def test_output_ends_with_the_exit_code(run_python):
    *written, end = run_python("import sys; print('said'); print('warned', file=sys.stderr); sys.exit(5)").output()
    assert b"".join(piece.data for piece in written if piece.stream == "stdout") == b"said\n"
    assert b"".join(piece.data for piece in written if piece.stream == "stderr") == b"warned\n"
    assert end == Ended(5)


def test_a_grandchild_that_keeps_the_output_open_is_killed_when_the_child_ends(run_python):
    started = time.monotonic()
    output = run_python(START_SLEEPER).output()
    sleeper = int(line_of(output))
    assert list(output) == [Ended(0)]
    assert time.monotonic() - started < DEADLINE_SECONDS
    assert within_deadline(lambda: gone(sleeper))


def test_stopping_ends_the_whole_group(run_python):
    group = run_python(START_SLEEPER + "sleeper.wait()")
    output = group.output()
    sleeper = int(line_of(output))
    group.stop()
    assert list(output) == [Ended(-signal.SIGTERM)]
    assert within_deadline(lambda: gone(sleeper))


def test_a_child_that_ignores_sigterm_is_killed(run_python):
    group = run_python(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    output = group.output()
    assert line_of(output) == b"ready\n"
    group.stop()
    assert list(output) == [Ended(-signal.SIGKILL)]
    assert group.stopped


def test_a_child_that_ended_by_itself_does_not_count_as_stopped(run_python):
    group = run_python("", piped=False)
    group.wait()
    group.stop()
    assert not group.stopped


def test_a_group_that_ended_gets_no_further_signals(run_python, monkeypatch):
    group = run_python("", piped=False)
    group.wait()
    signalled = []
    monkeypatch.setattr(os, "killpg", lambda *arguments: signalled.append(arguments))
    group.stop()
    group.wait()
    assert signalled == []


def test_all_running_groups_can_be_stopped_at_once(run_python):
    groups = ProcessGroups()
    with contextlib.ExitStack() as running:
        members = [running.enter_context(groups.running(run_python("import time; time.sleep(60)"))) for _ in range(3)]
        groups.stop()
        assert [member.wait() for member in members] == [-signal.SIGTERM] * 3


def test_a_group_is_stopped_at_the_end_of_its_block(run_python):
    groups = ProcessGroups()
    with groups.running(run_python("import time; time.sleep(60)")) as group:
        pass
    assert group.wait() == -signal.SIGTERM
