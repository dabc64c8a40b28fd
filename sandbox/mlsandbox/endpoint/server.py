"""moto's server inside this process, with the sandbox's own services on the same endpoint."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from flask import Flask
from moto.core.parse import RequestParserError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs.models import Queue
from werkzeug.serving import make_server

from mlsandbox.endpoint import extensions, identity, limits, quotas, wire
from mlsandbox.endpoint.gate import Gate
from mlsandbox.endpoint.injection import Injection
from mlsandbox.endpoint.store import Store
from mlsandbox.endpoint.unsaved import Unsaved
from mlsandbox.ground import faults
from mlsandbox.ground.layout import ACCOUNT_ID
from mlsandbox.ground.ports import HOST

logger = logging.getLogger(__name__)


class Server:
    """The AWS API on one port of 127.0.0.1.

    Requests run concurrently; an exclusive holder of `gate` runs alone. `changed` is set after a request that may have
    changed something.
    """

    def __init__(self, port: int, own: dict[str, Callable[[], Flask]], changed: Unsaved) -> None:
        """Listen on `port`. `own` creates the applications that replace moto's, by service.

        Raises `OSError` if the port is in use.
        """
        self.gate = Gate()
        self.changed = changed
        self._injection = Injection()
        _poll_outside(self.gate)
        self._store = Store(extensions.STORED, ACCOUNT_ID)
        self._moto = DomainDispatcherApplication(
            lambda service: own.get(service, lambda: create_backend_app(service))()
        )
        # werkzeug exits the process if the port is in use; with an open socket, an OSError is raised instead.
        with socket.create_server((HOST, port)) as listener:
            self._server = make_server(
                HOST, port, self._serve, threaded=True, request_handler=_Handler, fd=listener.fileno()
            )
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws-api", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting requests and wait for those in progress."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if refused := _unknown(environ, start_response):
            return refused
        if environ["PATH_INFO"] == faults.PATH:
            return self._injection.manage(environ, start_response)
        failed = self._injection.answer(environ, start_response) or _limited(environ, start_response)
        if failed is not None:
            return failed
        changes = _may_change(environ)
        with self.gate.shared():
            try:
                stored = self._store.answer(environ, start_response)
                answer: Iterable[bytes] = self._moto(environ, start_response) if stored is None else stored
            except NotImplementedError as problem:
                return _refuse(environ, start_response, HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", str(problem))
            except Exception as problem:
                # A bug in one of moto's operations must not look like a broken connection to the SDK.
                logger.exception("%s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
                message = f"{type(problem).__name__}: {problem}"
                return _refuse(environ, start_response, HTTPStatus.INTERNAL_SERVER_ERROR, "InternalFailure", message)
            finally:
                if changes:
                    self.changed.set()
            return answer


class _Handler(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        logger.debug("%s %s", self.requestline, code)


def _unknown(environ: dict[str, Any], start_response: Any) -> Iterable[bytes] | None:
    """Reject requests without an access key of the account, because other users of this machine can reach the port.

    A known access key ID is sufficient, because only the sandbox's own user can read it.
    """
    key = wire.access_key_id(environ)
    if key is not None and identity.find(key) is not None:
        return None
    if key is None and wire.operation_named(environ) in _UNSIGNED:
        return None
    code, message = (
        ("MissingAuthenticationToken", "Request is missing Authentication Token")
        if key is None
        else ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        if wire.target(environ).service == "s3"
        else ("InvalidClientTokenId", "The security token included in the request is invalid.")
    )
    return _refuse(environ, start_response, HTTPStatus.FORBIDDEN, code, message)


_UNSIGNED = ("AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
"""Operations that require no access key: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"""


def _limited(environ: dict[str, Any], start_response: Any) -> Iterable[bytes] | None:
    """Reject a request that AWS rejects but moto accepts; None if the request goes on to its service."""
    if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return None
    asked = wire.target(environ)
    if asked.operation is None:
        return None
    if asked.operation.name in extensions.REFUSED.get(asked.service, ()):
        message = f"The sandbox does not serve the operation {asked.operation.name}."
        return wire.failed(environ, start_response, asked, "NotImplemented", message, {})
    if environ.get("HTTP_TRANSFER_ENCODING") or asked.service not in limits.CHECKED:
        return None
    if asked.operation.name in _DATA or wire.reads(asked.operation.name):
        return None
    try:
        parameters = wire.parameters(environ, asked)
    except (RequestParserError, ValueError, KeyError):
        # The service itself returns the error for such a request.
        return None
    request = limits.Request(asked.service, asked.operation.name, parameters, ACCOUNT_ID, wire.region(environ))
    refusal = limits.refusal(request, asked.operation) or quotas.refusal(request)
    if refusal is None:
        return None
    return wire.failed(environ, start_response, asked, refusal.code, refusal.message, {})


def _poll_outside(gate: Gate) -> None:
    """Let SQS's long polls, of up to 20 s, wait outside the gate; a waiting snapshot would block all other requests."""

    def wait_for_messages(self: Queue, timeout: float) -> None:
        with gate.outside():
            time.sleep(min(timeout, _POLL_S))

    Queue.wait_for_messages = wait_for_messages  # type: ignore[method-assign]  # intended


_POLL_S = 0.2

_DATA = ("PutObject", "UploadPart")
"""Operations whose bodies are data."""


def _may_change(environ: dict[str, Any]) -> bool:
    if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return False
    operation = wire.operation_named(environ)
    return operation is None or not wire.reads(operation)


def _refuse(environ: dict[str, Any], start_response: Any, status: HTTPStatus, code: str, message: str) -> list[bytes]:
    """An error in the format of the request's protocol, JSON or XML."""
    if "json" in environ.get("CONTENT_TYPE", "") or "HTTP_X_AMZ_TARGET" in environ:
        kind, text = "application/json", json.dumps({"__type": code, "message": message})
    else:
        error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        kind, text = "text/xml", f"<ErrorResponse>{error}<Errors>{error}</Errors></ErrorResponse>"
    body = text.encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]
