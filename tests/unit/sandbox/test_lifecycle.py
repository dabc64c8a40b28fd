"""Up, down, status and reset, with the real daemon around services and programs that only pretend."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mlsandbox.cluster.controlplane import PROGRAMS
from mlsandbox.errors import SandboxError
from mlsandbox.host import lifecycle
from mlsandbox.host.layout import Layout
from mlsandbox.host.record import ControlPlaneState, Phase, ProcessId, Record

pytestmark = pytest.mark.engine

FAKES = Path(__file__).parent / "fakes"
DAEMON = (sys.executable, str(FAKES / "daemon.py"))


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(tmp_path / "sandbox")
    yield layout
    lifecycle.down(layout)


@pytest.fixture
def tools(tmp_path: Path) -> Mapping[str, Path]:
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).write_text(f"#!{sys.executable}\n{(FAKES / 'program.py').read_text()}")
        (folder / name).chmod(0o755)
    return {name: folder / name for name in PROGRAMS}


def up(layout: Layout, tools: Mapping[str, Path] | None = None) -> Record:
    return lifecycle.up(layout, tools, daemon=DAEMON)


def eventually(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_up_twice_is_one_sandbox(layout: Layout) -> None:
    first = up(layout)
    assert first.phase is Phase.READY
    assert first.control_plane.phase is Phase.ABSENT
    assert up(layout) == first


def test_two_ups_at_once_are_one_sandbox(layout: Layout) -> None:
    records: list[Record] = []
    threads = [threading.Thread(target=lambda: records.append(up(layout))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({record.process.pid for record in records}) == 1
    assert len(records) == 3


def test_a_second_daemon_for_the_same_folder_gives_way(layout: Layout) -> None:
    record = up(layout)
    second = subprocess.run([*DAEMON, "--folder", str(layout.folder)], capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert second.stderr.strip() == f"A sandbox runs in {layout.folder} already."
    assert layout.record() == record


def test_down_ends_the_daemon_after_its_last_snapshot(layout: Layout) -> None:
    record = up(layout)
    assert lifecycle.down(layout)
    assert record.process.find() is None
    assert (layout.folder / "services").read_text().splitlines() == [
        "start aws-api",
        "start aws-provider",
        "start kubernetes-provider",
        "stop kubernetes-provider",
        "stop aws-provider",
        "snapshot aws-api",
        "stop aws-api",
    ]
    assert not lifecycle.down(layout)
    assert lifecycle.status(layout).phase is Phase.ABSENT


def test_the_control_plane_comes_later_and_comes_back_by_itself(layout: Layout, tools: Mapping[str, Path]) -> None:
    before = up(layout)
    later = lifecycle.start_control_plane(layout, tools)
    assert later.process == before.process
    assert later.control_plane.phase is Phase.READY
    assert lifecycle.start_control_plane(layout, tools).control_plane == later.control_plane
    lifecycle.down(layout)
    assert all(identity.find() is None for identity in later.control_plane.processes.values())
    assert up(layout).control_plane.phase is Phase.READY


def test_a_control_plane_of_other_programs_is_restarted_with_the_new_ones(
    layout: Layout, tools: Mapping[str, Path], tmp_path: Path
) -> None:
    before = up(layout, tools)
    newer = shutil.copytree(tmp_path / "tools", tmp_path / "newer")
    after = lifecycle.start_control_plane(layout, {name: newer / name for name in PROGRAMS})
    assert after.process == before.process
    assert after.control_plane.phase is Phase.READY
    kwok = after.control_plane.processes["kwok"].find()
    assert kwok is not None and str(newer / "kwok") in kwok.cmdline()
    assert before.control_plane.processes["kwok"].find() is None


def test_what_a_stopped_control_plane_says_is_no_answer_to_a_new_request(
    layout: Layout, tools: Mapping[str, Path], tmp_path: Path
) -> None:
    requests = up(layout, tools).control_plane_requests
    newer = shutil.copytree(tmp_path / "tools", tmp_path / "newer")
    lifecycle.start_control_plane(layout, {name: newer / name for name in PROGRAMS})
    records = [Record.model_validate_json(line) for line in (layout.folder / "records").read_text().splitlines()]
    phases = [record.control_plane.phase for record in records if record.control_plane_requests > requests]
    assert phases[0] is Phase.STARTING
    assert Phase.ABSENT not in phases


def test_a_control_plane_of_which_a_program_is_killed_comes_back(layout: Layout, tools: Mapping[str, Path]) -> None:
    before = up(layout, tools)
    scheduler = before.control_plane.processes["kube-scheduler"]
    process = scheduler.find()
    assert process is not None
    process.kill()

    def back() -> bool:
        state = lifecycle.status(layout).control_plane
        return state.phase is Phase.READY and state.processes["kube-scheduler"] != scheduler

    eventually(back, timeout_s=30)
    assert layout.record().process == before.process  # type: ignore[union-attr]  # it runs


def test_the_control_plane_needs_a_sandbox(layout: Layout, tools: Mapping[str, Path]) -> None:
    with pytest.raises(SandboxError, match=r"No sandbox runs in .*mlsandbox up"):
        lifecycle.start_control_plane(layout, tools)


def test_a_control_plane_that_failed_says_why_and_can_be_started_again(
    layout: Layout, tools: Mapping[str, Path]
) -> None:
    layout.prepare()
    crash = layout.logs / "crash-kwok"
    crash.write_text("stage is broken")
    with pytest.raises(SandboxError, match="kwok ended with exit code 1: stage is broken"):
        up(layout, tools)
    status = lifecycle.status(layout)
    assert status.phase is Phase.READY
    assert status.control_plane.phase is Phase.FAILED
    crash.unlink()
    assert up(layout, tools).control_plane.phase is Phase.READY


def test_status_tells_where_since_when_and_how_big(layout: Layout, tools: Mapping[str, Path]) -> None:
    record = up(layout, tools)
    status = lifecycle.status(layout)
    assert [process.name for process in status.processes] == ["sandbox", *PROGRAMS]
    assert status.since == record.started
    assert status.memory_bytes > 20 * 2**20
    assert status.endpoints["AWS API"] == f"http://127.0.0.1:{layout.ports().aws}"
    assert status.endpoints["Kubernetes API"] == f"https://127.0.0.1:{layout.ports().api_server}"
    assert status.endpoints["EKS cluster"] == f"https://127.0.0.1:{layout.ports().kubernetes_api}"
    assert status.versions["moto"]


def test_status_of_a_sandbox_that_was_never_there(layout: Layout) -> None:
    assert lifecycle.status(layout).phase is Phase.ABSENT
    assert not lifecycle.down(layout)
    assert not layout.folder.exists()


def test_a_killed_daemon_takes_its_children_with_it_and_is_replaced(layout: Layout, tools: Mapping[str, Path]) -> None:
    killed = up(layout, tools)
    os.kill(killed.process.pid, signal.SIGKILL)
    if sys.platform == "linux":
        eventually(lambda: not any(identity.find() for identity in killed.control_plane.processes.values()))
    status = lifecycle.status(layout)
    assert status.phase is Phase.FAILED
    assert status.reason is not None and "mlsandbox up" in status.reason
    fresh = up(layout, tools)
    assert fresh.process != killed.process
    assert fresh.control_plane.phase is Phase.READY


def test_what_a_killed_daemon_left_behind_is_ended(layout: Layout) -> None:
    record = up(layout)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as orphan:
        identity = ProcessId.of(orphan.pid)
        left = ControlPlaneState(phase=Phase.READY, processes={"kwok": identity})
        os.kill(record.process.pid, signal.SIGKILL)
        eventually(lambda: not record.alive())
        layout.write_record(record.model_copy(update={"control_plane": left}))
        assert not lifecycle.down(layout)
        assert identity.find() is None


def test_a_service_that_cannot_start_is_the_reason_and_the_rest_is_stopped(layout: Layout) -> None:
    layout.prepare()
    (layout.folder / "broken-kubernetes-provider").touch()
    with pytest.raises(
        SandboxError, match=r"did not start: The kubernetes-provider is broken\. \(log: .*daemon\.log\)"
    ):
        up(layout)
    assert (layout.folder / "services").read_text().splitlines()[-3:] == [
        "stop aws-provider",
        "snapshot aws-api",
        "stop aws-api",
    ]
    assert lifecycle.status(layout).phase is Phase.ABSENT


def test_a_kept_port_that_is_taken_is_named_and_reset_chooses_new_ones(layout: Layout) -> None:
    layout.prepare()
    before = layout.ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", before.aws))
        other.listen()
        with pytest.raises(SandboxError, match=f"Port {before.aws} of 127.0.0.1.*pid {os.getpid()}"):
            up(layout)
        lifecycle.reset(layout, daemon=DAEMON)
        assert layout.ports() != before
        up(layout)


def test_reset_empties_all_state_together_and_starts_again_what_ran(layout: Layout, tools: Mapping[str, Path]) -> None:
    before = up(layout, tools)
    kept = layout.ports(), layout.credentials(), layout.ca_certificate.read_bytes()
    for folder in (layout.etcd, layout.aws, layout.pulumi_backend):
        folder.mkdir(exist_ok=True)
        (folder / "state").touch()
    lifecycle.reset(layout, daemon=DAEMON)
    for folder in (layout.etcd, layout.aws, layout.pulumi_backend):
        assert not (folder / "state").exists()
    assert (layout.ports(), layout.credentials(), layout.ca_certificate.read_bytes()) == kept
    after = layout.record()
    assert after is not None and after.process != before.process
    assert after.control_plane.phase is Phase.READY


def test_reset_of_a_stopped_sandbox_leaves_it_stopped(layout: Layout) -> None:
    up(layout)
    lifecycle.down(layout)
    lifecycle.reset(layout, daemon=DAEMON)
    assert lifecycle.status(layout).phase is Phase.ABSENT


def test_a_sandbox_whose_folder_was_deleted_ends(layout: Layout, tools: Mapping[str, Path]) -> None:
    record = up(layout, tools)
    shutil.rmtree(layout.folder)
    eventually(lambda: not record.alive())
    assert not any(identity.find() for identity in record.control_plane.processes.values())
    assert not layout.folder.exists()
