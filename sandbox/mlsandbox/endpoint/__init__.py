"""The local AWS API: moto's server, with the services and operations that moto lacks on the same endpoint."""

from mlsandbox.endpoint.extensions import KEPT_BY_SANDBOX

__all__ = ["KEPT_BY_SANDBOX"]
