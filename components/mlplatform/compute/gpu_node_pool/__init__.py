"""A pool of identical GPU nodes."""

from mlplatform.compute.gpu_node_pool.component import GpuNodePool, GpuNodePoolArgs
from mlplatform.compute.gpu_node_pool.spec import GpuNodePoolSpec

__all__ = ["GpuNodePool", "GpuNodePoolArgs", "GpuNodePoolSpec"]
