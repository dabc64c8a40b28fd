"""A real Kubernetes control plane on loopback, with nodes that kwok simulates."""

from mlsandbox.cluster.controlplane.flags import PROGRAMS
from mlsandbox.cluster.controlplane.supervisor import ControlPlane

__all__ = ["PROGRAMS", "ControlPlane"]
