"""Runs the requested controllers as processes, as long as the cluster has their add-ons."""

import logging
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlsandbox.cluster.controllers import objects
from mlsandbox.cluster.controllers.table import CONTROLLERS, Controller, Process
from mlsandbox.cluster.controllers.token import Token
from mlsandbox.cluster.controlplane import pki
from mlsandbox.cluster.controlplane.child import Child, stop
from mlsandbox.cluster.kube import Kube, KubeError, Object
from mlsandbox.ground import ports
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControllersChanged, ControllerState

RESTART_S = 10.0
"""Minimum seconds between two starts of a controller."""

logger = logging.getLogger(__name__)


@dataclass
class _Running:
    program: Path
    port: int
    called: Sequence[Object]
    """Objects that make the API server call the controller."""

    token: Token
    child: Child
    published: bool = False
    """Whether `called` were created."""


class Controllers:
    """The controllers of the cluster. Only one thread may call `sync`: the processes end with it (see `bound`).

    A process that ends by itself is started again. The objects of a controller are removed with its add-on, its cluster
    or the request for it, and remain when the sandbox stops.
    """

    def __init__(self, layout: Layout, kube: Kube, changed: ControllersChanged) -> None:
        self._layout = layout
        self._kube = kube
        self._changed = changed
        self._running: dict[str, _Running] = {}
        self._started: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._states: dict[str, ControllerState] = {}
        self._removed: set[str] = set()
        """Controllers without objects in the cluster. At the start there may be objects of an earlier run."""

    def sync(self, addons: Collection[str]) -> None:
        """Start, watch and stop the processes, for a cluster with these add-ons. The API server must be reachable."""
        programs = self._layout.controllers()
        with self._lock:
            for controller in CONTROLLERS.values() if not self._stopped else ():
                self._sync(controller, programs.get(controller.name) if controller.addon in addons else None)

    def stop(self) -> None:
        """Stop all processes, wait until they have ended, and start none again. Any thread can call it."""
        with self._lock:
            self._stopped = True
            stop(running.child for running in self._running.values())
            self._running.clear()
            self._states.clear()
            self._changed({})

    def _sync(self, controller: Controller, program: Path | None) -> None:
        """Run `program`, or nothing if it is None."""
        try:
            if program is None:
                self._end(controller)
            else:
                self._keep(controller, program)
        except KubeError as problem:
            logger.warning("the Kubernetes API rejected an object of %s: %s", controller.name, problem)
            process = self._states.get(controller.name, ControllerState()).process
            reason = f"The Kubernetes API rejected one of its objects: {problem}"
            self._enter(controller, ControllerState(process=process, reason=reason))

    def _keep(self, controller: Controller, program: Path) -> None:
        running = self._running.get(controller.name)
        if running and (how := running.child.ended()):
            logger.warning("%s", how)
            del self._running[controller.name]
            self._enter(controller, ControllerState(reason=f"It is restarted, because {how}."))
        elif running and running.program != program:
            stop([running.child])
            del self._running[controller.name]
        elif running:
            running.token.renew()
            if not running.published and not ports.is_free(running.port):
                objects.apply(self._kube, running.called)
                running.published = True
                self._enter(controller, ControllerState(process=running.child.id))
            return
        if time.monotonic() - self._started.get(controller.name, -RESTART_S) >= RESTART_S:
            self._start(controller, program)

    def _start(self, controller: Controller, program: Path) -> None:
        self._removed.discard(controller.name)
        self._started[controller.name] = time.monotonic()
        (port,) = ports.free(1, self._layout.ports().model_dump().values())
        items = objects.of(controller, self._layout, port)
        called = [each for each in items if objects.is_called(each)]
        objects.apply(self._kube, [each for each in items if each not in called])
        token = Token(self._kube, controller, self._layout)
        certificate = pki.ensure_service(self._layout, controller.name, controller.namespace)
        flags = controller.flags(Process(self._layout, port, token.kubeconfig, certificate))
        child = Child.start(controller.name, [str(program), *flags], self._layout.logs)
        self._running[controller.name] = _Running(program, port, called, token, child)
        before = self._states.get(controller.name, ControllerState())
        self._enter(controller, before.model_copy(update={"process": child.id}))

    def _end(self, controller: Controller) -> None:
        if controller.name in self._removed:
            return
        try:
            objects.remove(self._kube, objects.of(controller, self._layout, port=0))
            self._removed.add(controller.name)
        finally:
            if running := self._running.pop(controller.name, None):
                stop([running.child])
            self._started.pop(controller.name, None)
            if self._states.pop(controller.name, None):
                self._changed(dict(self._states))

    def _enter(self, controller: Controller, state: ControllerState) -> None:
        if self._states.get(controller.name) != state:
            self._states[controller.name] = state
            self._changed(dict(self._states))
