"""A real Kubernetes control plane on loopback, whose nodes are played by kwok."""

from mlpctl.sandbox.controlplane.flags import PROGRAMS
from mlpctl.sandbox.controlplane.supervisor import ControlPlane

__all__ = ["PROGRAMS", "ControlPlane"]
