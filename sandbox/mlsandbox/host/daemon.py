"""The sandbox's daemon: `python -m mlsandbox.host.daemon --folder FOLDER`.

It serves the AWS API, its resource provider, the token webhook and the cluster endpoint. The processes of the control
plane are its children. The control plane may start later than the rest: on SIGUSR1 the daemon reads `tools.json` and
starts it. SIGTERM, SIGINT and the deletion of the folder stop the sandbox gracefully.
"""

import argparse
import contextlib
import enum
import importlib.metadata
import logging
import platform
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mlsandbox.cluster.controlplane import ControlPlane
from mlsandbox.errors import SandboxError
from mlsandbox.ground import files
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.ports import Ports
from mlsandbox.ground.record import ControlPlaneState, Phase, ProcessId, Record
from mlsandbox.host.served import AwsApi, Services

SNAPSHOT_EVERY_S = 5.0
"""Seconds between two snapshots: a power failure loses at most the changes of this time."""

LARGEST_LOG = 16 * 2**20
"""Size in bytes at which the older part of a log is removed: the API server writes tens of megabytes an hour."""

_TICK_S = 1.0

logger = logging.getLogger(__name__)


class _Event(enum.Enum):
    STOP = enum.auto()
    START_CONTROL_PLANE = enum.auto()


class Daemon:
    """One run of the sandbox, from its first record to its last snapshot."""

    def __init__(self, layout: Layout, services: Services) -> None:
        self._layout = layout
        self._services = services
        # Unlike that of `queue.Queue`, its `put` is safe in a signal handler.
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._control_plane: ControlPlane | None = None
        self._was_ready = False
        """Whether the control plane has been ready since its last start."""

        self._aws_api: AwsApi | None = None
        self._record_lock = threading.Lock()
        versions = {
            "mlplatform": importlib.metadata.version("mlplatform"),
            "moto": importlib.metadata.version("moto"),
            "python": platform.python_version(),
        }
        self._record = Record(process=ProcessId.of(), phase=Phase.STARTING, versions=versions)

    def run(self) -> None:
        """Serve until a stop signal. Raises `SandboxError` if a service cannot start."""
        for number, event in (
            (signal.SIGTERM, _Event.STOP),
            (signal.SIGINT, _Event.STOP),
            (signal.SIGUSR1, _Event.START_CONTROL_PLANE),
        ):
            signal.signal(number, lambda *_, event=event: self._events.put(event))
        self._layout.write_record(self._record)
        with contextlib.ExitStack() as stops:
            stops.callback(self._leave)
            self._start(stops)
            stops.callback(self._update, phase=Phase.STOPPING)
            self._serve()

    def _start(self, stops: contextlib.ExitStack) -> None:
        """Start all services. `stops` receives a callback for each started service, to stop them in reverse order."""
        self._layout.check_ports(*Ports.model_fields)
        self._aws_api = self._services.aws_api(self._layout, lambda states: self._update(controllers=states))
        stops.callback(self._aws_api.stop)
        stops.callback(self._snapshot)
        for provider in self._services.providers:
            stops.callback(provider(self._layout).stop)
        stops.callback(self._stop_control_plane)
        stops.callback(self._aws_api.stop_controllers)
        if self._layout.tools() is not None:
            self._start_control_plane()
        self._update(phase=Phase.READY)
        logger.info("sandbox ready in %s", self._layout.folder)

    def _serve(self) -> None:
        snapshot_at = time.monotonic() + SNAPSHOT_EVERY_S
        while self._owns_folder():
            try:
                event = self._events.get(timeout=_TICK_S)
            except queue.Empty:
                if time.monotonic() >= snapshot_at:
                    self._snapshot()
                    self._bound_logs()
                    snapshot_at = time.monotonic() + SNAPSHOT_EVERY_S
                continue
            if event is _Event.STOP:
                return
            self._start_control_plane()

    def _start_control_plane(self) -> None:
        tools = self._layout.tools() or {}
        running = self._control_plane
        if running and running.tools == tools and running.state.phase in (Phase.STARTING, Phase.READY):
            self._take_request()
            self._update()
            return
        # It runs other programs than the requested ones, or it failed and may still be stopping its processes.
        self._stop_control_plane()
        # The requester waits for the next state. That must not be the state of the stopped control plane.
        self._take_request()
        try:
            self._control_plane = ControlPlane(self._layout, tools, self._control_plane_changed)
            self._control_plane.start()
        except SandboxError as problem:
            self._control_plane_changed(ControlPlaneState(phase=Phase.FAILED, reason=str(problem)))

    def _take_request(self) -> None:
        """Count a request to start the control plane. The next record that is written contains the count."""
        with self._record_lock:
            requests = self._record.control_plane_requests + 1
            self._record = self._record.model_copy(update={"control_plane_requests": requests})

    def _control_plane_changed(self, state: ControlPlaneState) -> None:
        before = self._record.control_plane.phase
        self._update(control_plane=state)
        if state.phase is Phase.READY:
            self._was_ready = True
        elif state.phase is Phase.FAILED and self._was_ready and before is not Phase.FAILED:
            # It was ready, and then one of its programs was killed. One that was never ready is not restarted.
            self._was_ready = False
            self._events.put(_Event.START_CONTROL_PLANE)

    def _snapshot(self) -> None:
        if self._aws_api is None or not self._owns_folder():
            return
        problem: str | None = None
        try:
            self._aws_api.snapshot()
        except Exception as error:
            # After any error, e.g. a full disk or an object that cannot be pickled, the sandbox continues with its
            # state in memory, and the next snapshot may succeed.
            logger.exception("cannot save the state of the AWS API")
            problem = f"{type(error).__name__}: {error}"
        if self._record.unsaved != problem:
            self._update(unsaved=problem)

    def _bound_logs(self) -> None:
        for log in self._layout.logs.glob("*.log"):
            files.bound(log, LARGEST_LOG)

    def _stop_control_plane(self) -> None:
        if self._control_plane is not None:
            self._control_plane.stop()

    def _leave(self) -> None:
        if self._owns_folder():
            self._layout.record_file.unlink()
        logger.info("sandbox stopped")

    def _owns_folder(self) -> bool:
        record = self._layout.record()
        return record is not None and record.process == self._record.process

    def _update(self, **changes: Any) -> None:
        with self._record_lock:
            self._record = self._record.model_copy(update=changes)
            # If the folder of a running sandbox was deleted, do not create it again.
            if self._owns_folder():
                self._layout.write_record(self._record)


def run(layout: Layout, services: Services) -> int:
    """Run the daemon of `layout` unless one is already running. Returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    layout.prepare()
    lock = FileLock(layout.daemon_lock, timeout=0)
    try:
        with lock:
            Daemon(layout, services).run()
    except Timeout:
        print(f"A sandbox is already running in {layout.folder}.", file=sys.stderr)
        return 1
    except SandboxError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Run the daemon with the real services."""
    parser = argparse.ArgumentParser(description="The sandbox's daemon, which `mlsandbox up` starts.")
    parser.add_argument("--folder", type=Path, required=True, help="the sandbox's folder")
    # Imported late: moto and the SDK's types take seconds to import.
    from mlsandbox.host import services

    return run(Layout.find(parser.parse_args().folder), services.REAL)


if __name__ == "__main__":
    sys.exit(main())
