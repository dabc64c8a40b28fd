"""The controllers that the sandbox can run, and their command lines. All of them listen on 127.0.0.1 only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlsandbox.ground.layout import Layout
from mlsandbox.ground.ports import HOST


@dataclass(frozen=True)
class Process:
    """What the command line of a controller's process depends on."""

    layout: Layout

    port: int
    """The port of 127.0.0.1 on which it serves HTTPS."""

    kubeconfig: Path
    """Authenticates the process as the controller's service account."""

    certificate: Path
    """The serving certificate, for the controller's Service (PEM). Its key has the suffix `.key`."""


@dataclass(frozen=True)
class Controller:
    """A controller, whose objects are in `<name>.yaml`."""

    name: str
    """Its name in `toolchain.ON_REQUEST`, and that of its service account and its Service."""

    addon: str
    """The EKS add-on that installs it. It runs as long as the cluster has this add-on."""

    namespace: str
    """Namespace of its service account and its Service."""

    flags: Callable[[Process], list[str]]


def _metrics_server(process: Process) -> list[str]:
    return [
        f"--bind-address={HOST}",
        f"--secure-port={process.port}",
        f"--tls-cert-file={process.certificate}",
        f"--tls-private-key-file={process.certificate.with_suffix('.key')}",
        f"--kubeconfig={process.kubeconfig}",
        f"--authentication-kubeconfig={process.kubeconfig}",
        f"--authorization-kubeconfig={process.kubeconfig}",
        f"--kubelet-certificate-authority={process.layout.ca_certificate}",
        # The nodes' own addresses are not reachable (see `flags.kube_apiserver`).
        "--kubelet-preferred-address-types=ExternalDNS",
        "--kubelet-use-node-status-port",
        # The default of its chart.
        "--metric-resolution=15s",
        "--profiling=false",
    ]


CONTROLLERS: Mapping[str, Controller] = {
    controller.name: controller
    for controller in (Controller("metrics-server", "metrics-server", "kube-system", _metrics_server),)
}
"""All controllers by name."""
