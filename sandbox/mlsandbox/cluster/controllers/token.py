"""Signs controllers in to the API server with a token of their own service account, as their pods are on AWS."""

import time

from mlsandbox.cluster.controllers.table import Controller
from mlsandbox.cluster.controlplane import kubeconfig
from mlsandbox.cluster.kube import Kube
from mlsandbox.ground import files
from mlsandbox.ground.layout import Layout

LIFETIME_S = 24 * 3600
"""Seconds for which a token is valid."""

RENEW_S = LIFETIME_S / 2
"""Age in seconds from which a token is replaced. Clients read the file again every minute."""


class Token:
    """The token of a running controller, in a file that its kubeconfig names."""

    def __init__(self, kube: Kube, controller: Controller, layout: Layout) -> None:
        """Write the kubeconfig and the first token. The service account must exist."""
        self._kube = kube
        self._controller = controller
        self.kubeconfig, self._file = kubeconfig.token_config(layout, controller.name)
        self._issue()

    def renew(self) -> None:
        """Replace the token if it is old."""
        if time.time() - self._issued > RENEW_S:
            self._issue()

    def _issue(self) -> None:
        self._issued = time.time()
        account = f"/api/v1/namespaces/{self._controller.namespace}/serviceaccounts/{self._controller.name}"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": LIFETIME_S},
        }
        files.replace(self._file, self._kube.create(f"{account}/token", request)["status"]["token"])
