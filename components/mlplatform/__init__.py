"""Components for ML platforms on AWS and Kubernetes: each with its args and its spec."""

from mlplatform.cluster import Cluster, EksCluster, EksClusterArgs
from mlplatform.gpu import GpuNodePool, GpuNodePoolArgs, GpuPool, Reservation
from mlplatform.identity import Workload, WorkloadIdentity, WorkloadIdentityArgs
from mlplatform.images import Images
from mlplatform.keys import KeyRing, KeyRingArgs, Keys
from mlplatform.network import Network, NetworkArgs, Vpc
from mlplatform.registry import ImageRegistry, ImageRegistryArgs
from mlplatform.serving import Inference, InferenceService, InferenceServiceArgs
from mlplatform.storage import Bucket, DataBucket, DataBucketArgs

__all__ = [
    "Bucket",
    "Cluster",
    "DataBucket",
    "DataBucketArgs",
    "EksCluster",
    "EksClusterArgs",
    "GpuNodePool",
    "GpuNodePoolArgs",
    "GpuPool",
    "ImageRegistry",
    "ImageRegistryArgs",
    "Images",
    "Inference",
    "InferenceService",
    "InferenceServiceArgs",
    "KeyRing",
    "KeyRingArgs",
    "Keys",
    "Network",
    "NetworkArgs",
    "Reservation",
    "Vpc",
    "Workload",
    "WorkloadIdentity",
    "WorkloadIdentityArgs",
]
