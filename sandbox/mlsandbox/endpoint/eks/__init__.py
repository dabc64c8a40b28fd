"""The sandbox's EKS: an implementation of AWS's API model in front of one real control plane."""

from mlsandbox.endpoint.eks.backend import SERVICE, ControlPlane, eks_backends
from mlsandbox.endpoint.eks.service import OPERATIONS, EksService

__all__ = ["OPERATIONS", "SERVICE", "ControlPlane", "EksService", "eks_backends"]
