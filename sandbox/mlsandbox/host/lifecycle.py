"""Starts, stops and resets the sandbox, and reads its status. Runs in the commands, not in the daemon."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psutil
from filelock import FileLock

from mlsandbox.errors import SandboxError
from mlsandbox.ground import files
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.ports import HOST, Ports
from mlsandbox.ground.record import ControllerState, ControlPlaneState, Phase, ProcessId, Record
from mlsandbox.host import environment

DAEMON = (sys.executable, "-P", "-m", "mlsandbox.host.daemon")
"""Command of the daemon, without `--folder FOLDER`. -P: do not import modules from the working folder."""

READY_TIMEOUT_S = 180.0
"""Seconds that the daemon or the control plane may take to start."""

STOP_TIMEOUT_S = 60.0
"""Seconds that the daemon may take to stop the control plane and to save its state."""

_POLL_S = 0.05


@dataclass(frozen=True)
class ProcessStatus:
    """One running process of the sandbox."""

    name: str
    """`sandbox` for the daemon, otherwise the program name."""

    pid: int
    """The PID."""

    since: datetime
    """When it started, in UTC."""

    memory_bytes: int
    """Resident memory in bytes."""


@dataclass(frozen=True)
class Status:
    """The sandbox at one moment."""

    folder: Path
    """The folder of the sandbox."""

    phase: Phase
    """`absent` if the daemon is not running; `failed` if it was killed or crashed."""

    reason: str | None
    """Why the phase is `failed`."""

    since: datetime | None
    """When the daemon started, in UTC."""

    control_plane: ControlPlaneState
    """The Kubernetes control plane."""

    endpoints: Mapping[str, str]
    """Addresses of the servers by their names for users. Empty if the daemon is not running."""

    processes: Sequence[ProcessStatus]
    """All running processes, the daemon first."""

    versions: Mapping[str, str]
    """Versions of `mlplatform`, `moto` and `python`."""

    controllers: Mapping[str, ControllerState] = field(default_factory=dict)
    """The requested controllers by name."""

    unsaved: str | None = None
    """Why the last attempt to save the AWS API's state failed; None if it succeeded."""

    @property
    def memory_bytes(self) -> int:
        """Resident memory of all processes, in bytes."""
        return sum(process.memory_bytes for process in self.processes)


def up(layout: Layout, tools: Mapping[str, Path] | None = None, *, daemon: Sequence[str] = DAEMON) -> Record:
    """Start the sandbox unless it is running, and wait until it is ready.

    With `tools`, the control plane's programs, the control plane is started too. Without them, it is started if an
    earlier start included it. Raises `SandboxError` with the reason if the sandbox does not start.
    """
    layout.prepare()
    with _exclusive(layout):
        return _up(layout, tools, daemon)


def start_control_plane(layout: Layout, tools: Mapping[str, Path]) -> Record:
    """Start the control plane of a running sandbox and wait until it is ready.

    A running control plane is restarted only if it runs other programs than `tools`.

    Raises `SandboxError` if the sandbox is not running or the control plane does not start.
    """
    layout.prepare()
    with _exclusive(layout):
        record = _running(layout)
        if record is None:
            raise SandboxError(f"No sandbox is running in {layout.folder}. Start it with `mlsandbox up`.")
        return _with_control_plane(layout, record, tools)


def down(layout: Layout) -> bool:
    """Stop the sandbox and wait until its processes have ended. Its state is kept. False if it was not running."""
    if not layout.folder.exists():
        return False
    with _exclusive(layout):
        return _down(layout)


def reset(layout: Layout, *, daemon: Sequence[str] = DAEMON) -> None:
    """Delete all resources in the AWS API and the cluster, and the Pulumi state of the sandbox's stacks.

    A running sandbox is restarted. Keys and ports are kept, so that shells and kubeconfigs remain valid. But if another
    program uses one of the ports, new ports are chosen.
    """
    layout.prepare()
    with _exclusive(layout):
        ran = _down(layout)
        for folder in (layout.etcd, layout.aws, layout.pulumi_backend):
            if folder.exists():
                shutil.rmtree(folder)
        if layout.ports().taken():
            layout.ports_file.unlink()
        layout.prepare()
        if ran:
            _up(layout, None, daemon)


def status(layout: Layout) -> Status:
    """The running processes, their endpoints, start times and memory use. Does not raise if there is no sandbox."""
    record = layout.record()
    if record is None:
        return Status(layout.folder, Phase.ABSENT, None, None, ControlPlaneState(), {}, (), {})
    processes = tuple(_process_statuses({"sandbox": record.process, **record.children}))
    if not record.alive():
        reason = f"Its process {record.process.pid} ended unexpectedly. Start it again with `mlsandbox up`."
        return Status(layout.folder, Phase.FAILED, reason, None, ControlPlaneState(), {}, processes, record.versions)
    return Status(
        layout.folder,
        record.phase,
        None,
        record.started,
        record.control_plane,
        _endpoints(layout.ports(), record.control_plane),
        processes,
        record.versions,
        {name: record.controllers.get(name, ControllerState()) for name in layout.controllers()},
        record.unsaved,
    )


