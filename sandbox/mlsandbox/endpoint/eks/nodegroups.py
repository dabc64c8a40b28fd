"""Managed node groups: EKS's operations and the instances of each group."""

import json
import uuid
from dataclasses import replace

from mlsandbox.endpoint import identity, public_images
from mlsandbox.endpoint.eks import access, health, launch, network, rollout, vcpu_quota
from mlsandbox.endpoint.eks.backend import Call, ClusterRecord, EksBackend, NodegroupRecord, Operation, Shape, now
from mlsandbox.endpoint.eks.errors import InUse, InvalidParameter
from mlsandbox.endpoint.eks.instances import LaunchError, scale
from mlsandbox.endpoint.eks.nodegroup_settings import (
    changed_taints,
    check_instance_types,
    check_labels,
    check_no_way_back,
    check_taints,
    check_version,
    default_ami_type,
    release_of,
    sized,
    types_of,
    update_config_of,
)
from mlsandbox.endpoint.validation import page


def create_nodegroup(call: Call, request: Shape) -> Shape:
    """Create a node group. It is CREATING until its nodes are ready in the control plane."""
    cluster = call.backend.cluster(request["clusterName"]).active()
    name = request["nodegroupName"]
    if name in cluster.nodegroups:
        raise InUse(f"NodeGroup already exists with name {name} and cluster name {cluster.name}")
    subnets = network.find_subnets(call.backend, request["subnets"])
    if any(subnet.vpc_id != cluster.shape["resourcesVpcConfig"]["vpcId"] for subnet in subnets):
        raise InvalidParameter("Subnets are not in the VPC of the cluster")
    if not identity.trusts(request["nodeRole"], "ec2.amazonaws.com"):
        raise InvalidParameter(
            "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships of "
            f"nodeRole {request['nodeRole']}"
        )
    check_labels(request.get("labels") or {})
    start = launch.find(call.backend, request["launchTemplate"]) if "launchTemplate" in request else None
    members = _launch_members(request, start)
    version: str = request.get("version") or cluster.shape["version"]
    check_version(version, cluster.shape["version"])
    if start is not None and start.image_id:
        launch.check_image(call.backend, start)
        members |= _of_image(call, cluster, start)
    else:
        members["releaseVersion"] = release_of(members["amiType"], version, request.get("releaseVersion"))
    unique = str(uuid.uuid4())
    shape: Shape = {
        "nodegroupName": name,
        "nodegroupArn": call.backend.arn(f"nodegroup/{cluster.name}/{name}/{unique}"),
        "clusterName": cluster.name,
        "version": version,
        "createdAt": now(),
        "modifiedAt": now(),
        "status": "CREATING",
        "capacityType": request.get("capacityType", "ON_DEMAND"),
        "scalingConfig": sized({"minSize": 1, "maxSize": 2, "desiredSize": 2}, request.get("scalingConfig", {})),
        "subnets": request["subnets"],
        "nodeRole": request["nodeRole"],
        "labels": request.get("labels") or None,
        "taints": check_taints(request.get("taints", [])) or None,
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{unique}"}]},
        "health": {"issues": []},
        "updateConfig": update_config_of(request.get("updateConfig")),
        "nodeRepairConfig": {"enabled": False, **request.get("nodeRepairConfig", {})},
        "warmPoolConfig": request.get("warmPoolConfig"),
        "remoteAccess": request.get("remoteAccess"),
        "tags": request.get("tags", {}),
        **members,
    }
    disk_gib = shape.get("diskSize") or (start.disk_gib if start else launch.DEFAULT_DISK_GIB)
    record = NodegroupRecord(shape, types_of(shape.get("instanceTypes"), start)[0], disk_gib)
    _place(call, cluster, record)
    cluster.nodegroups[name] = record
    access.admit_node_role(call, cluster, request["nodeRole"])
    if reason := launch.why_not_joining(cluster, call.backend.region_name, start):
        record.instances.clear()
        answer = {"nodegroup": {**shape}}
        shape |= {"status": "CREATE_FAILED", "health": {"issues": [_not_joined(name, reason)]}}
        return answer
    _settle(call, record)
    if record.launch_issue is not None:
        return health.failed(call.backend, "nodegroup", shape, record.launch_issue)
    return {"nodegroup": shape}


