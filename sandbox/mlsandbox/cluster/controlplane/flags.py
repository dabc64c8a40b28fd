"""Command-line flags of the control plane's processes. All of them listen on 127.0.0.1 only."""

import sys
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import yaml

from mlsandbox.cluster.controlplane import unserved
from mlsandbox.cluster.controlplane.kubeconfig import component_config, webhook_config
from mlsandbox.cluster.controlplane.pki import FRONT_PROXY, FRONT_PROXY_CA, SERVICE_ACCOUNT
from mlsandbox.ground import files
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.ports import HOST

SERVICE_CIDR = "172.20.0.0/16"
"""The range of Service IP addresses that EKS assigns to a cluster in a 10.0.0.0/8 VPC."""

NO_CONTAINER = f"1970-01-01T00:00:00.000000000Z stdout F {unserved.REASON}\n"
"""The log of every pod, in the format of kubelet log files."""

POD_CIDR = "100.64.0.0/16"
"""The range of pod addresses. EKS users also use it for pods with addresses outside the VPC, so no pod address looks
like a host of the network."""

# With the default limit of 20 requests per second, creating the first ServiceAccount takes 10 s.
_UNTHROTTLED = ("--kube-api-qps=500", "--kube-api-burst=1000")


def etcd(layout: Layout) -> list[str]:
    """One member with mutual TLS, because a client that can read etcd can read every Secret."""
    ports = layout.ports()
    client, peer = f"https://{HOST}:{ports.etcd}", f"https://{HOST}:{ports.etcd_peer}"
    ca, certificate, key = layout.ca_certificate, layout.serving_certificate, layout.serving_key
    return [
        "--name=sandbox",
        f"--data-dir={layout.etcd}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=sandbox={peer}",
        "--client-cert-auth",
        f"--trusted-ca-file={ca}",
        f"--cert-file={certificate}",
        f"--key-file={key}",
        "--peer-client-cert-auth",
        f"--peer-trusted-ca-file={ca}",
        f"--peer-cert-file={certificate}",
        f"--peer-key-file={key}",
        "--log-level=warn",
    ]


def kube_apiserver(layout: Layout) -> list[str]:
    """The API server with the settings of EKS, as far as clients can observe them."""
    ports = layout.ports()
    return [
        f"--bind-address={HOST}",
        f"--secure-port={ports.api_server}",
        # Without it the server looks for an externally reachable address, which a machine without a route lacks.
        f"--advertise-address={HOST}",
        # The endpoint of the `kubernetes` Service must not be a loopback address.
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={layout.serving_certificate}",
        f"--tls-private-key-file={layout.serving_key}",
        f"--client-ca-file={layout.ca_certificate}",
        f"--etcd-servers=https://{HOST}:{ports.etcd}",
        f"--etcd-cafile={layout.ca_certificate}",
        f"--etcd-certfile={layout.pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={layout.pki / 'etcd-client.key'}",
        f"--authentication-token-webhook-config-file={webhook_config(layout)}",
        "--authentication-token-webhook-version=v1",
        "--authentication-token-webhook-cache-ttl=10s",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={layout.pki / SERVICE_ACCOUNT}.pub",
        f"--service-account-signing-key-file={layout.pki / SERVICE_ACCOUNT}.key",
        # The nodes' own addresses are not reachable. One server acts as the kubelet of all nodes (see `kwok`).
        "--kubelet-preferred-address-types=ExternalDNS",
        f"--kubelet-certificate-authority={layout.ca_certificate}",
        f"--kubelet-client-certificate={layout.pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={layout.pki / 'kubelet-client.key'}",
        # For aggregated APIs, which trust the user names that the API server sends with this client certificate.
        f"--requestheader-client-ca-file={layout.pki / FRONT_PROXY_CA}.crt",
        f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={layout.pki / FRONT_PROXY}.crt",
        f"--proxy-client-key-file={layout.pki / FRONT_PROXY}.key",
        "--profiling=false",
    ]


def kube_controller_manager(layout: Layout) -> list[str]:
    """All controllers, each with its own service account."""
    return [
        f"--kubeconfig={component_config(layout, 'kube-controller-manager')}",
        f"--root-ca-file={layout.ca_certificate}",
        f"--service-account-private-key-file={layout.pki / SERVICE_ACCOUNT}.key",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
        # The default is a folder under /usr/libexec, which the controller manager would create on the host.
        f"--flex-volume-plugin-dir={layout.folder / 'flex-volume'}",
        "--profiling=false",
        *_UNTHROTTLED,
    ]


def kube_scheduler(layout: Layout) -> list[str]:
    """The default scheduler."""
    return [
        f"--kubeconfig={component_config(layout, 'kube-scheduler')}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
        *_UNTHROTTLED,
    ]


def kwok(layout: Layout) -> list[str]:
    """The kubelets of all nodes."""
    port = layout.ports().kubelet
    return [
        f"--kubeconfig={component_config(layout, 'kwok')}",
        # With this option kwok does not read ~/.kwok/kwok.yaml.
        f"--config={stages()}",
        f"--config={usage()}",
        f"--config={kubelet(layout)}",
        "--manage-all-nodes=true",
        f"--server-address={HOST}:{port}",
        f"--node-port={port}",
        f"--tls-cert-file={layout.serving_certificate}",
        f"--tls-private-key-file={layout.serving_key}",
        # kwok has a new name after every start. With leases it would wait until those of its old name expire.
        # The heartbeat in its stages keeps the nodes Ready.
        "--node-lease-duration-seconds=0",
        f"--cidr={POD_CIDR}",
    ]


def stages() -> Path:
    """The file with kwok's `Stage` documents, which define what happens to nodes and pods."""
    return _packaged("stages.yaml")


def usage() -> Path:
    """The file with kwok's documents that define which resource usage the kubelets report."""
    return _packaged("usage.yaml")


def kubelet(layout: Layout) -> Path:
    """Write the file with kwok's documents that define the kubelets' responses for pods.

    It must never contain an `Exec` document: that would run a command on this machine, and kwok's server does not
    authenticate clients. For the same reason its responses must not contain secrets.
    """
    log = layout.folder / "pods.log"
    files.replace(log, NO_CONTAINER)
    forward = [sys.executable, "-I", "-S", unserved.__file__]
    documents = [
        _document("ClusterLogs", {"logs": [{"logsFile": str(log)}]}),
        _document("ClusterPortForward", {"forwards": [{"command": forward}]}),
    ]
    config = layout.folder / "kubelet.yaml"
    files.replace(config, yaml.safe_dump_all(documents, sort_keys=False))
    return config


def _packaged(name: str) -> Path:
    return Path(str(package_files("mlsandbox.cluster.controlplane") / name))


def _document(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": kind, "metadata": {"name": "all"}, "spec": spec}


PROGRAMS = {
    "etcd": etcd,
    "kube-apiserver": kube_apiserver,
    "kube-controller-manager": kube_controller_manager,
    "kube-scheduler": kube_scheduler,
    "kwok": kwok,
}
"""Functions that return the flags of each program, in the order in which the programs start."""
