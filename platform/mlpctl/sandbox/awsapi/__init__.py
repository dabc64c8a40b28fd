"""The local AWS API: moto's server, and on the same endpoint what moto lacks."""

from mlpctl.sandbox.awsapi.api import AwsApi, save, serve
from mlpctl.sandbox.awsapi.kept import KEPT_BY_SANDBOX

__all__ = ["KEPT_BY_SANDBOX", "AwsApi", "save", "serve"]
