"""A runner of deployments in the network of a cluster."""

from mlplatform.delivery.private_runner.component import PrivateRunner, PrivateRunnerArgs
from mlplatform.delivery.private_runner.spec import PrivateRunnerSpec

__all__ = ["PrivateRunner", "PrivateRunnerArgs", "PrivateRunnerSpec"]
