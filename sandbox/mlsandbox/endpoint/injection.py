"""Fault injection: responds to requests with planned errors, in the wire format of the service's protocol."""

import json
import random
import threading
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote_plus

from pydantic import ValidationError

from mlsandbox.endpoint import wire
from mlsandbox.ground.faults import ANY, PLANNED, Fault, Planned
from mlsandbox.headers import INJECTED

LATER: Final = "mlplatform.fault"
"""WSGI environment key that passes a fault with a delayed effect to the service."""

_THROTTLING: Final = ("Throttling", "ThrottlingException")
_OWN_THROTTLING: Final = {"ec2": "RequestLimitExceeded", "s3": "SlowDown"}
"""Throttling codes of services with a code of their own, for a fault that applies to all operations."""


class Injection:
    """The faults of one server."""

    def __init__(self) -> None:
        self._planned: list[Planned] = []
        self._lock = threading.Lock()
        # A fixed seed, so that a test with a fault rate is reproducible.
        self._random = random.Random(0)

    def manage(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Handle a request to `faults.PATH`: list, add or clear faults."""
        method, status, answer = environ["REQUEST_METHOD"], HTTPStatus.OK, b"{}"
        with self._lock:
            if method == "POST":
                try:
                    self._planned.append(Planned(fault=Fault.model_validate_json(wire.body(environ))))
                except ValidationError as problem:
                    status, answer = HTTPStatus.BAD_REQUEST, _json_message(str(problem))
            elif method == "DELETE":
                self._planned.clear()
            else:
                answer = PLANNED.dump_json(self._planned)
        start_response(
            f"{status.value} {status.phrase}",
            [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))],
        )
        return [answer]

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes] | None:
        """Return an error if a fault applies to the request; None if the request goes on to its service."""
        if not self._planned:
            return None
        asked = wire.target(environ)
        fault = self._strike(environ, asked.service, asked.operation.name if asked.operation else None)
        if fault is None:
            return None
        if fault.later:
            environ[LATER] = fault
            return None
        code = _OWN_THROTTLING.get(asked.service, fault.code) if _throttles_all(fault) else fault.code
        headers = {INJECTED: fault.operation}
        return wire.failed(environ, start_response, asked, code, fault.message, headers)

    def _strike(self, environ: dict[str, Any], service: str, operation: str | None) -> Fault | None:
        text = ""
        with self._lock:
            for at, planned in enumerate(self._planned):
                fault = planned.fault
                if fault.operation not in (ANY, operation, f"{service}:{operation}"):
                    continue
                if fault.times is not None and planned.struck >= fault.times:
                    continue
                if fault.match:
                    text = text or _text(environ)
                    if fault.match not in text:
                        continue
                if self._random.random() >= fault.rate:
                    continue
                self._planned[at] = planned.model_copy(update={"struck": planned.struck + 1})
                return fault
        return None


def _throttles_all(fault: Fault) -> bool:
    return fault.operation == ANY and fault.code in _THROTTLING


def _text(environ: dict[str, Any]) -> str:
    sent = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}\n{wire.body(environ).decode('utf-8', 'replace')}"
    return f"{sent}\n{unquote_plus(sent)}"


def _json_message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()
