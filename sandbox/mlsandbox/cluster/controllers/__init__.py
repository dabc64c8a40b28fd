"""Controllers of clusters: upstream programs that run as local processes if the user asks for them."""

from mlsandbox.cluster.controllers.runner import Controllers
from mlsandbox.cluster.controllers.table import CONTROLLERS, Controller

__all__ = ["CONTROLLERS", "Controller", "Controllers"]
