"""Ask AWS the questions of the checks: all that are known at once, by boto3."""

import datetime
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Final

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mlpctl.doctor.asking import LOCAL, Question, Refusal
from mlpctl.errors import UserError

CONCURRENT: Final = 10
"""Maximum number of requests at the same time."""

ATTEMPTS: Final = 5
"""Maximum number of attempts of a request that AWS throttles."""

TIMEOUT_S: Final = 10.0
"""Maximum time to connect to AWS, and to wait for a response."""

CONNECT_S: Final = 3.0
"""Maximum time to connect to an API server."""

EXPIRY: Final = "AWS_CREDENTIAL_EXPIRATION"
"""The variable in which tools such as `aws configure export-credentials` put the expiry of temporary credentials:
https://docs.aws.amazon.com/cli/latest/reference/configure/export-credentials.html"""


class SignInError(UserError):
    """The credentials of the stack's configuration cannot be used; the text is for the user."""


class Asker:
    """Asks AWS with one identity. Clients are created once for each service and region."""

    def __init__(self, session: boto3.Session, region: str) -> None:
        """Take the identity.

        Args:
            session: the identity.
            region: the region of questions that name none.
        """
        self._session = session
        self._region = region
        self._clients: dict[tuple[str, str], Any] = {}
        self._creating = threading.Lock()

    def ask(self, questions: Iterable[Question], answered: Callable[[], None] = lambda: None) -> dict[Question, Any]:
        """The answer or the `Refusal` to each question. `answered` is called after each."""
        found = {}
        with ThreadPoolExecutor(CONCURRENT) as pool:
            running = {pool.submit(self._answer, each): each for each in questions}
            for done in as_completed(running):
                found[running[done]] = done.result()
                answered()
        return found

    def client(self, service: str, region: str = "") -> Any:
        """A client of a service, by default in the stack's region."""
        key = (service, region or self._region)
        with self._creating:
            # A session is not thread-safe: https://docs.aws.amazon.com/boto3/latest/guide/session.html
            if key not in self._clients:
                config = Config(
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    connect_timeout=TIMEOUT_S,
                    read_timeout=TIMEOUT_S,
                )
                self._clients[key] = self._session.client(service, key[1], config=config)
            return self._clients[key]

    def _answer(self, question: Question) -> Any:
        if question.service == LOCAL:
            return connect(**question.arguments)
        try:
            return self._call(question)
        except ClientError as error:
            told = error.response["Error"]
            return Refusal(str(told.get("Code", "")), str(told.get("Message", "")))
        except BotoCoreError as error:
            return Refusal(type(error).__name__, str(error))

    def _call(self, question: Question) -> Any:
        client = self.client(question.service, question.region)
        operation = botocore.xform_name(question.operation)
        if not question.items:
            return getattr(client, operation)(**question.arguments)
        if not client.can_paginate(operation):
            return getattr(client, operation)(**question.arguments).get(question.items) or []
        pages = client.get_paginator(operation).paginate(**question.arguments)
        return [each for page in pages for each in page.get(question.items) or ()]


def connect(host: str, port: int) -> Any:
    """The address that a connection to a host was opened to, or a `Refusal`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return Refusal("NameNotResolved", f"{host} has no address here: {error.strerror or error}")
    address = found[0][4][0]
    try:
        with socket.create_connection((str(address), port), timeout=CONNECT_S):
            return f"{address}:{port}"
    except OSError as error:
        return Refusal(
            "NotConnected", f"{host} ({address}:{port}) does not accept a connection: {error.strerror or error}"
        )


def session(config: Mapping[str, Any], region: str) -> tuple[boto3.Session, bool]:
    """The identity that an update would use, and whether its credentials are temporary and nothing renews them.

    Args:
        config: the stack's configuration, with `aws:profile` and `aws:assumeRoles`. Default: those of the environment.
        region: the stack's region.

    Raises:
        SignInError: there is no such profile, or a role cannot be assumed.
    """
    try:
        found = boto3.Session(profile_name=config.get("aws:profile"), region_name=region)
        temporary = _is_temporary(found)
        for role in _roles(config):
            found = _assumed(found, role, region)
    except (BotoCoreError, ClientError) as error:
        raise SignInError(f"The identity of the stack's configuration can't be used: {error}") from None
    return found, temporary


def _roles(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    several, one = config.get("aws:assumeRoles"), config.get("aws:assumeRole")
    return [*several] if several else [one] if one else []


def _assumed(session: boto3.Session, role: Mapping[str, Any], region: str) -> boto3.Session:
    client = session.client("sts", region)
    optional = {"ExternalId": role.get("externalId"), "Policy": role.get("policy")}
    arguments = {name: value for name, value in optional.items() if value}
    name = role.get("sessionName") or "mlpctl-doctor"
    given = client.assume_role(RoleArn=role["roleArn"], RoleSessionName=name, **arguments)["Credentials"]
    return boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=region)


def _is_temporary(session: boto3.Session) -> bool:
    """Whether the credentials are those of a session that nothing renews."""
    found = session.get_credentials()
    return found is not None and found.token is not None and found.method in ("env", "shared-credentials-file")


def expiry(environment: Mapping[str, str] = os.environ) -> datetime.datetime | None:
    """When the environment's credentials expire; None if the environment does not say."""
    try:
        found = datetime.datetime.fromisoformat(environment.get(EXPIRY, ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
