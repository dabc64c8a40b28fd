"""Starts the control plane's processes in order, watches them, and stops them in order."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mlsandbox.cluster.controlplane import kubeconfig, pki
from mlsandbox.cluster.controlplane.api import ApiServer
from mlsandbox.cluster.controlplane.child import Child, stop
from mlsandbox.cluster.controlplane.flags import PROGRAMS
from mlsandbox.errors import SandboxError
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControlPlaneState, Phase

READY_TIMEOUT_S = 120.0
"""Maximum seconds from start to ready. Usually it takes 5; on a busy machine with two cores it took 30."""

_SERVERS = ("etcd", "kube-apiserver")
_POLL_S = 0.1
_WATCH_S = 0.5

logger = logging.getLogger(__name__)


class ControlPlane:
    """The API server with its etcd, controller manager, scheduler and kwok, as children of this process.

    One thread starts, watches and stops all of them. It runs as long as they do, because the kernel kills a child when
    the thread that started it ends (see `bound`). If one of them ends unexpectedly, the others are stopped, and the
    state is `failed` with the reason.
    """

    def __init__(
        self,
        layout: Layout,
        tools: Mapping[str, Path],
        changed: Callable[[ControlPlaneState], None] = lambda state: None,
    ) -> None:
        """`tools` has the path of every program in `PROGRAMS`; `changed` is called with every new state."""
        if missing := [name for name in PROGRAMS if name not in tools]:
            raise SandboxError(f"The control plane cannot start: {', '.join(missing)} not found.")
        self.tools = tools
        self._layout = layout
        self._changed = changed
        self._state = ControlPlaneState()
        self._children: dict[str, Child] = {}
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> ControlPlaneState:
        """The current state."""
        return self._state

    def start(self) -> None:
        """Start in the background; `wait` returns the result. Does nothing if it is running."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopping.clear()
        self._settled.clear()
        self._enter(ControlPlaneState(phase=Phase.STARTING))
        self._thread = threading.Thread(target=self._supervise, name="control-plane", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float = READY_TIMEOUT_S) -> ControlPlaneState:
        """Wait until the phase is ready or failed, at most `timeout_s`, and return the state."""
        self._settled.wait(timeout_s)
        return self._state

    def stop(self) -> None:
        """Stop all processes and wait until they have ended. Does nothing if none is running."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _supervise(self) -> None:
        final = ControlPlaneState(phase=Phase.FAILED, reason=f"The control plane failed. See {self._layout.logs}.")
        try:
            self._bring_up()
            while not self._stopping.wait(_WATCH_S):
                self._check_children()
            final = ControlPlaneState()
        except _Stopped:
            final = ControlPlaneState()
        except (SandboxError, OSError) as problem:
            logger.error("control plane: %s", problem)
            final = ControlPlaneState(phase=Phase.FAILED, reason=str(problem))
        finally:
            self._bring_down()
            self._enter(final)
            self._settled.set()

    def _bring_up(self) -> None:
        begin = time.monotonic()
        deadline = begin + READY_TIMEOUT_S
        self._layout.check_ports("etcd", "etcd_peer", "api_server", "kubelet")
        pki.ensure(self._layout)
        kubeconfig.write(self._layout)
        server = ApiServer(self._layout)
        self._launch(_SERVERS)
        # The API server's clients exit if it does not respond within 10 s.
        self._until(server.ready, deadline)
        self._launch([name for name in PROGRAMS if name not in _SERVERS])
        self._until(server.takes_pods, deadline)
        logger.info("control plane ready after %.1f s", time.monotonic() - begin)
        self._enter(self._running(Phase.READY))
        self._settled.set()

    def _launch(self, names: Sequence[str]) -> None:
        for name in names:
            command = [str(self.tools[name]), *PROGRAMS[name](self._layout)]
            self._children[name] = Child.start(name, command, self._layout.logs)
            self._enter(self._running(Phase.STARTING))

    def _until(self, condition: Callable[[], bool], deadline: float) -> None:
        while not condition():
            self._check_children()
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"The Kubernetes control plane was not ready after {READY_TIMEOUT_S:.0f} s. "
                    f"Its logs are in {self._layout.logs}."
                )
            if self._stopping.wait(_POLL_S):
                raise _Stopped

    def _check_children(self) -> None:
        for child in self._children.values():
            if how := child.ended():
                raise SandboxError(f"The control plane stopped because {how}.")

    def _bring_down(self) -> None:
        if self._children:
            self._enter(self._running(Phase.STOPPING))
        etcd, server = (self._children.get(name) for name in _SERVERS)
        # The API server hangs in its shutdown if etcd has ended before it.
        if etcd and server and etcd.ended():
            server.kill()
        stop(child for name, child in self._children.items() if name not in _SERVERS)
        for name in reversed(_SERVERS):
            if name in self._children:
                stop([self._children[name]])
        self._children.clear()

    def _running(self, phase: Phase) -> ControlPlaneState:
        return ControlPlaneState(phase=phase, processes={name: child.id for name, child in self._children.items()})

    def _enter(self, state: ControlPlaneState) -> None:
        self._state = state
        self._changed(state)


class _Stopped(Exception):
    """The control plane was stopped while it started."""
