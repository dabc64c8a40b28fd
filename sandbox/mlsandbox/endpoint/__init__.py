"""The local AWS API: moto's server, and on the same endpoint what moto lacks."""

from mlsandbox.endpoint.api import AwsApi, save, serve
from mlsandbox.endpoint.kept import KEPT_BY_SANDBOX

__all__ = ["KEPT_BY_SANDBOX", "AwsApi", "save", "serve"]
