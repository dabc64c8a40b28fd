"""Checks whether the API server is ready."""

import http.client
import ssl

from mlsandbox.ground.layout import Layout
from mlsandbox.ground.ports import HOST

TIMEOUT_S = 2.0


class ApiServer:
    """A client of the API server with administrator rights."""

    def __init__(self, layout: Layout) -> None:
        self._port = layout.ports().api_server
        self._tls = ssl.create_default_context(cafile=layout.ca_certificate)
        self._tls.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")

    def ready(self) -> bool:
        """Whether all health checks of the API server pass."""
        return self._ok("/readyz")

    def takes_pods(self) -> bool:
        """Whether the controllers have created the default ServiceAccount, which pods require."""
        return self._ok("/api/v1/namespaces/default/serviceaccounts/default")

    def _ok(self, path: str) -> bool:
        connection = http.client.HTTPSConnection(HOST, self._port, timeout=TIMEOUT_S, context=self._tls)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
