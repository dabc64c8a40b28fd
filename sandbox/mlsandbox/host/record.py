"""What the sandbox's process says of itself while it runs."""

import enum
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


# A number is not given to another process within so short a time.
_SAME_START_S = 0.5


class ProcessId(_Model):
    """One process, told apart from a later one with the same number."""

    pid: int
    """Number that the system gave."""

    started: datetime
    """When the process began, in UTC."""

    uptime_s: float
    """Seconds from the system's boot to the process's start: what does not move when the clock is set."""

    @classmethod
    def of(cls, pid: int | None = None) -> Self:
        """The running process `pid`; this process by default. Raises `psutil.NoSuchProcess` if it is gone."""
        process = psutil.Process(pid)
        created = process.create_time()
        return cls(
            pid=process.pid,
            started=datetime.fromtimestamp(created, UTC),
            uptime_s=round(created - psutil.boot_time(), 2),
        )

    def find(self) -> psutil.Process | None:
        """The process if it still runs; None when it ended or its number belongs to another."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - psutil.boot_time() - self.uptime_s) < _SAME_START_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


class Phase(enum.StrEnum):
    """Where the daemon or the control plane is in its life."""

    ABSENT = "absent"
    """Not started, for the control plane: its binaries are not there yet."""

    STARTING = "starting"
    """On its way; not to be used yet."""

    READY = "ready"
    """Answers."""

    STOPPING = "stopping"
    """On its way out."""

    FAILED = "failed"
    """Did not start, or a process of it ended by itself. The reason says which and why."""

    @property
    def passing(self) -> bool:
        """Whether another phase follows without anyone's doing."""
        return self in (Phase.STARTING, Phase.STOPPING)


class ControlPlaneState(_Model):
    """The Kubernetes control plane at one moment."""

    phase: Phase = Phase.ABSENT
    """Where it is in its life."""

    reason: str | None = None
    """Why it failed: one sentence with the last line of the log that tells more."""

    processes: Mapping[str, ProcessId] = {}
    """Its running processes by the name of their program."""


class Record(_Model):
    """The running sandbox. Its file is there while the daemon runs, or after it was killed."""

    process: ProcessId
    """The daemon."""

    phase: Phase
    """Where the daemon is in its life: starting, ready or stopping."""

    versions: Mapping[str, str]
    """Versions of what serves: `mlplatform`, `moto`, `python`."""

    control_plane: ControlPlaneState = ControlPlaneState()
    """The control plane, which may come later than the rest."""

    control_plane_requests: int = 0
    """How often the daemon was asked to start the control plane. Tells an answer from the state before it."""

    @property
    def started(self) -> datetime:
        """When the daemon began, in UTC."""
        return self.process.started

    def alive(self) -> bool:
        """Whether the daemon that wrote this record still runs."""
        return self.process.find() is not None
