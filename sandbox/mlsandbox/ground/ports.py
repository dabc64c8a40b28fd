"""The sandbox's ports on loopback. They are chosen once and persist, because kubeconfigs and plans contain them."""

import contextlib
import itertools
import random
import socket
from collections.abc import Collection, Mapping
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict

HOST = "127.0.0.1"

# Below the range of ephemeral ports (Linux 32768-60999, macOS from 49152), so that no outgoing connection occupies a
# port of the sandbox when it restarts.
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
    """The EKS cluster endpoint: forwards connections that the cluster's network allows to the API server, HTTPS."""

    api_server: int
    """The Kubernetes API server itself, for administrators and the control plane, HTTPS."""

    kubelet: int
    """The kubelet server of all nodes, from which the API server reads pod logs, HTTPS."""

    etcd: int
    """etcd's client address, for the API server; HTTPS with client certificates."""

    etcd_peer: int
    """etcd's peer address, which etcd requires even with one member."""

    @classmethod
    def choose(cls, kept: Mapping[str, int] | None = None) -> Self:
        """`kept` by server, and different free ports for the other servers."""
        known = {name: port for name, port in (kept or {}).items() if name in cls.model_fields}
        missing = [name for name in cls.model_fields if name not in known]
        return cls(**known, **dict(zip(missing, free(len(missing), known.values()), strict=True)))

    def taken(self) -> dict[str, int]:
        """The ports that are in use now, by server."""
        return {name: port for name, port in self.model_dump().items() if not is_free(port)}


def free(count: int, reserved: Collection[int]) -> list[int]:
    """`count` ports that no program uses, and that are not in `reserved`. Raises `OSError` if there are too few."""
    candidates = (port for port in random.sample(CHOICE, len(CHOICE)) if port not in reserved)
    found = [*itertools.islice(filter(is_free, candidates), count)]
    if len(found) < count:
        raise OSError(f"no {count} free ports on {HOST} in {CHOICE.start}-{CHOICE.stop - 1}")
    return found


def is_free(port: int) -> bool:
    """Whether a server can listen on `port` of 127.0.0.1 now."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # Connections of a server that just ended may be in TIME_WAIT. Servers can reuse such an address.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def owner(port: int) -> str:
    """The process that listens on `port`, as ` (python3, pid 123)`; empty if this user is not allowed to see it."""
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
