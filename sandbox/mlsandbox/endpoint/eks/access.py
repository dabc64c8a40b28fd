"""Access entries and access policies: the Kubernetes user and permissions of IAM principals."""

import uuid

from botocore.utils import ArnParser, InvalidArnException

from awsfacts.eks_settings import ACCESS_POLICIES, CLUSTER_ADMIN, access_policy_arn
from mlsandbox.endpoint import identity
from mlsandbox.endpoint.eks.backend import AccessEntryRecord, Call, ClusterRecord, Operation, Shape, now
from mlsandbox.endpoint.eks.errors import InUse, InvalidParameter, InvalidRequest, NotFound
from mlsandbox.endpoint.validation import page

NODE_TYPES = {
    "EC2_LINUX": ("system:node:{{EC2PrivateDNSName}}", ["system:nodes"]),
    "EC2_WINDOWS": (
        "system:node:{{EC2PrivateDNSName}}",
        ["system:nodes", "eks:kube-proxy-windows"],
    ),
    "FARGATE_LINUX": ("system:node:{{SessionName}}", ["system:nodes"]),
    "HYBRID_LINUX": ("system:node:{{SessionName}}", ["system:nodes"]),
    "HYPERPOD_LINUX": ("system:node:{{SessionName}}", ["system:nodes"]),
    "EC2": ("system:node:{{EC2PrivateDNSName}}", []),
}
"""User name and groups of node access entries, which EKS sets."""

_RESERVED_USERS = ("system:", "eks:", "aws:", "amazon:", "iam:")


def create_access_entry(call: Call, request: Shape) -> Shape:
    """Give an IAM principal access to the cluster."""
    cluster = _with_entries(call.backend.cluster(request["clusterName"]).active())
    arn, kind = request["principalArn"], request.get("type", "STANDARD")
    if arn in cluster.access_entries:
        raise InUse("The specified access entry resource is already in use on this cluster.")
    if kind != "STANDARD" and kind not in NODE_TYPES:
        raise InvalidParameter(f"The type {kind} is invalid; allowed: STANDARD, {', '.join(NODE_TYPES)}")
    if kind != "STANDARD" and (request.get("kubernetesGroups") or request.get("username")):
        raise InvalidParameter(f"EKS sets the groups and the user name of an access entry of type {kind}")
    _check_principal(arn)
    _check_names(request)
    return {"accessEntry": _enter(call, cluster, request, kind).shape}


def describe_access_entry(call: Call, request: Shape) -> Shape:
    """Describe an access entry."""
    return {"accessEntry": _find(call, request).shape}


def list_access_entries(call: Call, request: Shape) -> Shape:
    """Principals with an access entry, optionally only those with a certain access policy."""
    cluster = _with_entries(call.backend.cluster(request["clusterName"]))
    policy = request.get("associatedPolicyArn")
    principals = [
        arn for arn, entry in sorted(cluster.access_entries.items()) if policy is None or policy in entry.policies
    ]
    found, token = page(principals, request)
    return {"accessEntries": found, "nextToken": token}


def update_access_entry(call: Call, request: Shape) -> Shape:
    """Change an entry's groups or user name."""
    shape = _find(call, request).shape
    if shape["type"] != "STANDARD":
        raise InvalidRequest(f"The access entry of type {shape['type']} cannot be changed")
    _check_names(request)
    if "kubernetesGroups" in request:
        shape["kubernetesGroups"] = request["kubernetesGroups"]
    if request.get("username"):
        shape["username"] = request["username"]
    shape["modifiedAt"] = now()
    return {"accessEntry": shape}


def delete_access_entry(call: Call, request: Shape) -> Shape:
    """Remove a principal's access."""
    _find(call, request)
    del call.backend.cluster(request["clusterName"]).access_entries[request["principalArn"]]
    return {}


def associate_access_policy(call: Call, request: Shape) -> Shape:
    """Grant a principal the permissions of an access policy, in the whole cluster or in some namespaces."""
    entry = _find(call, request)
    if entry.shape["type"] != "STANDARD":
        raise InvalidRequest(f"Access policies cannot be associated with an entry of type {entry.shape['type']}")
    arn, scope = request["policyArn"], request["accessScope"]
    known = {access_policy_arn(call.backend.partition, name) for name in ACCESS_POLICIES}
    if arn not in known:
        raise InvalidParameter(f"The policyArn parameter is not valid: {arn}; allowed: {', '.join(sorted(known))}")
    kind, namespaces = scope.get("type", "cluster"), scope.get("namespaces", [])
    if kind == "namespace" and not namespaces:
        raise InvalidParameter("Namespaces must be specified for an access scope of type namespace")
    if kind == "cluster" and namespaces:
        raise InvalidParameter("Namespaces cannot be specified for an access scope of type cluster")
    before = entry.policies.get(arn)
    entry.policies[arn] = {
        "policyArn": arn,
        "accessScope": {"type": kind, "namespaces": namespaces},
        "associatedAt": before["associatedAt"] if before else now(),
        "modifiedAt": now(),
    }
    return {
        "clusterName": request["clusterName"],
        "principalArn": request["principalArn"],
        "associatedAccessPolicy": entry.policies[arn],
    }


def disassociate_access_policy(call: Call, request: Shape) -> Shape:
    """Revoke the permissions of an access policy from a principal."""
    entry = _find(call, request)
    if entry.policies.pop(request["policyArn"], None) is None:
        raise NotFound("The specified access policy is not associated with the access entry.")
    return {}


