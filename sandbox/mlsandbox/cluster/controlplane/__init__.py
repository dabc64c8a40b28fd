"""A real Kubernetes control plane on loopback, whose nodes are played by kwok."""

from mlsandbox.cluster.controlplane.flags import PROGRAMS
from mlsandbox.cluster.controlplane.supervisor import ControlPlane

__all__ = ["PROGRAMS", "ControlPlane"]
