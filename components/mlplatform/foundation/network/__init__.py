"""A VPC with subnets, routes and endpoints, created or adopted."""

from mlplatform.foundation.network.component import Network, NetworkArgs
from mlplatform.foundation.network.spec import NetworkSpec

__all__ = ["Network", "NetworkArgs", "NetworkSpec"]