def list_associated_access_policies(call: Call, request: Shape) -> Shape:
    """The access policies that are associated with a principal."""
    policies, token = page(list(_find(call, request).policies.values()), request)
    return {
        "clusterName": request["clusterName"],
        "principalArn": request["principalArn"],
        "associatedAccessPolicies": policies,
        "nextToken": token,
    }


def list_access_policies(call: Call, request: Shape) -> Shape:
    """All access policies of EKS."""
    policies = [{"name": name, "arn": access_policy_arn(call.backend.partition, name)} for name in ACCESS_POLICIES]
    found, token = page(policies, request)
    return {"accessPolicies": found, "nextToken": token}


OPERATIONS: dict[str, Operation] = {
    "CreateAccessEntry": create_access_entry,
    "DescribeAccessEntry": describe_access_entry,
    "ListAccessEntries": list_access_entries,
    "UpdateAccessEntry": update_access_entry,
    "DeleteAccessEntry": delete_access_entry,
    "AssociateAccessPolicy": associate_access_policy,
    "DisassociateAccessPolicy": disassociate_access_policy,
    "ListAssociatedAccessPolicies": list_associated_access_policies,
    "ListAccessPolicies": list_access_policies,
}


def has_entries(cluster: ClusterRecord) -> bool:
    """Whether the cluster's authentication mode supports access entries."""
    return bool(cluster.shape["accessConfig"]["authenticationMode"] != "CONFIG_MAP")


def bootstrap(call: Call, cluster: ClusterRecord) -> None:
    """Create the entries that EKS creates automatically: for the cluster's creator and the node groups' roles."""
    if not has_entries(cluster):
        return
    if cluster.creator_arn and cluster.creator_arn not in cluster.access_entries:
        entry = _enter(call, cluster, {"principalArn": cluster.creator_arn}, "STANDARD")
        arn = access_policy_arn(call.backend.partition, CLUSTER_ADMIN)
        entry.policies[arn] = {
            "policyArn": arn,
            "accessScope": {"type": "cluster", "namespaces": []},
            "associatedAt": now(),
            "modifiedAt": now(),
        }
        # From now on the entry applies; if it is deleted, the creator loses access.
        cluster.creator_arn = None
    for nodegroup in cluster.nodegroups.values():
        admit_node_role(call, cluster, nodegroup.shape["nodeRole"])


def admit_node_role(call: Call, cluster: ClusterRecord, role_arn: str) -> None:
    """Give the nodes of a managed node group access."""
    if has_entries(cluster) and role_arn not in cluster.access_entries:
        _enter(call, cluster, {"principalArn": role_arn}, "EC2_LINUX")


def dismiss_node_role(cluster: ClusterRecord, role_arn: str) -> None:
    """Remove the access of a node role after its last managed node group is deleted."""
    entry = cluster.access_entries.get(role_arn)
    if entry is not None and entry.shape["type"] == "EC2_LINUX":
        del cluster.access_entries[role_arn]


def _enter(call: Call, cluster: ClusterRecord, request: Shape, kind: str) -> AccessEntryRecord:
    arn = request["principalArn"]
    parts = ArnParser().parse_arn(arn)
    principal = "/".join((parts["resource"].split("/")[0], parts["account"], parts["resource"].split("/")[-1]))
    username, groups = NODE_TYPES.get(
        kind, (request.get("username") or _username(arn), request.get("kubernetesGroups", []))
    )
    entry = AccessEntryRecord(
        {
            "clusterName": cluster.name,
            "principalArn": arn,
            "kubernetesGroups": list(groups),
            "accessEntryArn": call.backend.arn(f"access-entry/{cluster.name}/{principal}/{uuid.uuid4()}"),
            "createdAt": now(),
            "modifiedAt": now(),
            "tags": request.get("tags", {}),
            "username": username,
            "type": kind,
        }
    )
    cluster.access_entries[arn] = entry
    return entry


def _username(principal_arn: str) -> str:
    parts = ArnParser().parse_arn(principal_arn)
    kind, _, name = parts["resource"].partition("/")
    if kind != "role":
        return principal_arn
    role = name.rsplit("/", 1)[-1]
    return f"arn:{parts['partition']}:sts::{parts['account']}:assumed-role/{role}/{{{{SessionName}}}}"


def _with_entries(cluster: ClusterRecord) -> ClusterRecord:
    if not has_entries(cluster):
        raise InvalidRequest(
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this "
            "operation."
        )
    return cluster


def _find(call: Call, request: Shape) -> AccessEntryRecord:
    cluster = _with_entries(call.backend.cluster(request["clusterName"]))
    arn = request["principalArn"]
    if arn not in cluster.access_entries:
        raise NotFound(f"The specified principalArn could not be found: {arn}")
    return cluster.access_entries[arn]


def _check_principal(arn: str) -> None:
    try:
        parts = ArnParser().parse_arn(arn)
    except InvalidArnException:
        parts = {"service": "", "resource": ""}
    if parts["service"] != "iam" or parts["resource"].split("/")[0] not in ("role", "user"):
        raise InvalidParameter(f"The specified principalArn is invalid: {arn} is not the ARN of an IAM role or user.")
    if not identity.principal_exists(arn):
        raise InvalidParameter(f"The specified principalArn is invalid: invalid principal. {arn} does not exist.")


def _check_names(request: Shape) -> None:
    for group in request.get("kubernetesGroups", ()):
        if group.startswith(_RESERVED_USERS):
            raise InvalidParameter(f"The kubernetes group name {group} is invalid: its prefix is reserved")
    username = request.get("username") or ""
    if username.startswith(_RESERVED_USERS):
        raise InvalidParameter(f"The username {username} is invalid: its prefix is reserved")
