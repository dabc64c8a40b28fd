"""Request failures in a running sandbox, list them and remove them."""

import json
import urllib.error
import urllib.request
from typing import Final

from awsfacts.errors import wording
from mlsandbox.errors import SandboxError, nearest
from mlsandbox.ground.faults import ANY, LATER, PATH, PLANNED, Fault, Planned
from mlsandbox.ground.layout import Layout

_TIMEOUT_S: Final = 5.0


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
    """Create a fault. Without a message it has AWS's own wording, if that is known.

    Raises:
        SandboxError: no service of the sandbox has the operation, or it cannot fail later.
    """
    _check_operation(operation)
    if later and operation.rpartition(":")[2] not in LATER:
        raise SandboxError(f"{operation} cannot fail later; allowed: {', '.join(LATER)}")
    text = message or wording(code) or "requested by `mlsandbox fail`"
    return Fault(operation=operation, code=code, message=text, times=times, rate=rate, match=match, later=later)


def add(layout: Layout, fault: Fault) -> None:
    """Add a fault to the running sandbox. Raises `SandboxError` if no sandbox is running."""
    _ask(layout, "POST", fault.model_dump_json().encode())


def clear(layout: Layout) -> None:
    """Remove all faults from the running sandbox. Raises `SandboxError` if no sandbox is running."""
    _ask(layout, "DELETE")


def planned(layout: Layout) -> list[Planned]:
    """The faults of the running sandbox. Raises `SandboxError` if no sandbox is running."""
    return PLANNED.validate_json(_ask(layout, "GET"))


def _ask(layout: Layout, method: str, body: bytes | None = None) -> bytes:
    headers = {"Authorization": f"AWS {layout.credentials().access_key_id}:"}
    request = urllib.request.Request(layout.aws_endpoint + PATH, data=body, method=method, headers=headers)
    # The address is loopback: ignore proxies that are set in the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as problem:
        raise SandboxError(json.loads(problem.read())["message"]) from None
    except OSError:
        raise SandboxError(f"No sandbox is running in {layout.folder}. Start it with `mlsandbox up`.") from None


def _check_operation(operation: str) -> None:
    if operation == ANY:
        return
    # Imported late: the declarations import the SDK's classes, which takes seconds.
    from mlsandbox.providers.aws import DECLARATIONS, Declaration, Lookup
    from mlsandbox.providers.aws.api import MODELS
    from mlsandbox.providers.aws.lookups import LOOKUPS

    served: list[Declaration | Lookup] = [*DECLARATIONS, *LOOKUPS]
    services = {each.service for each in served if each.service}
    service, _, name = operation.rpartition(":")
    if service and service not in services:
        raise SandboxError(f"{service} is not a service of the sandbox; allowed: {', '.join(sorted(services))}")
    known = {each for one in ({service} if service else services) for each in MODELS.operations(one)}
    if name not in known:
        near = nearest(name, known)
        raise SandboxError(
            f"{operation} is not an operation of {service or 'a service of the sandbox'}"
            + (f"; did you mean {near}?" if near else "")
        )
