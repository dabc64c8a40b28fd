"""A placeholder for the provider of a package while the provider is being built, sufficient for a first preview.

Before a cluster exists, its kubeconfig is unknown; the engine then only calls its provider's CheckConfig. All other
requests are rejected.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import NoReturn

from typing_extensions import override

from mlsandbox.providers.protocol import Properties, Provider, ProviderError
from mlsandbox.providers.servicer import serve


class Unbuilt(Provider):
    """A provider that only accepts its configuration check."""

    def __init__(self, package: str) -> None:
        self.name = package
        self.version = version(f"pulumi-{package}")

    @override
    def configure(self, client: str, config: Properties) -> None:
        self._refuse()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise ProviderError(f"Pulumi's provider for {self.name} is still being built. Try again later.")

    check = diff = create = read = update = delete = invoke = _refuse


@contextmanager
def standing_in(package: str) -> Iterator[int]:
    """Serve a placeholder for `package`; yields its port on 127.0.0.1."""
    server, servicer = serve(Unbuilt(package), 0)
    try:
        yield servicer.port
    finally:
        server.stop(0).wait()
