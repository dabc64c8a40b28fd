"""The AWS API for an operation on a resource: clients for its region, account facts and errors with its name."""

import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import ResponseParserError

from mlsandbox.headers import INJECTED
from mlsandbox.providers.protocol import ProviderError

_POLL_S: Final = 0.2

ATTEMPTS: Final = 25
"""Maximum attempts of a throttled request, as in Terraform's provider (`max_retries`)."""

PROPAGATION_S: Final = 120.0
"""How long to retry errors of eventual consistency, as in Terraform's provider (`propagationTimeout`)."""

_PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
_GONE: Final = re.compile(r"NotFound|NoSuch|^404$|NonExistent|DoesNotExist|PlacementGroup\.Unknown$")


@dataclass(frozen=True)
class Passing:
    """A transient error of eventual consistency, after the creation of a dependency."""

    operation: str
    """boto3's name of the operation."""

    code: str
    says: Collection[str] = ("",)
    """Parts of its message. One of them distinguishes it from permanent errors with the same code."""

    def fits(self, operation: str, error: "ApiError") -> bool:
        """Whether `error` of `operation` matches."""
        return (self.operation, self.code) == (operation, error.code) and any(
            part in error.reason for part in self.says
        )


@dataclass(frozen=True)
class Key:
    """An AWS access key."""

    access_key_id: str
    secret_access_key: str


class ApiError(ProviderError):
    """AWS returned an error."""

    def __init__(self, name: str, operation: str, code: str, message: str) -> None:
        super().__init__(f"{name}: {operation}: {code}: {message}")
        self.code = code
        self.reason = message

    @property
    def gone(self) -> bool:
        """Whether the call failed because the resource does not exist (anymore)."""
        return bool(_GONE.search(self.code))


class Models:
    """botocore's service models, each loaded once."""

    def __init__(self) -> None:
        self._loader = Loader()
        self._services: dict[str, ServiceModel] = {}
        self._names: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def operation(self, service: str, operation: str) -> OperationModel:
        """The model of an operation by its name in boto3, e.g. `create_vpc`."""
        with self._lock:
            if service not in self._services:
                model = ServiceModel(self._loader.load_service_model(service, "service-2"), service)
                self._services[service] = model
                self._names[service] = {xform_name(name): name for name in model.operation_names}
            names = self._names[service]
            if operation not in names:
                raise KeyError(f"the AWS service {service} has no operation {operation}")
            return self._services[service].operation_model(names[operation])

    def operations(self, service: str) -> list[str]:
        """AWS's names of a service's operations."""
        return [*ServiceModel(self._loader.load_service_model(service, "service-2"), service).operation_names]


MODELS: Final = Models()


class Cloud:
    """An account of the local AWS API, accessed with one key. Thread-safe."""

    def __init__(self, endpoint: str, key: Key) -> None:
        self._endpoint = endpoint
        self._session = boto3.session.Session(
            aws_access_key_id=key.access_key_id, aws_secret_access_key=key.secret_access_key
        )
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._account: str | None = None

    def client(self, service: str, region: str) -> Any:
        """The boto3 client of `service` in `region`."""
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._session.client(
                    service,
                    region_name=region,
                    endpoint_url=self._endpoint,
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                        max_pool_connections=64,
                        s3={"addressing_style": "path"},
                        # The endpoint is local: ignore proxy settings of the environment.
                        proxies={},
                    ),
                )
            return self._clients[service, region]

    def account(self, region: str) -> str:
        """The account ID."""
        if self._account is None:
            self._account = str(self.client("sts", region).get_caller_identity()["Account"])
        return self._account

    def partition(self, region: str) -> str:
        """The partition of `region`: `aws`, `aws-cn`, `aws-us-gov` …; `aws` for an unknown region."""
        try:
            return str(self._session.get_partition_for_region(region))
        except BotoCoreError:
            return "aws"


class Api:
    """The AWS API for one operation on one resource.

    `name` is the resource's name, with which every error message starts. `timeout_s` is the limit for all waits
    together. Errors in `passing` are retried.
    """

    def __init__(
        self, cloud: Cloud, service: str, region: str, name: str, timeout_s: float, passing: Collection[Passing] = ()
    ) -> None:
        self.cloud = cloud
        self.service = service
        self.region = region
        self.name = name
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._passing = passing

    @property
    def account(self) -> str:
        """The account ID."""
        return self.cloud.account(self.region)

    @property
    def partition(self) -> str:
        """The region's partition."""
        return self.cloud.partition(self.region)

    def call(self, operation: str, service: str | None = None, /, **parameters: Any) -> dict[str, Any]:
        """Call an operation by its name in boto3. Raises `ApiError` with AWS's code and message."""
        client = self.cloud.client(service or self.service, self.region)
        until = min(self._deadline, time.monotonic() + PROPAGATION_S)
        for pause_s in itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1])):
            try:
                with self._translated(operation):
                    return dict(getattr(client, operation)(**parameters))
            except ApiError as error:
                passes = any(one.fits(operation, error) for one in self._passing)
                if not passes or time.monotonic() + pause_s > until:
                    raise
            time.sleep(pause_s)
        raise AssertionError("pauses never end")

    def listed(self, operation: str, member: str, /, **parameters: Any) -> list[Any]:
        """The items of `member` from all pages of a list operation."""
        paginator = self.cloud.client(self.service, self.region).get_paginator(operation)
        with self._translated(operation):
            return [item for page in paginator.paginate(**parameters) for item in page[member]]

    def find(self, operation: str, service: str | None = None, /, **parameters: Any) -> dict[str, Any] | None:
        """Like `call`, but returns None if the resource does not exist."""
        try:
            return self.call(operation, service, **parameters)
        except ApiError as error:
            if error.gone:
                return None
            raise

    def arn(self, resource: str, service: str | None = None, region: str | None = None) -> str:
        """An ARN in this account, e.g. of `vpc/vpc-1`. `region` is empty for a global service."""
        where = self.region if region is None else region
        return f"arn:{self.partition}:{service or self.service}:{where}:{self.account}:{resource}"

    def wait(self, what: str, done: Callable[[], bool], why: Callable[[], str] = str) -> None:
        """Poll `done`. Raises `ProviderError` with `why` if `what` takes longer than the timeout."""
        while not done():
            if time.monotonic() >= self._deadline:
                raise ProviderError(f"{self.name}: {what} took longer than {self._timeout_s:.0f} s{why()}")
            time.sleep(_POLL_S)

    @contextlib.contextmanager
    def _translated(self, operation: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            details = error.response.get("Error", {})
            code, message = details.get("Code", "Unknown"), details.get("Message", "no message")
            metadata = error.response.get("ResponseMetadata", {})
            if metadata.get("HTTPStatusCode") == 500 and INJECTED not in metadata.get("HTTPHeaders", {}):
                raise ProviderError(f"{self.name}: {_not_served(error.operation_name)}") from error
            raise ApiError(self.name, error.operation_name, code, message) from error
        except ResponseParserError as error:
            raise ProviderError(f"{self.name}: {_not_served(operation)}") from error
        except BotoCoreError as error:
            raise ProviderError(f"{self.name}: {operation}: {error}") from error


def _not_served(operation: str) -> str:
    return (
        f"{operation}: the local AWS API failed; it probably does not support this operation; "
        "see logs/daemon.log in the sandbox's folder"
    )
