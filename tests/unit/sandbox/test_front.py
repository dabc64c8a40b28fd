"""The endpoint of EKS clusters: allowed clients reach the API server, all others get the reason."""

import contextlib
import http.client
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlsandbox.cluster.controlplane import pki
from mlsandbox.endpoint.front import Front
from mlsandbox.ground.layout import Layout

REASON = "dial tcp 127.0.0.1:1: i/o timeout (sandbox: the endpoint is private)"


class _Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    pki.ensure(layout)
    return layout


@pytest.fixture
def api(layout: Layout) -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", layout.ports().api_server), _Api)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(layout.serving_certificate, layout.serving_key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def reasons(layout: Layout) -> Iterator[list[str]]:
    """Why access is blocked; empty for an open endpoint."""
    reasons: list[str] = []
    front = Front(layout, lambda: reasons[0] if reasons else None)
    yield reasons
    front.stop()


def connection(layout: Layout) -> http.client.HTTPSConnection:
    tls = ssl.create_default_context(cafile=layout.ca_certificate)
    return http.client.HTTPSConnection("127.0.0.1", layout.ports().kubernetes_api, context=tls, timeout=10)


def post(asked: http.client.HTTPSConnection, body: bytes) -> tuple[int, bytes]:
    asked.request("POST", "/api", body)
    answer = asked.getresponse()
    return answer.status, answer.read()


@pytest.mark.usefixtures("api")
def test_an_allowed_client_is_connected_to_the_api_server(layout: Layout, reasons: list[str]) -> None:
    body = bytes(range(256)) * 20_000
    asked = connection(layout)
    assert post(asked, body) == (201, body)
    assert post(asked, b"again, on the same connection") == (201, b"again, on the same connection")


@pytest.mark.engine  # takes seconds
def test_both_directions_are_independent(layout: Layout, reasons: list[str]) -> None:
    """Neither side reads before it has sent everything, which exceeds the system's buffers."""
    sent = b"x" * (64 << 20)

    def fill(end: socket.socket) -> None:
        with contextlib.suppress(TimeoutError):
            end.sendall(sent)

    with socket.create_server(("127.0.0.1", layout.ports().api_server)) as server:
        client = socket.create_connection(("127.0.0.1", layout.ports().kubernetes_api), timeout=30)
        upstream, _ = server.accept()
        upstream.settimeout(3)
        with client, upstream:
            threading.Thread(target=fill, args=(client,), daemon=True).start()
            blocked = threading.Thread(target=fill, args=(upstream,), daemon=True)
            blocked.start()
            blocked.join()
            # The direction to the client is blocked now, but the other one still works.
            upstream.settimeout(30)
            count = 0
            while data := upstream.recv(1 << 20):
                count += len(data)
                if count == len(sent):
                    break
    assert count == len(sent)


@pytest.mark.usefixtures("api")
def test_a_blocked_client_gets_the_reason(layout: Layout, reasons: list[str]) -> None:
    reasons.append(REASON)
    assert post(connection(layout), b"{}") == (502, REASON.encode())


@pytest.mark.usefixtures("api")
def test_removing_access_does_not_close_open_connections(layout: Layout, reasons: list[str]) -> None:
    before = connection(layout)
    assert post(before, b"1")[0] == 201
    reasons.append(REASON)
    assert post(before, b"2")[0] == 201
    assert post(connection(layout), b"3")[0] == 502


def test_without_a_control_plane_the_error_contains_the_command_to_start_it(layout: Layout, reasons: list[str]) -> None:
    code, body = post(connection(layout), b"{}")
    assert code == 502
    assert b"mlsandbox up" in body


@pytest.mark.usefixtures("api")
def test_an_idle_client_does_not_block_others(layout: Layout, reasons: list[str]) -> None:
    reasons.append(REASON)
    with socket.create_connection(("127.0.0.1", layout.ports().kubernetes_api)):
        assert post(connection(layout), b"{}")[0] == 502


@pytest.mark.engine  # takes seconds
@pytest.mark.usefixtures("api")
def test_stopping_closes_open_connections_and_frees_the_port(layout: Layout) -> None:
    front = Front(layout, lambda: None)
    watching = connection(layout)
    assert post(watching, b"{}")[0] == 201
    front.stop()
    with pytest.raises((http.client.HTTPException, OSError)):
        post(watching, b"{}")
    Front(layout, lambda: None).stop()
