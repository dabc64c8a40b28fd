"""Up, down, status and reset, with the real daemon and fake services and programs."""

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
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControllerState, ControlPlaneState, Phase, ProcessId, Record
from mlsandbox.host import lifecycle

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
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.05)


def test_up_twice_starts_one_sandbox(layout: Layout) -> None:
    first = up(layout)
    assert first.phase is Phase.READY
    assert first.control_plane.phase is Phase.ABSENT
    assert first.controllers == {"metrics-server": ControllerState(reason="It is a fake.")}
    assert up(layout) == first


def test_concurrent_ups_start_one_sandbox(layout: Layout) -> None:
    records: list[Record] = []
    threads = [threading.Thread(target=lambda: records.append(up(layout))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({record.process.pid for record in records}) == 1
    assert len(records) == 3


def test_a_second_daemon_for_the_same_folder_exits(layout: Layout) -> None:
    record = up(layout)
    second = subprocess.run([*DAEMON, "--folder", str(layout.folder)], capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert second.stderr.strip() == f"A sandbox is already running in {layout.folder}."
    assert layout.record() == record


def test_down_stops_the_daemon_after_a_last_snapshot(layout: Layout) -> None:
    record = up(layout)
    assert lifecycle.down(layout)
    assert record.process.find() is None
    assert (layout.folder / "services").read_text().splitlines() == [
        "start aws-api",
        "start aws-provider",
        "start kubernetes-provider",
        "stop-controllers aws-api",
        "stop kubernetes-provider",
        "stop aws-provider",
        "snapshot aws-api",
        "stop aws-api",
    ]
    assert not lifecycle.down(layout)
    assert lifecycle.status(layout).phase is Phase.ABSENT


def test_a_state_that_cannot_be_saved_is_recorded_until_it_can(layout: Layout) -> None:
    up(layout)
    for reason in ("OSError: no space left", None):
        (layout.folder / "full").touch() if reason else (layout.folder / "full").unlink()
        deadline = time.monotonic() + 30
        while lifecycle.status(layout).unsaved != reason:
            assert time.monotonic() < deadline, lifecycle.status(layout)
            time.sleep(0.1)
    lifecycle.down(layout)


def test_the_control_plane_can_start_later_and_starts_again_with_the_sandbox(
    layout: Layout, tools: Mapping[str, Path]
) -> None:
    before = up(layout)
    later = lifecycle.start_control_plane(layout, tools)
    assert later.process == before.process
    assert later.control_plane.phase is Phase.READY
    assert lifecycle.start_control_plane(layout, tools).control_plane == later.control_plane
    lifecycle.down(layout)
    assert all(identity.find() is None for identity in later.control_plane.processes.values())
    assert up(layout).control_plane.phase is Phase.READY


def test_a_control_plane_is_restarted_if_its_programs_changed(
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


def test_the_state_of_a_stopped_control_plane_does_not_answer_a_new_request(
    layout: Layout, tools: Mapping[str, Path], tmp_path: Path
) -> None:
    requests = up(layout, tools).control_plane_requests
    newer = shutil.copytree(tmp_path / "tools", tmp_path / "newer")
    lifecycle.start_control_plane(layout, {name: newer / name for name in PROGRAMS})
    records = [Record.model_validate_json(line) for line in (layout.folder / "records").read_text().splitlines()]
    phases = [record.control_plane.phase for record in records if record.control_plane_requests > requests]
    assert phases[0] is Phase.STARTING
    assert Phase.ABSENT not in phases


def test_a_control_plane_is_restarted_after_one_of_its_programs_was_killed(
    layout: Layout, tools: Mapping[str, Path]
) -> None:
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


def test_the_control_plane_requires_a_running_sandbox(layout: Layout, tools: Mapping[str, Path]) -> None:
    with pytest.raises(SandboxError, match=r"No sandbox is running in .*mlsandbox up"):
        lifecycle.start_control_plane(layout, tools)


def test_a_failed_control_plane_reports_the_reason_and_can_be_started_again(
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


def test_status_shows_endpoints_start_time_and_memory(layout: Layout, tools: Mapping[str, Path]) -> None:
    record = up(layout, tools)
    status = lifecycle.status(layout)
    assert [process.name for process in status.processes] == ["sandbox", *PROGRAMS]
    assert status.since == record.started
    assert status.memory_bytes > 20 * 2**20
    assert status.endpoints["AWS API"] == f"http://127.0.0.1:{layout.ports().aws}"
    assert status.endpoints["Kubernetes API"] == f"https://127.0.0.1:{layout.ports().api_server}"
    assert status.endpoints["EKS cluster"] == f"https://127.0.0.1:{layout.ports().kubernetes_api}"
    assert status.versions["moto"]


def test_status_of_a_sandbox_that_was_never_started(layout: Layout) -> None:
    assert lifecycle.status(layout).phase is Phase.ABSENT
    assert not lifecycle.down(layout)
    assert not layout.folder.exists()


def test_the_children_of_a_killed_daemon_end_and_up_starts_a_new_one(layout: Layout, tools: Mapping[str, Path]) -> None:
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


def test_down_ends_processes_that_a_killed_daemon_left_behind(layout: Layout) -> None:
    record = up(layout)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as orphan:
        identity = ProcessId.of(orphan.pid)
        left = ControlPlaneState(phase=Phase.READY, processes={"kwok": identity})
        os.kill(record.process.pid, signal.SIGKILL)
        eventually(lambda: not record.alive())
        layout.write_record(record.model_copy(update={"control_plane": left}))
        assert not lifecycle.down(layout)
        assert identity.find() is None


def test_if_a_service_cannot_start_up_reports_it_and_stops_the_other_services(layout: Layout) -> None:
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


def test_up_names_a_port_that_is_in_use_and_reset_chooses_new_ports(layout: Layout) -> None:
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


def test_reset_deletes_all_state_and_restarts_a_running_sandbox(layout: Layout, tools: Mapping[str, Path]) -> None:
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


def test_reset_does_not_start_a_stopped_sandbox(layout: Layout) -> None:
    up(layout)
    lifecycle.down(layout)
    lifecycle.reset(layout, daemon=DAEMON)
    assert lifecycle.status(layout).phase is Phase.ABSENT


def test_a_sandbox_stops_when_its_folder_is_deleted(layout: Layout, tools: Mapping[str, Path]) -> None:
    record = up(layout, tools)
    shutil.rmtree(layout.folder)
    eventually(lambda: not record.alive())
    assert not any(identity.find() for identity in record.control_plane.processes.values())
    assert not layout.folder.exists()
