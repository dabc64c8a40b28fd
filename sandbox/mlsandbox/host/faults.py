"""Failures on demand: AWS operations that a sandbox answers with an error, so that runbooks and programs meet it."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from awsfacts.errors import wording
from mlsandbox.errors import SandboxError
from mlsandbox.host.layout import Layout

PATH: Final = "/_sandbox/faults"
"""Where the AWS endpoint lists (GET), adds (POST) and clears (DELETE) them. No service has such a path."""

ANY: Final = "*"
"""The operation that stands for all."""

LATER: Final = {"CreateCluster": "cluster", "CreateNodegroup": "nodegroup", "CreateAddon": "addon"}
"""EKS operations whose outcome AWS tells later, in the health of what they make, and the answer's member for it."""

_TIMEOUT_S: Final = 5.0


class Fault(BaseModel):
    """One failure that is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    operation: str
    """AWS's name of the operation, `CreateNodegroup`, if need be with boto3's of the service, `ec2:CreateVpc`; `*` for
    every one."""

    code: str
    """The error's code, e.g. `InsufficientInstanceCapacity`."""

    message: str
    """What the error says."""

    times: int | None = Field(default=None, ge=1)
    """How often it strikes; None for as long as it is there."""

    rate: float = Field(default=1.0, gt=0, le=1)
    """The share of requests that it strikes."""

    match: str = ""
    """Text that a request has to hold, in its path, query or body."""

    later: bool = False
    """Whether AWS takes the request, and what it makes fails afterwards."""


class Planned(BaseModel):
    """A fault that a running sandbox knows."""

    fault: Fault
    struck: int = 0
    """How often it has struck."""


_LIST: Final = TypeAdapter(list[Planned])


def fault(
    operation: str,
    code: str,
    *,
    message: str | None = None,
    times: int | None = None,
    rate: float = 1.0,
    match: str = "",
    later: bool = False,
) -> Fault:
    """Make a fault; without a message AWS's own wording is taken where it is known.

    Raises:
        SandboxError: no service of the sandbox has the operation, or it cannot fail later.
    """
    _check_operation(operation)
    if later and operation.rpartition(":")[2] not in LATER:
        raise SandboxError(f"{operation} cannot fail later; allowed: {', '.join(LATER)}")
    said = message or wording(code) or "asked for by `mlsandbox fail`"
    return Fault(operation=operation, code=code, message=said, times=times, rate=rate, match=match, later=later)


def add(layout: Layout, fault: Fault) -> None:
    """Have the running sandbox fail so. Raises `SandboxError` when none runs."""
    _ask(layout, "POST", fault.model_dump_json().encode())


def clear(layout: Layout) -> None:
    """Have the running sandbox fail no more. Raises `SandboxError` when none runs."""
    _ask(layout, "DELETE")


def planned(layout: Layout) -> list[Planned]:
    """The faults of the running sandbox. Raises `SandboxError` when none runs."""
    return _LIST.validate_json(_ask(layout, "GET"))


def as_json(faults: Sequence[Planned]) -> bytes:
    """What GET answers."""
    return _LIST.dump_json(list(faults))


def _ask(layout: Layout, method: str, body: bytes | None = None) -> bytes:
    headers = {"Authorization": f"AWS {layout.credentials().access_key_id}:"}
    request = urllib.request.Request(layout.aws_endpoint + PATH, data=body, method=method, headers=headers)
    # Loopback: never through a proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as problem:
        raise SandboxError(json.loads(problem.read())["message"]) from None
    except OSError:
        raise SandboxError(f"No sandbox runs in {layout.folder}. Start it with `mlsandbox up`.") from None


def _check_operation(operation: str) -> None:
    if operation == ANY:
        return
    # The declarations need the SDK's classes, which take seconds to import.
    from mlsandbox.providers.aws import DECLARATIONS, Declaration, Lookup
    from mlsandbox.providers.aws.api import MODELS
    from mlsandbox.providers.aws.lookups import LOOKUPS

    served: list[Declaration | Lookup] = [*DECLARATIONS, *LOOKUPS]
    services = {each.service for each in served if each.service}
    service, _, name = operation.rpartition(":")
    if service and service not in services:
        raise SandboxError(f"{service} is no service of the sandbox; allowed: {', '.join(sorted(services))}")
    known = {each for one in ({service} if service else services) for each in MODELS.operations(one)}
    if name not in known:
        near = get_close_matches(name, known, 1)
        raise SandboxError(
            f"{operation} is no operation of {service or 'a service of the sandbox'}"
            + (f"; did you mean {near[0]}?" if near else "")
        )
