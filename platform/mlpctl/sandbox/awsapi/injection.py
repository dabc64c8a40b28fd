"""Answers requests with the failures that were asked for, in the wire format of the service's protocol."""

import functools
import io
import json
import random
import threading
import warnings
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote_plus

from botocore.model import OperationNotFoundError
from moto.core.errors import get_error_model
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from pydantic import ValidationError
from werkzeug.exceptions import NotFound

from mlpctl.sandbox import faults
from mlpctl.sandbox.faults import ANY, Fault, Planned

LATER: Final = "mlplatform.fault"
"""Key of the request's environment under which a fault that shows later travels to the service."""

INJECTED: Final = "x-mlplatform-injected"
"""Header of every answer that was asked for, which tells it from a defect of the local API."""

_SERVICES: Final = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
"""boto3's name of a service where requests are signed with another."""

_THROTTLING: Final = ("Throttling", "ThrottlingException")
_OWN_THROTTLING: Final = {"ec2": "RequestLimitExceeded", "s3": "SlowDown"}
"""How services throttle that do so with a code of their own, for a fault that strikes everything."""

# Codes that a service's model does not hold and that do not come with 400, botocore's models and
# https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html
_STATUS: Final = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "InsufficientCapacity": 500,
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "InternalFailure": 500,
    "OperationAborted": 409,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "TooManyRequestsException": 429,
    "UnauthorizedOperation": 403,
}


# moto warns of codes that a service's model does not hold; most of AWS's common ones are such.
warnings.filterwarnings("ignore", message=r"Exception\(_AskedFor\)")


class _AskedFor(ServiceException):
    """An error of any code: moto looks up the model of the codes of its own modules' errors only."""


class Injection:
    """The faults of one server."""

    def __init__(self) -> None:
        self._planned: list[Planned] = []
        self._lock = threading.Lock()
        # Seeded, so that a rehearsal with a rate can be repeated.
        self._random = random.Random(0)

    def manage(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request to `faults.PATH`: list, add or clear."""
        method, status, answer = environ["REQUEST_METHOD"], HTTPStatus.OK, b"{}"
        with self._lock:
            if method == "POST":
                try:
                    self._planned.append(Planned(fault=Fault.model_validate_json(_body(environ))))
                except ValidationError as problem:
                    status, answer = HTTPStatus.BAD_REQUEST, _json_message(str(problem))
            elif method == "DELETE":
                self._planned.clear()
            else:
                answer = faults.as_json(self._planned)
        start_response(
            f"{status.value} {status.phrase}",
            [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))],
        )
        return [answer]

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes] | None:
        """Fail the request if a fault strikes it; None where it goes on to its service."""
        if not self._planned:
            return None
        service, operation = _target(environ)
        fault = self._strike(environ, service, operation.name if operation else None)
        if fault is None:
            return None
        if fault.later:
            environ[LATER] = fault
            return None
        return _failure(environ, start_response, service, operation, fault)

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


def status_of(service: str, code: str) -> int:
    """The HTTP status with which the service answers an error code."""
    error = get_error_model(_AskedFor(code, ""), get_service_model(service))
    said: int | None = error.metadata.get("error", {}).get("httpStatusCode")
    return said or _STATUS.get(code) or (400 if error.is_sender_fault else 500)


def _failure(
    environ: dict[str, Any], start_response: Any, service: str, operation: OperationModel | None, fault: Fault
) -> list[bytes]:
    code = _OWN_THROTTLING.get(service, fault.code) if _throttles_all(fault) else fault.code
    model = get_service_model(service)
    protocol = determine_request_protocol(model, environ.get("CONTENT_TYPE", ""))
    # A failure is worded by the service; the operation is needed for its name alone.
    serializer = get_serializer_class(service, protocol)(operation or OperationModel({}, model))
    answer = serializer.serialize(_AskedFor(code, fault.message))
    body = answer["body"].encode() if isinstance(answer["body"], str) else answer["body"]
    status = status_of(service, code)
    headers = {**answer["headers"], "Content-Length": str(len(body)), INJECTED: fault.operation}
    start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _throttles_all(fault: Fault) -> bool:
    return fault.operation == ANY and fault.code in _THROTTLING


def _target(environ: dict[str, Any]) -> tuple[str, OperationModel | None]:
    """The service (boto3's name) and operation of a request; None for an operation that its model does not have."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    # AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    signed = scope[-2] if len(scope) >= 5 else "sts"
    service = _SERVICES.get(signed, signed)
    try:
        model = get_service_model(service)
        name = operation_named(environ)
        if name is not None:
            return service, model.operation_model(name)
        operation, _ = _router(service).match(Request(environ, populate_request=False))
        return service, model.operation_model(operation.name)
    except (NotFound, NotImplementedError, OperationNotFoundError):
        return service, None


@functools.cache
def _router(service: str) -> Any:
    return get_service_router(service)


def operation_named(environ: dict[str, Any]) -> str | None:
    """The operation that a request names itself, in the protocols that do."""
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return target.rsplit(".", 1)[-1]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(_body(environ).decode("utf-8", "replace")).get("Action", [None])[0]
    return None


def _text(environ: dict[str, Any]) -> str:
    sent = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}\n{_body(environ).decode('utf-8', 'replace')}"
    return f"{sent}\n{unquote_plus(sent)}"


def _body(environ: dict[str, Any]) -> bytes:
    """The request's body, which stays there to be read."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _json_message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()
