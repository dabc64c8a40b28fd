"""Components for ML platforms on AWS and Kubernetes: each with its args and its spec."""

from mlplatform.cluster import EksCluster, EksClusterArgs
from mlplatform.clusters import Cluster
from mlplatform.gpu import GpuNodePool, GpuNodePoolArgs
from mlplatform.identity import WorkloadIdentity, WorkloadIdentityArgs
from mlplatform.images import ImageFrom, Images
from mlplatform.inference import Inference, ModelSource, SecretRef
from mlplatform.keys import KeyRing, KeyRingArgs, Keys
from mlplatform.network import Network, NetworkArgs
from mlplatform.pools import GpuPool, Reservation
from mlplatform.registry import ImageRegistry, ImageRegistryArgs
from mlplatform.serving import InferenceService, InferenceServiceArgs
from mlplatform.storage import Bucket, DataBucket, DataBucketArgs
from mlplatform.vpcs import Vpc
from mlplatform.workloads import Workload

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
    "ImageFrom",
    "ImageRegistry",
    "ImageRegistryArgs",
    "Images",
    "Inference",
    "InferenceService",
    "InferenceServiceArgs",
    "KeyRing",
    "KeyRingArgs",
    "Keys",
    "ModelSource",
    "Network",
    "NetworkArgs",
    "Reservation",
    "SecretRef",
    "Vpc",
    "Workload",
    "WorkloadIdentity",
    "WorkloadIdentityArgs",
]
