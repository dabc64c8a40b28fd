"""The placeholder for a provider that is being built."""

from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from mlsandbox.providers import unbuilt


def test_only_the_configuration_check_succeeds() -> None:
    with unbuilt.standing_in("kubernetes") as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        provider: Any = provider_pb2_grpc.ResourceProviderStub(channel)
        assert not provider.CheckConfig(provider_pb2.CheckRequest()).failures
        for ask in (
            lambda: provider.Configure(provider_pb2.ConfigureRequest()),
            lambda: provider.Check(provider_pb2.CheckRequest(urn="urn:pulumi:a::b::kubernetes:core/v1:Service::c")),
            lambda: provider.Create(provider_pb2.CreateRequest(urn="urn:pulumi:a::b::kubernetes:core/v1:Service::c")),
        ):
            with pytest.raises(grpc.RpcError, match="still being built"):
                ask()
