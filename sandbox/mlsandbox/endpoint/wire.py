"""Requests and errors in the wire formats of AWS's protocols, by botocore's models and moto's code."""

import functools
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from moto.core.errors import get_error_model
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

_SERVICES: Final = {
    "airflow": "mwaa",
    "aps": "amp",
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "elasticmapreduce": "emr",
    "email": "ses",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
"""boto3's name of a service where requests are signed with another."""

_READING: Final = ("Describe", "Get", "List", "Head", "Simulate")

# Codes that a service's model does not hold and that do not come with 400, botocore's models and
# https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html
_STATUS: Final = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "InsufficientCapacity": 500,
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "InternalFailure": 500,
    "LimitExceeded": 409,
    "NotImplemented": 501,
    "OperationAborted": 409,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "TooManyRequestsException": 429,
    "UnauthorizedOperation": 403,
}

# moto warns of codes that a service's model does not hold; most of AWS's common ones are such.
warnings.filterwarnings("ignore", message=r"Exception\(_Coded\)")


class _Coded(ServiceException):
    """An error of any code: moto looks up the model of the codes of its own modules' errors only."""


@dataclass(frozen=True)
class Asked:
    """What a request asks for."""

    service: str
    """boto3's name of the service."""

    operation: OperationModel | None
    """None for one that the service's model does not have."""

    in_path: dict[str, Any]
    """The members that stand in the path."""


def target(environ: dict[str, Any]) -> Asked:
    """The service and operation of a request."""
    named = service(environ)
    try:
        model = get_service_model(named)
        name = operation_named(environ)
        if name is not None:
            return Asked(named, model.operation_model(name), {})
        operation, found = _router(named).match(Request(environ, populate_request=False))
        return Asked(named, model.operation_model(operation.name), dict(found))
    except (NotFound, NotImplementedError, OperationNotFoundError, UnknownServiceError):
        return Asked(named, None, {})


def service(environ: dict[str, Any]) -> str:
    """boto3's name of the service that a request is signed for."""
    _, signed = _signed_for(environ)
    return _SERVICES.get(signed, signed)


def region(environ: dict[str, Any]) -> str:
    """The region that a request is signed for."""
    where, _ = _signed_for(environ)
    return where


def access_key_id(environ: dict[str, Any]) -> str | None:
    """The access key that a request is signed with: in its header or, presigned, in its query. None if unsigned.

    Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html and, for the older form of S3,
    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
    """
    header: str = environ.get("HTTP_AUTHORIZATION", "")
    if "Credential=" in header:
        return header.partition("Credential=")[2].partition("/")[0]
    if header.startswith("AWS "):
        return header.removeprefix("AWS ").partition(":")[0]
    query = parse_qs(environ.get("QUERY_STRING", ""))
    for name in ("X-Amz-Credential", "AWSAccessKeyId"):
        if name in query:
            return str(query[name][0]).partition("/")[0]
    return None


def _signed_for(environ: dict[str, Any]) -> tuple[str, str]:
    """The region and service that a request is signed for; a request that is not signed is one to STS."""
    # AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    return (scope[-3], scope[-2]) if len(scope) >= 5 else ("us-east-1", "sts")


def parameters(environ: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """The request by the names of the operation's model. Its body stays there to be read."""
    assert asked.operation is not None
    content = body(environ)
    request = Request({**environ, "wsgi.input": io.BytesIO(content)})
    protocol = determine_request_protocol(get_service_model(asked.service), environ.get("CONTENT_TYPE", ""))
    parser = PROTOCOL_PARSERS[protocol](asked.operation)
    parsed: dict[str, Any] = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": content,
            "url_path": request.path,
            "url_params": asked.in_path,
        }
    )
    return parsed


def operation_named(environ: dict[str, Any]) -> str | None:
    """The operation that a request names itself, in the protocols that do."""
    named: str = environ.get("HTTP_X_AMZ_TARGET", "")
    if named:
        return named.rsplit(".", 1)[-1]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body(environ).decode("utf-8", "replace")).get("Action", [None])[0]
    return None


def reads(operation: str) -> bool:
    """Whether an operation changes nothing, by its name."""
    return operation.startswith(_READING)


def body(environ: dict[str, Any]) -> bytes:
    """The request's body, which stays there to be read."""
    content: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(content)
    return content


def status_of(service: str, code: str) -> int:
    """The HTTP status with which the service answers an error code."""
    error = get_error_model(_Coded(code, ""), get_service_model(service))
    said: int | None = error.metadata.get("error", {}).get("httpStatusCode")
    return said or _STATUS.get(code) or (400 if error.is_sender_fault else 500)


def failed(
    environ: dict[str, Any], start_response: Any, asked: Asked, code: str, message: str, headers: Mapping[str, str]
) -> list[bytes]:
    """Answer a request with an error of its service."""
    model = get_service_model(asked.service)
    protocol = determine_request_protocol(model, environ.get("CONTENT_TYPE", ""))
    # A failure is worded by the service; the operation is needed for its name alone.
    serializer = get_serializer_class(asked.service, protocol)(asked.operation or OperationModel({}, model))
    answer = serializer.serialize(_Coded(code, message))
    content = answer["body"].encode() if isinstance(answer["body"], str) else answer["body"]
    status = status_of(asked.service, code)
    sent = {**answer["headers"], "Content-Length": str(len(content)), **headers}
    start_response(f"{status} {HTTPStatus(status).phrase}", list(sent.items()))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]


def succeeded(environ: dict[str, Any], start_response: Any, asked: Asked, result: Mapping[str, Any]) -> list[bytes]:
    """Answer a request with the result of its operation, by the names of the operation's model."""
    assert asked.operation is not None
    protocol = determine_request_protocol(get_service_model(asked.service), environ.get("CONTENT_TYPE", ""))
    answer = get_serializer_class(asked.service, protocol)(asked.operation).serialize(dict(result))
    content = answer["body"].encode() if isinstance(answer["body"], str) else answer["body"]
    status = HTTPStatus(answer["status_code"])
    sent = {**answer["headers"], "Content-Length": str(len(content))}
    start_response(f"{status.value} {status.phrase}", list(sent.items()))
    return [content]


@functools.cache
def _router(service: str) -> Any:
    return get_service_router(service)