def _endpoints(ports: Ports, control_plane: ControlPlaneState) -> dict[str, str]:
    endpoints = {
        "AWS API": f"http://{HOST}:{ports.aws}",
        "provider aws": f"{HOST}:{ports.aws_provider}",
        "EKS token webhook": f"https://{HOST}:{ports.webhook}",
    }
    if control_plane.phase is Phase.READY:
        endpoints["Kubernetes API"] = f"https://{HOST}:{ports.api_server}"
        endpoints["EKS cluster"] = f"https://{HOST}:{ports.kubernetes_api}"
    return endpoints


def _process_statuses(processes: Mapping[str, ProcessId]) -> Iterator[ProcessStatus]:
    for name, identity in processes.items():
        process = identity.find()
        # The process may end in the meantime.
        with contextlib.suppress(psutil.NoSuchProcess):
            if process is not None:
                yield ProcessStatus(name, identity.pid, identity.started, process.memory_info().rss)


@contextlib.contextmanager
def _exclusive(layout: Layout) -> Iterator[None]:
    """Run concurrent commands one after the other."""
    with FileLock(layout.command_lock):
        yield


def _running(layout: Layout) -> Record | None:
    record = layout.record()
    return record if record is not None and record.alive() else None


def _up(layout: Layout, tools: Mapping[str, Path] | None, daemon: Sequence[str]) -> Record:
    record = _running(layout)
    if record is None:
        _down(layout)
        if tools is not None:
            layout.write_tools(tools)
        record = _launch(layout, daemon)
        if record.control_plane.phase is Phase.ABSENT:
            return record
        return _settled(layout, record, lambda now: not now.control_plane.phase.passing)
    return record if tools is None else _with_control_plane(layout, record, tools)


def _with_control_plane(layout: Layout, record: Record, tools: Mapping[str, Path]) -> Record:
    layout.write_tools(tools)
    requests = record.control_plane_requests
    os.kill(record.process.pid, signal.SIGUSR1)
    return _settled(
        layout,
        record,
        lambda now: now.control_plane_requests > requests and not now.control_plane.phase.passing,
    )


def _launch(layout: Layout, daemon: Sequence[str]) -> Record:
    log = layout.logs / "daemon.log"
    if log.exists():
        log.replace(log.with_name(f"{log.name}.previous"))
    # Ignore the user's AWS settings, such as a retry mode or an addressing style: they are for AWS.
    variables = environment.of_processes(layout) | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": str(layout.credentials_file),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*daemon, "--folder", str(layout.folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=layout.folder.anchor,
            env=variables,
            start_new_session=True,
        )
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        record = layout.record()
        if record is not None and record.process.pid == process.pid and record.phase is Phase.READY:
            return record
        if process.poll() is not None:
            raise SandboxError(f"The sandbox did not start: {files.tail(log, 1)} (log: {log})")
        time.sleep(_POLL_S)
    process.terminate()
    raise SandboxError(f"The sandbox was not ready after {READY_TIMEOUT_S:.0f} s and was stopped. Its log is {log}.")


def _settled(layout: Layout, record: Record, condition: Callable[[Record], bool]) -> Record:
    """Wait for a record that fulfills `condition`. Raises `SandboxError` if the control plane failed."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        now = layout.record()
        if now is None or now.process != record.process or not now.alive():
            raise SandboxError(f"The sandbox ended while its control plane started. Its logs are in {layout.logs}.")
        if condition(now):
            if now.control_plane.phase is Phase.FAILED:
                raise SandboxError(now.control_plane.reason or "The control plane failed.")
            return now
        time.sleep(_POLL_S)
    raise SandboxError(f"The control plane was not ready after {READY_TIMEOUT_S:.0f} s. Its logs are in {layout.logs}.")


def _down(layout: Layout) -> bool:
    """Stop the daemon, and end processes that a killed daemon left behind. Returns whether the daemon was running."""
    record = layout.record()
    if record is None:
        return False
    daemon = record.process.find()
    if daemon is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            daemon.terminate()
        _gone([daemon], STOP_TIMEOUT_S)
    leftovers = [process for identity in record.children.values() if (process := identity.find())]
    for process in leftovers:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _gone(leftovers, STOP_TIMEOUT_S)
    layout.record_file.unlink(missing_ok=True)
    return daemon is not None


def _gone(processes: Sequence[psutil.Process], timeout_s: float) -> None:
    """Wait until `processes` have ended. Kill those that take longer than `timeout_s`."""
    _, alive = psutil.wait_procs(processes, timeout=timeout_s)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=timeout_s)