def describe_nodegroup(call: Call, request: Shape) -> Shape:
    """Describe a node group."""
    return {"nodegroup": call.backend.cluster(request["clusterName"]).nodegroup(request["nodegroupName"]).shape}


def list_nodegroups(call: Call, request: Shape) -> Shape:
    """Names of the cluster's node groups."""
    names, token = page(sorted(call.backend.cluster(request["clusterName"]).nodegroups), request)
    return {"nodegroups": names, "nextToken": token}


def delete_nodegroup(call: Call, request: Shape) -> Shape:
    """Delete a node group. It is DELETING until its nodes are deleted from the control plane."""
    cluster = call.backend.cluster(request["clusterName"])
    record = cluster.nodegroup(request["nodegroupName"])
    record.shape |= {"status": "DELETING", "modifiedAt": now()}
    record.instances.clear()
    if not call.control_plane.serves:
        forget(cluster, record)
    return {"nodegroup": record.shape}


def forget(cluster: ClusterRecord, record: NodegroupRecord) -> None:
    """Remove the node group from the state, and its role's access if it was the last group with this role."""
    del cluster.nodegroups[record.shape["nodegroupName"]]
    role = record.shape["nodeRole"]
    if all(other.shape["nodeRole"] != role for other in cluster.nodegroups.values()):
        access.dismiss_node_role(cluster, role)


def update_nodegroup_config(call: Call, request: Shape) -> Shape:
    """Change the size, labels, taints or update settings. The group is UPDATING until its nodes match."""
    cluster = call.backend.cluster(request["clusterName"]).active()
    record = _changeable(cluster, request["nodegroupName"])
    shape = record.shape
    params: dict[str, str] = {}
    # Validate everything before changing anything.
    scaling = sized(shape["scalingConfig"], request.get("scalingConfig", {}))
    check_labels(request.get("labels", {}).get("addOrUpdateLabels") or {})
    taints = changed_taints(shape.get("taints") or [], request.get("taints", {}))
    update_config = update_config_of(request.get("updateConfig"), shape["updateConfig"])
    for param, member in (("MinSize", "minSize"), ("MaxSize", "maxSize"), ("DesiredSize", "desiredSize")):
        if member in request.get("scalingConfig", {}):
            params[param] = str(scaling[member])
    if labels := request.get("labels"):
        added, removed = labels.get("addOrUpdateLabels", {}), labels.get("removeLabels", [])
        params |= {"LabelsToAdd": json.dumps(added)} if added else {}
        params |= {"LabelsToRemove": json.dumps(removed)} if removed else {}
        kept = {key: value for key, value in (shape.get("labels") or {}).items() if key not in removed}
        record.retired_labels = (record.retired_labels | set(removed)) - added.keys()
        shape["labels"] = {**kept, **added} or None
    if change := request.get("taints"):
        for param, member in (("TaintsToAdd", "addOrUpdateTaints"), ("TaintsToRemove", "removeTaints")):
            params |= {param: json.dumps(change[member])} if change.get(member) else {}
        shape["taints"] = taints or None
    if "updateConfig" in request:
        params |= {key[0].upper() + key[1:]: str(value) for key, value in request["updateConfig"].items()}
    if "nodeRepairConfig" in request:
        params["NodeRepairConfig"] = json.dumps(request["nodeRepairConfig"])
        shape["nodeRepairConfig"] = request["nodeRepairConfig"]
    if "warmPoolConfig" in request:
        params["WarmPoolEnabled"] = json.dumps(request["warmPoolConfig"].get("enabled", False))
        shape["warmPoolConfig"] = request["warmPoolConfig"]
    if not params:
        raise InvalidParameter("No changes requested in update request")
    shape |= {"scalingConfig": scaling, "updateConfig": update_config, "modifiedAt": now(), "status": "UPDATING"}
    record.revision += 1
    _place(call, cluster, record)
    return {"update": _begin(call, cluster, record, "ConfigUpdate", params)}


