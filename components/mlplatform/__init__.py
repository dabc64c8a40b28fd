"""Components for ML platforms on AWS and Kubernetes, each with its arguments and its spec."""

from mlplatform.compute.eks_cluster import EksCluster, EksClusterArgs, EksClusterSpec
from mlplatform.compute.gpu_node_pool import GpuNodePool, GpuNodePoolArgs, GpuNodePoolSpec
from mlplatform.compute.gpu_node_pool.spec import Reservation
from mlplatform.delivery.deploy_identity import DeployIdentity, DeployIdentityArgs, DeployIdentitySpec
from mlplatform.delivery.deploy_identity.spec import GithubJobs, GitlabJobs
from mlplatform.delivery.private_runner import PrivateRunner, PrivateRunnerArgs, PrivateRunnerSpec
from mlplatform.egress import EgressRule
from mlplatform.foundation.key_ring import KeyRing, KeyRingArgs, KeyRingSpec
from mlplatform.foundation.network import Network, NetworkArgs, NetworkSpec
from mlplatform.foundation.state_backend import StateBackend, StateBackendArgs, StateBackendSpec
from mlplatform.registries.image_registry import ImageRegistry, ImageRegistryArgs, ImageRegistrySpec
from mlplatform.registries.image_registry.spec import ImageFrom
from mlplatform.security.cluster_guardrails import ClusterGuardrails, ClusterGuardrailsArgs, ClusterGuardrailsSpec
from mlplatform.security.cluster_guardrails.spec import EnforcementSpec
from mlplatform.security.guarded_namespace import GuardedNamespaceSpec, NamespaceQuota
from mlplatform.security.team_workspace import TeamWorkspace, TeamWorkspaceArgs, TeamWorkspaceSpec
from mlplatform.security.team_workspace.spec import TeamServiceAccount
from mlplatform.security.workload_identity import WorkloadIdentity, WorkloadIdentityArgs, WorkloadIdentitySpec
from mlplatform.serving.inference_service import InferenceService, InferenceServiceArgs, InferenceServiceSpec
from mlplatform.serving.inference_service.spec import ModelSource, SecretRef
from mlplatform.serving.inference_service.volumes import SharedVolume
from mlplatform.storage.data_bucket import DataBucket, DataBucketArgs, DataBucketSpec
from mlplatform.storage.shared_filesystem import SharedFilesystem, SharedFilesystemArgs, SharedFilesystemSpec
from mlplatform.storage.shared_filesystem.spec import AccessPointSpec

__all__ = [
    "AccessPointSpec",
    "ClusterGuardrails",
    "ClusterGuardrailsArgs",
    "ClusterGuardrailsSpec",
    "DataBucket",
    "DataBucketArgs",
    "DataBucketSpec",
    "DeployIdentity",
    "DeployIdentityArgs",
    "DeployIdentitySpec",
    "EgressRule",
    "EksCluster",
    "EksClusterArgs",
    "EksClusterSpec",
    "EnforcementSpec",
    "GithubJobs",
    "GitlabJobs",
    "GpuNodePool",
    "GpuNodePoolArgs",
    "GpuNodePoolSpec",
    "GuardedNamespaceSpec",
    "ImageFrom",
    "ImageRegistry",
    "ImageRegistryArgs",
    "ImageRegistrySpec",
    "InferenceService",
    "InferenceServiceArgs",
    "InferenceServiceSpec",
    "KeyRing",
    "KeyRingArgs",
    "KeyRingSpec",
    "ModelSource",
    "NamespaceQuota",
    "Network",
    "NetworkArgs",
    "NetworkSpec",
    "PrivateRunner",
    "PrivateRunnerArgs",
    "PrivateRunnerSpec",
    "Reservation",
    "SecretRef",
    "SharedFilesystem",
    "SharedFilesystemArgs",
    "SharedFilesystemSpec",
    "SharedVolume",
    "StateBackend",
    "StateBackendArgs",
    "StateBackendSpec",
    "TeamServiceAccount",
    "TeamWorkspace",
    "TeamWorkspaceArgs",
    "TeamWorkspaceSpec",
    "WorkloadIdentity",
    "WorkloadIdentityArgs",
    "WorkloadIdentitySpec",
]
