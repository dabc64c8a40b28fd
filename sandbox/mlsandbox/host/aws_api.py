"""Start and stop the local AWS API: moto, EKS, the cluster endpoint, the nodes and the token webhook."""

import base64
import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from moto.core.base_backend import BackendDict

from mlsandbox.cluster.controlplane import pki
from mlsandbox.cluster.eks.reconciler import Reconciler
from mlsandbox.endpoint import extensions, identity, quotas, snapshot
from mlsandbox.endpoint.eks import reach
from mlsandbox.endpoint.eks.backend import SERVICE, ControlPlane, eks_backends
from mlsandbox.endpoint.eks.service import EksService
from mlsandbox.endpoint.front import Closed, Front
from mlsandbox.endpoint.server import Server
from mlsandbox.endpoint.unsaved import Unsaved
from mlsandbox.endpoint.webhook import Webhook
from mlsandbox.errors import SandboxError
from mlsandbox.ground.conditions import Conditions
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControllersChanged

SNAPSHOT = "snapshot"
"""File name of the snapshot in `Layout.aws`."""

UNSAVED = "unsaved"
"""Name of the file in `Layout.aws` that marks changes that are not in the snapshot yet."""

logger = logging.getLogger(__name__)

_Listener = TypeVar("_Listener")

# moto's state belongs to the process, so one process serves one AWS API.
_in_use = threading.Lock()
_served: "list[AwsApi]" = []


class AwsApi:
    """A running AWS API."""

    def __init__(
        self,
        layout: Layout,
        server: Server,
        stops: list[Callable[[], None]],
        reconciler: Reconciler | None,
    ) -> None:
        self._layout = layout
        self._server = server
        self._stops = stops
        self._reconciler = reconciler
        self._stopped = False

    @property
    def changed(self) -> bool:
        """Whether something may have changed since the last snapshot."""
        return self._server.changed.is_set()

    def snapshot(self) -> None:
        """Save the state to `Layout.aws` if it may have changed. Requests are blocked meanwhile, for about a second."""
        if not self.changed:
            return
        with self._server.gate.exclusive():
            # Another thread may have saved the changes, and cleared the state, while this one waited.
            if self._stopped or not self.changed:
                return
            self._server.changed.clear()
            try:
                snapshot.save(self._layout.aws / SNAPSHOT)
            except BaseException:
                self._server.changed.set()
                raise
            self._server.changed.saved()

    def stop_controllers(self) -> None:
        """Stop the cluster's controllers. Call it before the control plane stops: open requests would delay that."""
        if self._reconciler is not None:
            self._reconciler.stop_controllers()

    def stop(self) -> None:
        """Stop serving, save changes and clear the state in this process."""
        try:
            for stop in self._stops:
                stop()
            self.snapshot()
        finally:
            _served.clear()
            with self._server.gate.exclusive():
                self._stopped = True
                _forget()
            _in_use.release()


def save() -> None:
    """Save the state of the AWS API that this process serves, if any; called after an operation of the engine."""
    for api in list(_served):
        try:
            api.snapshot()
        except Exception:
            # The engine's operation succeeded nevertheless, and the daemon retries.
            logger.exception("the state of the AWS API was not saved")


def serve(
    layout: Layout, controllers_changed: ControllersChanged = lambda _: None, *, kubernetes: bool = True
) -> AwsApi:
    """Serve the AWS API of `layout` from its last snapshot, if there is one.

    With `kubernetes`, EKS uses the control plane of `layout`, which may start at any time. Until it responds, clusters
    and node groups stay CREATING, and node groups have the health issue `ClusterUnreachable`. Without `kubernetes`,
    which is for tests of AWS alone, they are ACTIVE at once, and there are no nodes, no endpoint and no token webhook.
    `controllers_changed` is called with the states of the cluster's controllers.

    Raises `SandboxError` if the port is in use or the snapshot cannot be read.
    """
    if not _in_use.acquire(blocking=False):
        raise SandboxError("This process already serves the AWS API of a sandbox.")
    stops: list[Callable[[], None]] = []
    reconciler: Reconciler | None = None
    try:
        extensions.apply()
        quotas.serve(layout)
        pki.ensure(layout)
        snapshot.restore(layout.aws / SNAPSHOT)
        if (layout.aws / UNSAVED).exists():
            logger.warning("the AWS API was killed and may have lost changes made after its last snapshot")
            layout.lost_file.touch(mode=0o600)
        identity.ensure_account(layout.credentials())
        ports = layout.ports()
        authority = base64.b64encode(layout.ca_certificate.read_bytes()).decode()
        eks = EksService(ControlPlane(layout.kubernetes_endpoint, authority, serves=kubernetes))
        server = _listening(
            lambda: Server(ports.aws, {SERVICE: eks.app}, Unsaved(layout.aws / UNSAVED)), "AWS API", ports.aws
        )
        stops.append(server.stop)
        server.changed.set()
        if kubernetes:
            webhook = _listening(lambda: Webhook(layout), "token webhook", ports.webhook)
            front = _listening(lambda: Front(layout, _closed(layout)), "endpoint of EKS clusters", ports.kubernetes_api)
            reconciler = Reconciler(layout, eks, server, controllers_changed)
            stops[:0] = [reconciler.stop, front.stop, webhook.stop]
    except BaseException:
        for stop in stops:
            stop()
        _forget()
        _in_use.release()
        raise
    api = AwsApi(layout, server, stops, reconciler)
    _served.append(api)
    return api


def _closed(layout: Layout) -> Closed:
    """Check access to the endpoint by the current rules and the current origin of requests."""
    return lambda: reach.closed(layout.kubernetes_endpoint, Conditions.of(layout).origin)


def _listening(make: Callable[[], _Listener], what: str, port: int) -> _Listener:
    try:
        return make()
    except OSError as problem:
        raise SandboxError(f"The {what} cannot listen on port {port} of 127.0.0.1: {problem.strerror}.") from problem


def _forget() -> None:
    BackendDict.reset()
    eks_backends.clear()