def update_nodegroup_version(call: Call, request: Shape) -> Shape:
    """Replace the nodes by ones with another Kubernetes, release or launch template version."""
    cluster = call.backend.cluster(request["clusterName"]).active()
    record = _changeable(cluster, request["nodegroupName"])
    shape, before = record.shape, rollout.before(record)
    start = _launch_of(call, shape, request)
    if shape["amiType"] == "CUSTOM":
        if start is None or not start.image_id:
            raise InvalidParameter("A node group with a custom AMI requires a launch template that specifies an image.")
        if "version" in request or "releaseVersion" in request:
            raise InvalidParameter(
                "You cannot specify version or releaseVersion when the launch template specifies an image."
            )
        launch.check_image(call.backend, start)
        members = _of_image(call, cluster, start)
    else:
        if start is not None and start.image_id:
            raise InvalidParameter(
                "You cannot specify an image id within the launch template, since your nodegroup is configured to use "
                "an EKS recommended AMI."
            )
        # By default, an update with a new launch template version keeps the Kubernetes version, and any other update
        # changes it to the cluster's. Both use the latest image by default.
        default = shape["version"] if "launchTemplate" in request else cluster.shape["version"]
        version: str = request.get("version") or default
        check_version(version, cluster.shape["version"])
        release = release_of(shape["amiType"], version, request.get("releaseVersion"))
        check_no_way_back(shape, version, release)
        members = {"version": version, "releaseVersion": release}
    params = {"Version": members["version"], "ReleaseVersion": members["releaseVersion"]}
    if start is not None:
        params |= {"LaunchTemplateName": start.template["name"], "LaunchTemplateVersion": start.template["version"]}
        if reason := launch.why_not_joining(cluster, call.backend.region_name, start):
            return {"update": _failed(cluster, shape["nodegroupName"], params, reason)}
        types = types_of(shape.get("instanceTypes"), start)
        check_instance_types(types, shape["amiType"])
        shape["launchTemplate"] = start.template
        record.instance_type, record.disk_gib = types[0], start.disk_gib
    shape |= {**members, "modifiedAt": now(), "status": "UPDATING"}
    update = _begin(call, cluster, record, "VersionUpdate", params)
    if call.control_plane.serves:
        record.rollout = replace(before, update_id=update["id"], force=request.get("force", False))
    else:
        record.instances.clear()
        _place(call, cluster, record)
    return {"update": update}


OPERATIONS: dict[str, Operation] = {
    "CreateNodegroup": create_nodegroup,
    "DescribeNodegroup": describe_nodegroup,
    "ListNodegroups": list_nodegroups,
    "DeleteNodegroup": delete_nodegroup,
    "UpdateNodegroupConfig": update_nodegroup_config,
    "UpdateNodegroupVersion": update_nodegroup_version,
}


def settled(cluster: ClusterRecord, record: NodegroupRecord) -> None:
    """Mark the group as ACTIVE and its updates as completed, because its nodes match its settings."""
    rest(record)
    record.rollout = None
    for update in cluster.updates.values():
        if update.nodegroup == record.shape["nodegroupName"] and update.shape["status"] == "InProgress":
            update.shape["status"] = "Successful"


def _settle(call: Call, record: NodegroupRecord) -> None:
    if not call.control_plane.serves:
        rest(record)


def rest(record: NodegroupRecord) -> None:
    """Set the status of a group without changes in progress: ACTIVE, or DEGRADED if EC2 cannot launch instances."""
    issues = [record.launch_issue] if record.launch_issue else []
    record.shape |= {"status": "DEGRADED" if issues else "ACTIVE", "health": {"issues": issues}}


def _begin(call: Call, cluster: ClusterRecord, record: NodegroupRecord, kind: str, params: dict[str, str]) -> Shape:
    update = cluster.record_update(kind, params, nodegroup=record.shape["nodegroupName"])
    if call.control_plane.serves:
        update["status"] = "InProgress"
    _settle(call, record)
    return update


def _changeable(cluster: ClusterRecord, name: str) -> NodegroupRecord:
    record = cluster.nodegroup(name)
    if record.shape["status"] not in ("ACTIVE", "DEGRADED"):
        raise InUse(f"Nodegroup cannot be updated as it is currently not in Active State: {record.shape['status']}")
    return record


