"""The sandbox's ports on loopback: chosen once, kept over restarts, since kubeconfigs and plans carry them."""

import contextlib
import random
import socket
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict

HOST = "127.0.0.1"

# Below the range from which systems take ports for outgoing connections (Linux 32768-60999, macOS from 49152), so that
# no passing connection sits on a kept port when the sandbox restarts.
CHOICE = range(20000, 32000)


class Ports(BaseModel):
    """One port per server, all on 127.0.0.1."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    aws: int
    """The local AWS API, plain HTTP."""

    aws_provider: int
    """Pulumi's resource provider for `aws`, gRPC."""

    kubernetes_provider: int
    """Pulumi's resource provider for `kubernetes`, gRPC."""

    webhook: int
    """The API server's token webhook, HTTPS with a certificate of the sandbox's CA."""

    kubernetes_api: int
    """The Kubernetes API server, HTTPS."""

    etcd: int
    """etcd for its client, the API server; HTTPS with client certificates."""

    etcd_peer: int
    """etcd's peer address, which has to exist even for one member."""

    @classmethod
    def choose(cls) -> Self:
        """Ports that are free now, all different."""
        free: list[int] = []
        for port in random.sample(CHOICE, len(CHOICE)):
            if is_free(port):
                free.append(port)
            if len(free) == len(cls.model_fields):
                return cls(**dict(zip(cls.model_fields, free, strict=True)))
        raise OSError(f"no {len(cls.model_fields)} free ports on {HOST} in {CHOICE.start}-{CHOICE.stop - 1}")

    def taken(self) -> dict[str, int]:
        """The ports that some process listens on now, by server."""
        return {name: port for name, port in self.model_dump().items() if not is_free(port)}


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of 127.0.0.1 now."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # Connections of a server that ended a moment ago linger in TIME_WAIT; servers reuse such an address, so may we.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def owner(port: int) -> str:
    """Who listens on `port`, as ` (python3, pid 123)`; empty when the system does not tell this user."""
    try:
        listening = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return ""
    for connection in listening:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        if listens and connection.pid:
            with contextlib.suppress(psutil.Error):
                return f" ({psutil.Process(connection.pid).name()}, pid {connection.pid})"
    return ""
