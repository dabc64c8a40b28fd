"""The sandbox's resource provider for the package `aws`."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Final

import grpc

from mlsandbox.providers.aws import lookups
from mlsandbox.providers.aws.api import Cloud, Key
from mlsandbox.providers.aws.declaration import Declaration, Lookup
from mlsandbox.providers.aws.provider import AwsProvider
from mlsandbox.providers.servicer import serve as serve_provider


def _declarations() -> Iterator[Declaration]:
    """Those of every module of this package."""
    for each in pkgutil.iter_modules(__path__):
        yield from getattr(importlib.import_module(f"{__name__}.{each.name}"), "DECLARATIONS", ())


DECLARATIONS: Final = tuple(_declarations())
"""All resource types of the sandbox."""


def provider(endpoint: str, credentials: Key) -> AwsProvider:
    """The provider for the AWS API at `endpoint`, with `credentials`."""
    return AwsProvider(
        Cloud(endpoint, credentials),
        {declaration.token: declaration for declaration in DECLARATIONS},
        {lookup.token: lookup for lookup in lookups.LOOKUPS},
    )


def serve(port: int, endpoint: str, credentials: Key, finished: Callable[[], None] = lambda: None) -> grpc.Server:
    """Serve the provider on 127.0.0.1:`port` until the returned server is stopped.

    `finished` is called after every operation of an engine.
    """
    served = provider(endpoint, credentials)
    server, servicer = serve_provider(served, port)
    served.say, served.finished = servicer.say, finished
    return server


__all__ = ["DECLARATIONS", "Declaration", "Key", "Lookup", "provider", "serve"]
