"""A fake for every program of the control plane. It logs its start and stop in `events` in its working folder.

With a file `crash-NAME` there it exits at once with the text of the file; with `deaf-NAME` it ignores SIGTERM. As
kube-apiserver it serves TLS, and the default ServiceAccount exists once all its clients run.
"""

import http.server
import signal
import ssl
import sys
import threading
from pathlib import Path

name = Path(sys.argv[0]).name
flags = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:] if "=" in argument)


def note(event: str) -> None:
    with Path("events").open("a") as events:
        events.write(f"{event} {name}\n")


def leave(*_: object) -> None:
    note("stop")
    sys.exit(0)


CLIENTS = ("kube-controller-manager", "kube-scheduler", "kwok")


class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        since = Path("events").read_text().rpartition("start kube-apiserver\n")[2]
        controlled = all(f"start {client}\n" in since for client in CLIENTS)
        self.send_response(404 if "serviceaccounts" in self.path and not controlled else 200)
        self.end_headers()


crash = Path(f"crash-{name}")
if crash.exists():
    sys.exit(crash.read_text())
signal.signal(signal.SIGTERM, signal.SIG_IGN if Path(f"deaf-{name}").exists() else leave)
note("start")
if name == "kube-apiserver":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(flags["secure-port"])), Api)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(flags["tls-cert-file"], flags["tls-private-key-file"])
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
threading.Event().wait()