def _place(call: Call, cluster: ClusterRecord, record: NodegroupRecord) -> None:
    """Scale the group to its desired size."""
    place(call.backend, cluster, record, record.shape["scalingConfig"]["desiredSize"])


def place(backend: EksBackend, cluster: ClusterRecord, record: NodegroupRecord, size: int) -> None:
    """Scale the group to `size`. If EC2 cannot launch instances, it keeps its instances and gets a health issue."""
    shape = record.shape
    taken = {instance.private_ip for other in cluster.nodegroups.values() for instance in other.instances}
    try:
        vcpu_quota.check_launch(backend, record, size)
        record.instances = scale(
            record.instances,
            size,
            record.instance_type,
            network.places(backend, shape["subnets"]),
            taken,
            record.revision,
            rollout.launch_key(record),
        )
    except LaunchError as refused:
        record.launch_issue = health.issue("nodegroup", shape, refused.code, refused.message)
    else:
        record.launch_issue = None


def _launch_of(call: Call, shape: Shape, request: Shape) -> launch.Launch | None:
    """The launch template version in an update request. Raises `InvalidParameter` for another template."""
    if "launchTemplate" not in request:
        return None
    current = shape.get("launchTemplate")
    if current is None:
        raise InvalidParameter("You cannot add a launch template to a node group that was created without one.")
    start = launch.find(call.backend, request["launchTemplate"])
    if start.template["id"] != current["id"]:
        raise InvalidParameter(f"The node group uses the launch template {current['id']}, which cannot be changed.")
    return start


def _of_image(call: Call, cluster: ClusterRecord, start: launch.Launch) -> Shape:
    """The node group members that depend on the launch template's image."""
    image = public_images.find(call.backend.region_name, str(start.image_id))
    return {"version": image.kubernetes if image else cluster.shape["version"], "releaseVersion": start.image_id}


def _not_joined(name: str, reason: str) -> Shape:
    message = f"Instances failed to join the kubernetes cluster: {reason}"
    return {"code": "NodeCreationFailure", "message": message, "resourceIds": [name]}


def _failed(cluster: ClusterRecord, name: str, params: dict[str, str], reason: str) -> Shape:
    """Record an update that failed because the new nodes do not join; the group does not change."""
    update = cluster.record_update("VersionUpdate", params, nodegroup=name)
    issue = _not_joined(name, reason)
    update |= {
        "status": "Failed",
        "errors": [{"errorCode": issue["code"], "errorMessage": issue["message"], "resourceIds": issue["resourceIds"]}],
    }
    return update


def _launch_members(request: Shape, start: launch.Launch | None) -> Shape:
    """The node group members that depend on its launch template and instance types."""
    if start is not None and "diskSize" in request:
        raise InvalidParameter("Disk size must be specified within the launch template.")
    if start is not None and "remoteAccess" in request:
        raise InvalidParameter("Remote access configuration cannot be specified with a launch template.")
    if start is not None and start.instance_type and request.get("instanceTypes"):
        raise InvalidParameter(
            "Cannot specify instance types in launch template and API request, please specify them in one of the two"
        )
    types = types_of(request.get("instanceTypes"), start)
    if start is not None and start.image_id:
        if request.get("amiType", "CUSTOM") != "CUSTOM" or "version" in request or "releaseVersion" in request:
            raise InvalidParameter(
                "You cannot specify amiType, version or releaseVersion when the launch template specifies an image."
            )
        ami_type = "CUSTOM"
    else:
        ami_type = request.get("amiType") or default_ami_type(types[0])
        if ami_type == "CUSTOM":
            raise InvalidParameter("amiType CUSTOM requires a launch template that specifies an image.")
    check_instance_types(types, ami_type)
    members: Shape = {"amiType": ami_type, "launchTemplate": start.template if start else None}
    if start is None or not start.instance_type:
        members["instanceTypes"] = types
    if start is None:
        members["diskSize"] = request.get("diskSize", launch.DEFAULT_DISK_GIB)
    return members
