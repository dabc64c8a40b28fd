"""The local AWS API: moto's server, and on the same endpoint what moto lacks."""

from mlsandbox.endpoint.extensions import KEPT_BY_SANDBOX
from mlsandbox.endpoint.serving import AwsApi, save, serve

__all__ = ["KEPT_BY_SANDBOX", "AwsApi", "save", "serve"]
