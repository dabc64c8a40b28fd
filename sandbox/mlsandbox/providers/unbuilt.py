"""Stands in for the provider of a package while that is being built, as far as a first preview needs one.

Of a cluster that is not there yet the engine knows no kubeconfig, and then asks its provider whether that configuration
is right, and nothing else. Whatever else it asks is refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import NoReturn

from typing_extensions import override

from mlsandbox.providers.protocol import Properties, Provider, ProviderError
from mlsandbox.providers.servicer import serve


class Unbuilt(Provider):
    """Knows nothing."""

    def __init__(self, package: str) -> None:
        self.name = package
        self.version = version(f"pulumi-{package}")

    @override
    def configure(self, client: str, config: Properties) -> None:
        self._refuse()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise ProviderError(f"Pulumi's provider for {self.name} is still being built. Try again when it is there.")

    check = diff = create = read = update = delete = invoke = _refuse


@contextmanager
def standing_in(package: str) -> Iterator[int]:
    """Serve one for `package`; the port on 127.0.0.1."""
    server, servicer = serve(Unbuilt(package), 0)
    try:
        yield servicer.port
    finally:
        server.stop(0).wait()
