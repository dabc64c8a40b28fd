"""The sandbox's ports on loopback: chosen once, kept over restarts, since kubeconfigs and plans carry them."""

import contextlib
import itertools
import random
import socket
from collections.abc import Mapping
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

    webhook: int
    """The API server's token webhook, HTTPS with a certificate of the sandbox's CA."""

    kubernetes_api: int
    """The endpoint of the EKS cluster: the Kubernetes API server behind what the cluster's network lets in, HTTPS."""

    api_server: int
    """The Kubernetes API server itself, for its administrator and the control plane, HTTPS."""

    kubelet: int
    """The kubelet server of all nodes, which gives the API server their pods' logs; HTTPS."""

    etcd: int
    """etcd for its client, the API server; HTTPS with client certificates."""

    etcd_peer: int
    """etcd's peer address, which has to exist even for one member."""

    @classmethod
    def choose(cls, kept: Mapping[str, int] | None = None) -> Self:
        """`kept` by server, and for the other servers ports that are free now; all different."""
        known = {name: port for name, port in (kept or {}).items() if name in cls.model_fields}
        missing = [name for name in cls.model_fields if name not in known]
        candidates = (port for port in random.sample(CHOICE, len(CHOICE)) if port not in known.values())
        free = [*itertools.islice(filter(is_free, candidates), len(missing))]
        if len(free) < len(missing):
            raise OSError(f"no {len(missing)} free ports on {HOST} in {CHOICE.start}-{CHOICE.stop - 1}")
        return cls(**known, **dict(zip(missing, free, strict=True)))

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
