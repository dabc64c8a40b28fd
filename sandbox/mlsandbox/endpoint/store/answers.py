"""The store on the AWS endpoint, in every protocol that moto knows."""

from collections.abc import Iterable, Sequence
from typing import Any

from moto.core.exceptions import ServiceException

from mlsandbox.endpoint import wire
from mlsandbox.endpoint.store.records import store_backends
from mlsandbox.endpoint.store.stored import Call, Stored
from mlsandbox.endpoint.validation import message, violations


class Store:
    """Serves the operations of stored types."""

    def __init__(self, types: Sequence[Stored], account: str) -> None:
        self._types = {(each.service, name): each for each in types for name in each.operations}
        self._services = {service for service, _ in self._types}
        self._account = account

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes] | None:
        """Serve a request; None if it is not about a stored type."""
        if wire.service(environ) not in self._services:
            return None
        asked = wire.target(environ)
        stored = self._types.get((asked.service, asked.operation.name)) if asked.operation else None
        if stored is None or asked.operation is None:
            return None
        request = wire.parameters(environ, asked)
        shape = asked.operation.input_shape
        if found := list(violations(shape, request)) if shape else []:
            return wire.failed(environ, start_response, asked, "ValidationException", message(found), {})
        call = Call(store_backends[self._account][wire.region(environ)])
        try:
            result = stored.answer(asked.operation.name, call, request)
        except ServiceException as error:
            return wire.failed(environ, start_response, asked, str(error.code), error.message, {})
        return wire.succeeded(environ, start_response, asked, result)
