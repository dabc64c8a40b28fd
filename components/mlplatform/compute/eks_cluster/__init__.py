"""A Kubernetes cluster with its system nodes and add-ons."""

from mlplatform.compute.eks_cluster.component import EksCluster, EksClusterArgs
from mlplatform.compute.eks_cluster.spec import EksClusterSpec

__all__ = ["EksCluster", "EksClusterArgs", "EksClusterSpec"]
