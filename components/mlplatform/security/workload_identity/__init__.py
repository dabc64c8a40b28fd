"""The IAM role of a workload in the cluster."""

from mlplatform.security.workload_identity.component import WorkloadIdentity, WorkloadIdentityArgs
from mlplatform.security.workload_identity.spec import WorkloadIdentitySpec

__all__ = ["WorkloadIdentity", "WorkloadIdentityArgs", "WorkloadIdentitySpec"]
