"""The record that the sandbox's daemon writes while it runs."""

import enum
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


# The system does not reuse a PID within so short a time.
_SAME_START_S = 0.5


class ProcessId(_Model):
    """Identifies one process, even if a later process gets the same PID."""

    pid: int
    """The PID."""

    started: datetime
    """When the process started, in UTC."""

    uptime_s: float
    """Seconds from the system's boot to the process's start. Setting the clock does not change it."""

    @classmethod
    def of(cls, pid: int | None = None) -> Self:
        """The running process `pid`, by default this process. Raises `psutil.NoSuchProcess` if it ended."""
        process = psutil.Process(pid)
        created = process.create_time()
        return cls(
            pid=process.pid,
            started=datetime.fromtimestamp(created, UTC),
            uptime_s=round(created - psutil.boot_time(), 2),
        )

    def find(self) -> psutil.Process | None:
        """The process if it still runs; None if it ended, or if another process has its PID."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - psutil.boot_time() - self.uptime_s) < _SAME_START_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


class Phase(enum.StrEnum):
    """The phase of the daemon or of the control plane."""

    ABSENT = "absent"
    """Not started. For the control plane: its binaries are not installed yet."""

    STARTING = "starting"
    """Starting; not ready for requests yet."""

    READY = "ready"
    """Ready for requests."""

    STOPPING = "stopping"
    """Stopping."""

    FAILED = "failed"
    """Did not start, or one of its processes ended unexpectedly. The reason names the process and the cause."""

    @property
    def passing(self) -> bool:
        """Whether another phase follows without a command."""
        return self in (Phase.STARTING, Phase.STOPPING)


class ControlPlaneState(_Model):
    """The Kubernetes control plane at one moment."""

    phase: Phase = Phase.ABSENT
    """The phase of the control plane."""

    reason: str | None = None
    """Why it failed: one sentence with the last line and the path of the log."""

    processes: Mapping[str, ProcessId] = {}
    """The running processes by program name."""


class ControllerState(_Model):
    """A requested controller at one moment."""

    process: ProcessId | None = None
    """Its process, if it runs."""

    reason: str | None = None
    """Why it does not run or does not respond: one sentence."""


ControllersChanged = Callable[[Mapping[str, ControllerState]], None]
"""Called with the states of all controllers whenever one has changed."""


class Record(_Model):
    """The running sandbox. Its file exists while the daemon runs, and after the daemon was killed."""

    process: ProcessId
    """The daemon."""

    phase: Phase
    """The phase of the daemon: starting, ready or stopping."""

    versions: Mapping[str, str]
    """Versions of `mlplatform`, `moto` and `python`."""

    control_plane: ControlPlaneState = ControlPlaneState()
    """The control plane, which may start later than the rest."""

    controllers: Mapping[str, ControllerState] = {}
    """The controllers that were started, by name."""

    unsaved: str | None = None
    """Why the last attempt to save the AWS API's state failed; None if it succeeded."""

    control_plane_requests: int = 0
    """The number of requests to start the control plane so far. Shows whether a record is newer than a request."""

    @property
    def started(self) -> datetime:
        """When the daemon started, in UTC."""
        return self.process.started

    @property
    def children(self) -> Mapping[str, ProcessId]:
        """The processes that the daemon started, by name."""
        controllers = {name: state.process for name, state in self.controllers.items() if state.process}
        return {**self.control_plane.processes, **controllers}

    def alive(self) -> bool:
        """Whether the daemon that wrote this record still runs."""
        return self.process.find() is not None
