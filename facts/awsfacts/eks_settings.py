"""Values that EKS accepts for a cluster: its control plane logs and its access policies."""

from enum import Enum
from typing import Final


# https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
class ControlPlaneLog(Enum):
    """A log of the control plane."""

    API = "api"
    AUDIT = "audit"
    AUTHENTICATOR = "authenticator"
    CONTROLLER_MANAGER = "controllerManager"
    SCHEDULER = "scheduler"


CONTROL_PLANE_LOGS: Final = tuple(log.value for log in ControlPlaneLog)
"""The names of all control plane logs, in the order in which EKS returns them."""

CLUSTER_ADMIN: Final = "AmazonEKSClusterAdminPolicy"
ADMIN: Final = "AmazonEKSAdminPolicy"
EDIT: Final = "AmazonEKSEditPolicy"
VIEW: Final = "AmazonEKSViewPolicy"

ACCESS_POLICIES: Final = {
    CLUSTER_ADMIN: "cluster-admin",
    ADMIN: "admin",
    EDIT: "edit",
    VIEW: "view",
    "AmazonEKSAdminViewPolicy": "eks:admin-view",
}
"""Access policies by name, with the Kubernetes ClusterRole that grants the same permissions.
https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html"""


def access_policy_arn(partition: str, name: str) -> str:
    """ARN of an access policy. It names neither an account nor a region."""
    return f"arn:{partition}:eks::aws:cluster-access-policy/{name}"
