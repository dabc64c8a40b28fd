"""The endpoint of the EKS cluster: a TCP proxy to the API server that applies the cluster's network settings.

An allowed client has its TLS connection with the API server itself, so certificates, tokens and watches work as usual.
On AWS, packets of other clients are dropped and the connection times out; here they get a response with the reason.
"""

import contextlib
import http
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import SplitResult, urlsplit

from mlsandbox.ground.layout import Layout
from mlsandbox.ground.ports import HOST

Closed = Callable[[], str | None]
"""Returns why the network blocks access from this machine to the endpoint; None if access is allowed."""

CONNECT_S = 5.0
HANDSHAKE_S = 10.0
_CHUNK = 1 << 16

logger = logging.getLogger(__name__)


class Front:
    """Listens at the cluster's endpoint."""

    def __init__(self, layout: Layout, closed: Closed) -> None:
        """Listen on the endpoint's port. Raises `OSError` if the port is in use."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(layout.serving_certificate, layout.serving_key)
        connection = type(
            "_Of",
            (_Connection,),
            {"closed": staticmethod(closed), "behind": urlsplit(layout.api_server_endpoint), "tls": tls},
        )
        self._server = _Server((HOST, layout.ports().kubernetes_api), connection)
        self._thread = threading.Thread(target=self._server.serve_forever, name="cluster-endpoint", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and close all connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.end_all()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    # Otherwise, closing the server would wait for the threads of open watches.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().close_request(request)

    def end_all(self) -> None:
        """Shut down every connection, which ends its thread."""
        with self._lock:
            for request in self._open:
                with contextlib.suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("a connection to the cluster's endpoint failed", exc_info=True)


class _Connection(BaseRequestHandler):
    closed: Closed
    behind: SplitResult
    """URL of the API server."""

    tls: ssl.SSLContext

    def handle(self) -> None:
        # As on AWS, access is checked only for new connections; open ones stay open if access is later removed.
        if (reason := self.closed()) is not None:
            return self._refuse(reason)
        address = self.behind.hostname or HOST, self.behind.port or 443
        try:
            upstream = socket.create_connection(address, CONNECT_S)
        except OSError:
            return self._refuse("the sandbox's Kubernetes control plane is not running: start it with `mlsandbox up`")
        with upstream:
            upstream.settimeout(None)
            _join(self.request, upstream)
        return None

    def _refuse(self, reason: str) -> None:
        self.request.settimeout(HANDSHAKE_S)
        with contextlib.suppress(OSError), self.tls.wrap_socket(self.request, server_side=True) as secured:
            refusal = type("_Because", (_Refusal,), {"reason": reason})
            refusal(secured, self.client_address, self.server)


class _Refusal(BaseHTTPRequestHandler):
    """Responds to each request with the reason.

    If an error response is not a Kubernetes object, client-go shows its body only if it is plain text and the status
    code is not one with a message of its own, such as 503 and 504 (`NewGenericServerResponse` in
    https://github.com/kubernetes/apimachinery/blob/master/pkg/api/errors/errors.go).
    """

    protocol_version = "HTTP/1.1"
    reason: str

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = self.reason.encode()
        self.send_response(http.HTTPStatus.BAD_GATEWAY)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- named by the base class
        logger.debug(format, *args)


def _join(client: socket.socket, server: socket.socket) -> None:
    """Copy bytes in both directions independently until both sides have closed."""
    back = threading.Thread(target=_carry, args=(server, client), daemon=True)
    back.start()
    _carry(client, server)
    back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """Copy bytes in one direction. The end of the stream is passed on, so that bytes in transit arrive."""
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
