"""Writes the kubeconfigs of the API server's clients, and that of the API server for its token webhook."""

import base64
from pathlib import Path
from typing import Any

import yaml

from mlsandbox.ground import files
from mlsandbox.ground.layout import Layout

COMPONENTS = ("kube-controller-manager", "kube-scheduler", "kwok")


def webhook_config(layout: Layout) -> Path:
    """The kubeconfig with which the API server calls the token webhook."""
    return layout.pki / "webhook.kubeconfig"


def component_config(layout: Layout, name: str) -> Path:
    """The kubeconfig of one of the control plane's own clients (`COMPONENTS`)."""
    return layout.pki / f"{name}.kubeconfig"


def write(layout: Layout) -> None:
    """Write the kubeconfigs of the administrator, the components and the webhook. Deterministic."""
    files.replace(layout.kubeconfig, _client(layout, "admin"))
    for name in COMPONENTS:
        files.replace(component_config(layout, name), _client(layout, name))
    files.replace(webhook_config(layout), _document(layout.webhook_endpoint, layout.ca_certificate, "api-server", {}))


def token_config(layout: Layout, name: str) -> tuple[Path, Path]:
    """Write the kubeconfig of a program that signs in with a token. Returns its path and that of the token's file."""
    config, token = component_config(layout, name), layout.pki / f"{name}.token"
    user = {"tokenFile": str(token)}
    files.replace(config, _document(layout.api_server_endpoint, layout.ca_certificate, name, user))
    return config, token


def _client(layout: Layout, name: str) -> str:
    user = {
        "client-certificate-data": _base64(layout.pki / f"{name}.crt"),
        "client-key-data": _base64(layout.pki / f"{name}.key"),
    }
    return _document(layout.api_server_endpoint, layout.ca_certificate, name, user)


def _document(server: str, ca_certificate: Path, user_name: str, user: dict[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "sandbox",
                    "cluster": {"server": server, "certificate-authority-data": _base64(ca_certificate)},
                }
            ],
            "users": [{"name": user_name, "user": user}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user_name}}],
            "current-context": "sandbox",
        },
        sort_keys=False,
    )


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
