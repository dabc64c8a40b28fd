"""The services that the daemon runs, other than in tests."""

import grpc

from mlsandbox.ground.layout import Layout
from mlsandbox.host import aws_api
from mlsandbox.host.served import Services
from mlsandbox.providers import aws

STOP_GRACE_S = 2.0
"""Seconds that calls in progress have to finish when the sandbox stops."""


class _Provider:
    """A resource provider's gRPC server."""

    def __init__(self, server: grpc.Server) -> None:
        self._server = server

    def stop(self) -> None:
        self._server.stop(STOP_GRACE_S).wait()


def _aws_provider(layout: Layout) -> _Provider:
    key = layout.credentials()
    credentials = aws.Key(key.access_key_id, key.secret_access_key)
    return _Provider(aws.serve(layout.ports().aws_provider, layout.aws_endpoint, credentials, aws_api.save))


REAL = Services(aws_api=aws_api.serve, providers=(_aws_provider,))
