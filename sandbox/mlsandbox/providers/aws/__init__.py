"""The sandbox's resource provider for the package `aws`."""

from collections.abc import Callable
from typing import Final

import grpc

from mlsandbox.providers.aws import (
    autoscaling,
    ec2_launch,
    ec2_network,
    ec2_routing,
    ec2_security,
    ecr,
    efs,
    eks,
    eks_access,
    iam,
    kms,
    logs,
    lookups,
    s3_bucket,
    s3_settings,
)
from mlsandbox.providers.aws.api import Cloud, Key
from mlsandbox.providers.aws.declaration import Declaration, Lookup
from mlsandbox.providers.aws.provider import AwsProvider
from mlsandbox.providers.servicer import serve as serve_provider

DECLARATIONS: Final[tuple[Declaration, ...]] = (
    *kms.DECLARATIONS,
    *logs.DECLARATIONS,
    *iam.DECLARATIONS,
    *s3_bucket.DECLARATIONS,
    *s3_settings.DECLARATIONS,
    *ec2_network.DECLARATIONS,
    *ec2_routing.DECLARATIONS,
    *ec2_security.DECLARATIONS,
    *ec2_launch.DECLARATIONS,
    *ecr.DECLARATIONS,
    *efs.DECLARATIONS,
    *eks.DECLARATIONS,
    *eks_access.DECLARATIONS,
    *autoscaling.DECLARATIONS,
)
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
