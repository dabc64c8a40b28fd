"""EKS Pod Identity: associations of IAM roles with service accounts. Pods in the sandbox never use them."""

from mlsandbox.endpoint import identity
from mlsandbox.endpoint.eks.backend import Call, ClusterRecord, Operation, Shape, now, random_id
from mlsandbox.endpoint.eks.errors import InUse, InvalidParameter, NotFound
from mlsandbox.endpoint.validation import page


def create_pod_identity_association(call: Call, request: Shape) -> Shape:
    """Associate a role with a service account."""
    cluster = call.backend.cluster(request["clusterName"]).active()
    return {"association": associate(call, cluster, request)}


def associate(call: Call, cluster: ClusterRecord, request: Shape, owner: str | None = None) -> Shape:
    """Create an association. `owner` is the ARN of the add-on that it belongs to."""
    for existing in cluster.pod_identities.values():
        if all(existing[member] == request[member] for member in ("namespace", "serviceAccount")):
            raise InUse(f"Association already exists: {existing['associationId']}")
    _check_role(request["roleArn"])
    id = f"a-{random_id(17)}"
    shape: Shape = {
        "clusterName": cluster.name,
        "namespace": request["namespace"],
        "serviceAccount": request["serviceAccount"],
        "roleArn": request["roleArn"],
        "associationArn": call.backend.arn(f"podidentityassociation/{cluster.name}/{id}"),
        "associationId": id,
        "tags": request.get("tags", {}),
        "createdAt": now(),
        "modifiedAt": now(),
        "ownerArn": owner,
        "disableSessionTags": request.get("disableSessionTags", False),
        "targetRoleArn": request.get("targetRoleArn"),
        "policy": request.get("policy"),
    }
    _give_external_id(call, shape)
    cluster.pod_identities[id] = shape
    return shape


def describe_pod_identity_association(call: Call, request: Shape) -> Shape:
    """Describe an association."""
    return {"association": _find(call, request)}


def list_pod_identity_associations(call: Call, request: Shape) -> Shape:
    """The cluster's associations, optionally only those of a namespace or service account."""
    members = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")
    summaries = [
        {member: shape[member] for member in members}
        for shape in call.backend.cluster(request["clusterName"]).pod_identities.values()
        if all(request.get(member, shape[member]) == shape[member] for member in ("namespace", "serviceAccount"))
    ]
    found, token = page(summaries, request)
    return {"associations": found, "nextToken": token}


def update_pod_identity_association(call: Call, request: Shape) -> Shape:
    """Change an association's role or session policy."""
    shape = _find(call, request)
    _check_owner(shape)
    if "roleArn" in request:
        _check_role(request["roleArn"])
    for member in ("roleArn", "disableSessionTags", "targetRoleArn", "policy"):
        if member in request:
            # In AWS, an empty string removes the target role or the policy.
            shape[member] = request[member] if request[member] != "" else None
    _give_external_id(call, shape)
    shape["modifiedAt"] = now()
    return {"association": shape}


def delete_pod_identity_association(call: Call, request: Shape) -> Shape:
    """Delete an association."""
    shape = _find(call, request)
    _check_owner(shape)
    del call.backend.cluster(request["clusterName"]).pod_identities[shape["associationId"]]
    return {"association": shape}


OPERATIONS: dict[str, Operation] = {
    "CreatePodIdentityAssociation": create_pod_identity_association,
    "DescribePodIdentityAssociation": describe_pod_identity_association,
    "ListPodIdentityAssociations": list_pod_identity_associations,
    "UpdatePodIdentityAssociation": update_pod_identity_association,
    "DeletePodIdentityAssociation": delete_pod_identity_association,
}


def _find(call: Call, request: Shape) -> Shape:
    cluster, id = call.backend.cluster(request["clusterName"]), request["associationId"]
    if id not in cluster.pod_identities:
        raise NotFound(f"No association found for ID: {id}.")
    return cluster.pod_identities[id]


def _check_role(arn: str) -> None:
    if not identity.principal_exists(arn):
        raise InvalidParameter(f"Role {arn} does not exist")
    if not identity.trusts(arn, "pods.eks.amazonaws.com"):
        raise InvalidParameter(f"Trust policy of role {arn} does not allow pods.eks.amazonaws.com to assume it")


def _check_owner(shape: Shape) -> None:
    if shape["ownerArn"]:
        raise InvalidParameter(
            f"Association {shape['associationId']} is owned by {shape['ownerArn']}; change it through the add-on"
        )


def _give_external_id(call: Call, shape: Shape) -> None:
    if shape["targetRoleArn"] and not shape.get("externalId"):
        backend = call.backend
        where = f"{backend.region_name}/{backend.account_id}/{shape['clusterName']}"
        shape["externalId"] = f"{where}/{shape['namespace']}/{shape['serviceAccount']}"
