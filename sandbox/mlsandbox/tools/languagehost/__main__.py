"""`python -m mlsandbox.tools.languagehost ENGINE_ADDRESS`: prints its port and serves until the engine exits."""

import argparse
import os
import select
import signal
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_WORKERS: Final = 128
"""Maximum number of concurrent calls. Every running program or plugin needs one."""

_POLL_SECONDS: Final = 0.5


def main() -> None:
    """Serve one engine."""
    # Until the server runs, an interrupt ends this process without a traceback.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    parser = argparse.ArgumentParser(prog="pulumi-language-python", description=__doc__)
    parser.add_argument("engine", nargs="?", default="", help="address of the engine that started this process")
    parser.add_argument("--tracing", help="address for traces; not used")
    parser.add_argument("--logtostderr", action="store_true", help="not used")
    parser.add_argument("-v", type=int, metavar="LEVEL", help="not used")
    engine: str = parser.parse_known_args()[0].engine
    starter = os.getppid()

    import grpc
    from pulumi.runtime.proto import language_pb2_grpc

    from mlsandbox.providers.servicer import MAX_MESSAGE_BYTES
    from mlsandbox.tools.languagehost.service import LanguageHost

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    if engine:
        threading.Thread(target=_watch, args=(starter, ended), daemon=True).start()

    host = LanguageHost(engine)
    server = grpc.server(
        ThreadPoolExecutor(_WORKERS),
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)

    ended.wait()
    host.stop()
    server.stop(grace=None)
    sys.stdout.flush()
    # Not sys.exit: that waits for threads, and the engine waits for this process.
    os._exit(0)


def _watch(starter: int, ended: threading.Event) -> None:
    """Set `ended` when standard input is closed or the parent process ended, which means that the engine exited."""
    piped = stat.S_ISFIFO(os.fstat(0).st_mode)
    while not ended.is_set():
        if piped:
            readable, _, _ = select.select([0], [], [], _POLL_SECONDS)
            if readable and not os.read(0, 4096):
                break
        elif ended.wait(_POLL_SECONDS):
            break
        if os.getppid() != starter:
            break
    ended.set()


if __name__ == "__main__":
    main()
