"""The Kubernetes groups of EKS access policies, which the token webhook returns and role bindings name.

A principal with a policy in cluster scope is in the group `eks-access-policy:<policy>`. A principal with a policy in
namespace scope is in `eks-access-policy:<policy>:<namespace>`, which has a role binding in that namespace.
"""

from mlsandbox.endpoint.eks.backend import AccessEntryRecord


def group(policy: str, namespace: str | None = None) -> str:
    """The Kubernetes group of the principals with an access policy."""
    return f"eks-access-policy:{policy}:{namespace}" if namespace else f"eks-access-policy:{policy}"


def groups(entry: AccessEntryRecord) -> list[str]:
    """The Kubernetes groups for the policies of an access entry."""
    found: list[str] = []
    for arn, association in entry.policies.items():
        policy, scope = arn.rsplit("/", 1)[-1], association["accessScope"]
        found += [group(policy)] if scope["type"] == "cluster" else [group(policy, one) for one in scope["namespaces"]]
    return found
