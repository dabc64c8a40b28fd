"""Parse requests and serialize responses in AWS's protocols, with botocore's models and moto's code."""

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
"""boto3's service name, by the name in the request signature, if they differ."""

_READING: Final = ("Describe", "Get", "List", "Head", "Simulate")

# Error codes that are missing in a service's model and whose status is not 400, from botocore's models and
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

# moto warns about codes that are missing in a service's model, such as most of AWS's common ones.
warnings.filterwarnings("ignore", message=r"Exception\(_Coded\)")


class _Coded(ServiceException):
    """An error with any code. moto itself looks up the error model only for the errors of its own modules."""


@dataclass(frozen=True)
class Asked:
    """The target of a request."""

    service: str
    """boto3's name of the service."""

    operation: OperationModel | None
    """None if the service's model does not have it."""

    in_path: dict[str, Any]
    """The parameters in the URL path."""


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
    """The access key ID in the request's header or, if presigned, in its query; None if the request is unsigned.

    Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html and, for S3's older format,
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
    """The region and service that a request is signed for; an unsigned request is for STS."""
    # AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    return (scope[-3], scope[-2]) if len(scope) >= 5 else ("us-east-1", "sts")


def parameters(environ: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """The request's parameters, by the names in the operation's model. The body can still be read afterwards."""
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
    """The operation name in the request, for the protocols that send it."""
    named: str = environ.get("HTTP_X_AMZ_TARGET", "")
    if named:
        return named.rsplit(".", 1)[-1]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body(environ).decode("utf-8", "replace")).get("Action", [None])[0]
    return None


def reads(operation: str) -> bool:
    """Whether an operation is read-only, judging by its name."""
    return operation.startswith(_READING)


def body(environ: dict[str, Any]) -> bytes:
    """The request's body. It can still be read afterwards."""
    content: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(content)
    return content


def status_of(service: str, code: str) -> int:
    """The HTTP status of the service's response with an error code."""
    error = get_error_model(_Coded(code, ""), get_service_model(service))
    status: int | None = error.metadata.get("error", {}).get("httpStatusCode")
    return status or _STATUS.get(code) or (400 if error.is_sender_fault else 500)


def failed(
    environ: dict[str, Any], start_response: Any, asked: Asked, code: str, message: str, headers: Mapping[str, str]
) -> list[bytes]:
    """Respond to a request with an error of its service."""
    model = get_service_model(asked.service)
    protocol = determine_request_protocol(model, environ.get("CONTENT_TYPE", ""))
    # The error format depends on the service; only the name of the operation is used.
    serializer = get_serializer_class(asked.service, protocol)(asked.operation or OperationModel({}, model))
    answer = serializer.serialize(_Coded(code, message))
    content = answer["body"].encode() if isinstance(answer["body"], str) else answer["body"]
    status = status_of(asked.service, code)
    sent = {**answer["headers"], "Content-Length": str(len(content)), **headers}
    start_response(f"{status} {HTTPStatus(status).phrase}", list(sent.items()))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]


def succeeded(environ: dict[str, Any], start_response: Any, asked: Asked, result: Mapping[str, Any]) -> list[bytes]:
    """Respond to a request with the result of its operation, by the names in the operation's model."""
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
