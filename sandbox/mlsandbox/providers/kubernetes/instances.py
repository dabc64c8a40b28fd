"""The provider's instances: each client's settings, its waits, and the connections that equal settings share."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlsandbox.providers.kubernetes.cluster import UnreachableError
from mlsandbox.providers.kubernetes.settings import Connection, Settings
from mlsandbox.providers.kubernetes.waiting import Waits

# Engines come and go without a word; what is kept for them is bounded and the longest unused goes first.
_MOST_INSTANCES = 512
_MOST_CONNECTIONS = 16

# A failed credential plugin is not run again for so long.
_FAILED_S = 2.0

ConnectionKey = tuple[Settings, str, Path]

Closed = Callable[[str], str | None]
"""Why the network keeps the provider from the API server of this URL; None where it does not."""


@dataclass
class Instance:
    """One provider resource of one engine."""

    settings: Settings = field(default_factory=Settings)
    waits: Waits = field(default_factory=Waits)
    warned: bool = False
    """Whether its user has heard that the cluster cannot be reached."""

    admitted: bool | None = None
    """Whether the network let the instance through to its cluster; None before it first tried."""

    closed: str = ""
    """Why it did not."""


class Instances:
    """All instances, by client."""

    def __init__(self, default_kubeconfig: Path | None, closed: Closed) -> None:
        self._default = default_kubeconfig
        self._closed = closed
        self._instances: OrderedDict[str, Instance] = OrderedDict()
        self._connections: OrderedDict[ConnectionKey, Connection] = OrderedDict()
        self._failed: dict[ConnectionKey, tuple[float, UnreachableError]] = {}
        self._lock = threading.Lock()

    def configure(self, client: str, settings: Settings) -> None:
        """Take the settings of a client."""
        with self._lock:
            self._instances[client] = Instance(settings)
            while len(self._instances) > _MOST_INSTANCES:
                self._instances.popitem(last=False)

    def of(self, client: str) -> Instance:
        """The client's instance; one with the defaults if it was never configured."""
        with self._lock:
            instance = self._instances.setdefault(client, Instance())
            self._instances.move_to_end(client)
            return instance

    def end_waits(self, client: str) -> None:
        """End what the client waits for now; what it asks later waits again."""
        instance = self.of(client)
        instance.waits.end()
        instance.waits = Waits()

    def end_all_waits(self) -> None:
        """End everything that is waited for."""
        with self._lock:
            for instance in self._instances.values():
                instance.waits.end()

    def connection(self, client: str) -> Connection:
        """The client's cluster.

        Raises `ProviderError` for a kubeconfig that is missing or wrong, `UnreachableError` where it gives no
        credentials or the network lets nobody through.
        """
        instance = self.of(client)
        connection = self._connected(instance.settings)
        if instance.admitted is None:
            # As the official provider, which loads the API's schema once and then gives up for good.
            reason = None if connection.administrator else self._closed(connection.cluster.address)
            instance.admitted, instance.closed = reason is None, reason or ""
        if not instance.admitted:
            raise UnreachableError(instance.closed)
        return connection

    def _connected(self, settings: Settings) -> Connection:
        key = (settings, *settings.source(self._default))
        # The lock is held while a credential plugin runs (a second), so that many requests run it once.
        with self._lock:
            if key in self._connections:
                self._connections.move_to_end(key)
                return self._connections[key]
            when, error = self._failed.get(key, (0.0, None))
            if error is not None and time.monotonic() - when < _FAILED_S:
                raise error
            self._failed.clear()
            try:
                connection = settings.connect(*key[1:])
            except UnreachableError as failed:
                self._failed[key] = (time.monotonic(), failed)
                raise
            self._connections[key] = connection
            while len(self._connections) > _MOST_CONNECTIONS:
                self._connections.popitem(last=False)
            return connection
