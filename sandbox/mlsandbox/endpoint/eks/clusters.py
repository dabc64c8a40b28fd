"""EKS clusters: at most one per sandbox, because a sandbox has one control plane."""

from datetime import UTC, datetime, time

from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends
from moto.logs.models import logs_backends

from awsfacts import eks_versions
from mlsandbox.endpoint import identity
from mlsandbox.endpoint.eks import access, network
from mlsandbox.endpoint.eks.backend import Call, ClusterRecord, Operation, Shape, all_clusters, now, random_id
from mlsandbox.endpoint.eks.catalog import (
    DEFAULT_KUBERNETES_VERSION,
    KUBERNETES_VERSIONS,
    MOST_MINORS_BEHIND,
    PLATFORM_VERSION,
)
from mlsandbox.endpoint.eks.cluster_settings import (
    as_json,
    check_endpoint,
    check_version,
    merged_logging,
    network_config,
)
from mlsandbox.endpoint.eks.encryption import check_key
from mlsandbox.endpoint.eks.errors import InUse, InvalidParameter, InvalidRequest, LimitExceeded, UnrecognizedClient
from mlsandbox.endpoint.eks.nodegroup_settings import minors_behind
from mlsandbox.endpoint.validation import page

_MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
"""Authentication modes, in the only order in which a cluster can change them."""


def create_cluster(call: Call, request: Shape) -> Shape:
    """Create a cluster. It is CREATING until the control plane responds."""
    name, backend = request["name"], call.backend
    if name in backend.clusters:
        raise InUse(f"Cluster already exists with name: {name}")
    for other_backend, other in all_clusters():
        if other.shape["status"] == "FAILED":
            # It does not use the control plane.
            continue
        raise LimitExceeded(
            f"The sandbox has one control plane and supports one EKS cluster at a time: delete the cluster "
            f"'{other.name}' in {other_backend.region_name} first."
        )
    caller = identity.find(call.access_key)
    if caller is None:
        raise UnrecognizedClient("The security token included in the request is invalid.")
    version = request.get("version", DEFAULT_KUBERNETES_VERSION)
    check_version(version)
    if not identity.trusts(request["roleArn"], "eks.amazonaws.com"):
        raise InvalidParameter(
            f"Role with arn: {request['roleArn']}, could not be assumed because it does not exist or the trusted "
            "entity is not correct"
        )
    for config in request.get("encryptionConfig", ()):
        check_key(call, config)
    access_config = {
        "authenticationMode": "CONFIG_MAP",
        "bootstrapClusterCreatorAdminPermissions": True,
        **request.get("accessConfig", {}),
    }
    if (
        access_config["authenticationMode"] == "CONFIG_MAP"
        and not access_config["bootstrapClusterCreatorAdminPermissions"]
    ):
        raise InvalidParameter(
            "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP"
        )
    shape: Shape = {
        "name": name,
        "arn": backend.arn(f"cluster/{name}"),
        "createdAt": now(),
        "version": version,
        "roleArn": request["roleArn"],
        "resourcesVpcConfig": _vpc_config(call, request),
        "kubernetesNetworkConfig": network_config(request.get("kubernetesNetworkConfig", {})),
        "logging": merged_logging({}, request.get("logging", {})),
        "identity": {
            "oidc": {
                "issuer": f"https://oidc.eks.{backend.region_name}.amazonaws.com/id/{random_id(32, '0123456789ABCDEF')}"
            }
        },
        "status": "CREATING",
        "clientRequestToken": request.get("clientRequestToken"),
        "platformVersion": PLATFORM_VERSION,
        "tags": request.get("tags", {}),
        "encryptionConfig": request.get("encryptionConfig"),
        "health": {"issues": []},
        "accessConfig": access_config,
        "upgradePolicy": {"supportType": "EXTENDED", **request.get("upgradePolicy", {})},
        "deletionProtection": request.get("deletionProtection", False),
        "controlPlaneScalingConfig": {"tier": "standard", **request.get("controlPlaneScalingConfig", {})},
        **{member: request[member] for member in _AS_GIVEN if member in request},
    }
    record = backend.clusters[name] = ClusterRecord(shape)
    if access_config["bootstrapClusterCreatorAdminPermissions"]:
        record.creator_arn = caller.principal_arn
    access.bootstrap(call, record)
    _ensure_log_group(call, record)
    if not call.control_plane.serves:
        activate(call, record)
    return {"cluster": shape}


# A cluster must not return a default for zonalShiftConfig: it is not a computed property in Terraform's provider, which
# would otherwise find a change in every plan.
_AS_GIVEN = (
    "zonalShiftConfig",
    "computeConfig",
    "storageConfig",
    "remoteNetworkConfig",
    "kubeApiServerConfig",
    "kubeSchedulerConfig",
    "kubeControllerManagerConfig",
)


def activate(call: Call, record: ClusterRecord) -> None:
    """Mark the cluster as ACTIVE, because the control plane responds."""
    record.shape |= {
        "status": "ACTIVE",
        "endpoint": call.control_plane.endpoint,
        "certificateAuthority": {"data": call.control_plane.certificate_authority},
    }


def describe_cluster(call: Call, request: Shape) -> Shape:
    """Describe a cluster."""
    return {"cluster": call.backend.cluster(request["name"]).shape}


def list_clusters(call: Call, request: Shape) -> Shape:
    """Names of the clusters."""
    names, token = page(sorted(call.backend.clusters), request)
    return {"clusters": names, "nextToken": token}


def delete_cluster(call: Call, request: Shape) -> Shape:
    """Delete a cluster with its add-ons, access entries and associations. It is DELETING until no node is left."""
    record = call.backend.cluster(request["name"])
    if record.nodegroups:
        raise InUse("Cluster has nodegroups attached")
    if record.shape["deletionProtection"]:
        raise InvalidRequest(f"Cluster '{record.name}' has deletion protection enabled and cannot be deleted.")
    failed = record.shape["status"] == "FAILED"
    record.shape["status"] = "DELETING"
    if failed or not call.control_plane.serves:
        forget(call, record)
    return {"cluster": record.shape}


def forget(call: Call, record: ClusterRecord) -> None:
    """Remove the cluster from the state, with the security group that EKS created for it."""
    backend = call.backend
    del backend.clusters[record.name]
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    try:
        ec2.delete_security_group(group_id=record.shape["resourcesVpcConfig"]["clusterSecurityGroupId"])
    except ServiceException:
        # As on AWS, a security group that is still in use is retained.
        return


def update_cluster_config(call: Call, request: Shape) -> Shape:
    """Change one setting of the cluster; AWS rejects several at once."""
    record = call.backend.cluster(request["name"]).active()
    asked = [member for member in request if member not in ("name", "clientRequestToken")]
    if len(asked) != 1:
        raise InvalidParameter("Only one type of update can be allowed." if asked else "No update was provided.")
    (member,) = asked
    value = request[member]
    if member == "resourcesVpcConfig":
        return {"update": _update_vpc_config(call, record, value)}
    if member == "logging":
        logging = merged_logging(record.shape["logging"], value)
        if logging == record.shape["logging"]:
            raise InvalidParameter("No changes needed for the logging config provided")
        record.shape["logging"] = logging
        _ensure_log_group(call, record)
        return {"update": record.record_update("LoggingUpdate", {"ClusterLogging": as_json(value)})}
    if member == "accessConfig":
        return {"update": _update_access(call, record, value)}
    kind, param = _UPDATES[member]
    old = record.shape.get(member)
    record.shape[member] = {**old, **value} if isinstance(old, dict) else value
    return {"update": record.record_update(kind, {param: as_json(value)})}


_UPDATES = {
    "upgradePolicy": ("UpgradePolicyUpdate", "UpgradePolicy"),
    "zonalShiftConfig": ("ZonalShiftConfigUpdate", "ZonalShiftConfig"),
    "computeConfig": ("AutoModeUpdate", "ComputeConfig"),
    "storageConfig": ("AutoModeUpdate", "StorageConfig"),
    "kubernetesNetworkConfig": ("AutoModeUpdate", "KubernetesNetworkConfig"),
    "remoteNetworkConfig": ("RemoteNetworkConfigUpdate", "RemoteNetworkConfig"),
    "deletionProtection": ("DeletionProtectionUpdate", "DeletionProtection"),
    "controlPlaneScalingConfig": ("ControlPlaneScalingConfigUpdate", "UpdatedTier"),
    "kubeApiServerConfig": ("ControlPlaneComponentConfigUpdate", "KubeApiServerConfig"),
    "kubeSchedulerConfig": ("ControlPlaneComponentConfigUpdate", "KubeSchedulerConfig"),
    "kubeControllerManagerConfig": ("ControlPlaneComponentConfigUpdate", "KubeControllerManagerConfig"),
}


def update_cluster_version(call: Call, request: Shape) -> Shape:
    """Set the cluster's Kubernetes version to the next minor version. The sandbox's API server does not change."""
    record = call.backend.cluster(request["name"]).active()
    version, current = request["version"], record.shape["version"]
    check_version(version)
    if version == current:
        raise InvalidParameter(f"Cluster is already at version: {version}")
    if KUBERNETES_VERSIONS.index(version) != KUBERNETES_VERSIONS.index(current) + 1:
        raise InvalidParameter(f"Unsupported Kubernetes minor version update from {current} to {version}")
    if behind := [
        name
        for name, group in record.nodegroups.items()
        if minors_behind(group.shape["version"], version) > MOST_MINORS_BEHIND
    ]:
        raise InvalidRequest(
            f"Nodegroups {', '.join(sorted(behind))} must be updated to match cluster version {current} before "
            "updating cluster version"
        )
    record.shape |= {"version": version, "platformVersion": PLATFORM_VERSION}
    params = {"Version": version, "PlatformVersion": PLATFORM_VERSION}
    return {"update": record.record_update("VersionUpdate", params)}


def associate_encryption_config(call: Call, request: Shape) -> Shape:
    """Enable encryption of Secrets. It cannot be disabled."""
    record = call.backend.cluster(request["clusterName"]).active()
    if record.shape.get("encryptionConfig"):
        raise InvalidParameter("Encryption is already enabled for the cluster")
    for config in request["encryptionConfig"]:
        check_key(call, config)
    record.shape["encryptionConfig"] = request["encryptionConfig"]
    params = {"EncryptionConfig": as_json(request["encryptionConfig"])}
    return {"update": record.record_update("AssociateEncryptionConfig", params)}


def describe_cluster_versions(call: Call, request: Shape) -> Shape:
    """The Kubernetes versions that EKS offers."""
    wanted = request.get("clusterVersions") or KUBERNETES_VERSIONS
    versions = [
        _offered(version)
        for version in reversed(KUBERNETES_VERSIONS)
        if version in wanted and (not request.get("defaultOnly") or version == DEFAULT_KUBERNETES_VERSION)
    ]
    found, token = page(versions, request)
    return {"clusterVersions": found, "nextToken": token}


OPERATIONS: dict[str, Operation] = {
    "CreateCluster": create_cluster,
    "DescribeCluster": describe_cluster,
    "ListClusters": list_clusters,
    "DeleteCluster": delete_cluster,
    "UpdateClusterConfig": update_cluster_config,
    "UpdateClusterVersion": update_cluster_version,
    "AssociateEncryptionConfig": associate_encryption_config,
    "DescribeClusterVersions": describe_cluster_versions,
}


def _offered(version: str) -> Shape:
    support = eks_versions.support(version)
    extended = now().date() > support.standard_ends
    ends = {"endOfStandardSupportDate": support.standard_ends, "endOfExtendedSupportDate": support.extended_ends}
    return {
        "clusterVersion": version,
        "clusterType": "eks",
        "defaultPlatformVersion": PLATFORM_VERSION,
        "defaultVersion": version == DEFAULT_KUBERNETES_VERSION,
        "status": "extended-support" if extended else "standard-support",
        "versionStatus": "EXTENDED_SUPPORT" if extended else "STANDARD_SUPPORT",
        "kubernetesPatchVersion": f"{version}.0",
        **{name: datetime.combine(day, time.min, UTC) for name, day in ends.items()},
    }


def _vpc_config(call: Call, request: Shape) -> Shape:
    asked = request["resourcesVpcConfig"]
    if not asked.get("subnetIds"):
        raise InvalidParameter("subnetIds must be specified")
    config = {"endpointPublicAccess": True, "endpointPrivateAccess": False, "securityGroupIds": [], **asked}
    vpc_id = network.check_cluster_subnets(call, request["name"], config["subnetIds"])
    network.check_security_groups(call, config["securityGroupIds"], vpc_id)
    check_endpoint(config)
    group = network.make_cluster_security_group(call, request["name"], vpc_id)
    return {**config, "vpcId": vpc_id, "clusterSecurityGroupId": group}


def _update_vpc_config(call: Call, record: ClusterRecord, asked: Shape) -> Shape:
    current = record.shape["resourcesVpcConfig"]
    config = {**current, **asked}
    moves = {"subnetIds", "securityGroupIds"} & asked.keys()
    if moves and asked.keys() - moves:
        raise InvalidParameter("Only one type of update can be allowed.")
    if moves:
        if network.check_cluster_subnets(call, record.name, config["subnetIds"]) != current["vpcId"]:
            raise InvalidParameter("Provided subnets belong to a different VPC than the cluster")
        network.check_security_groups(call, config["securityGroupIds"], current["vpcId"])
        kind, params = "VpcConfigUpdate", {"Subnets": "subnetIds", "SecurityGroups": "securityGroupIds"}
    else:
        check_endpoint(config)
        kind, params = (
            "EndpointAccessUpdate",
            {
                "EndpointPublicAccess": "endpointPublicAccess",
                "EndpointPrivateAccess": "endpointPrivateAccess",
                "PublicAccessCidrs": "publicAccessCidrs",
            },
        )
    if config == current:
        raise InvalidParameter(
            "Cluster is already at the desired configuration with endpointPrivateAccess: "
            f"{as_json(config['endpointPrivateAccess'])} , endpointPublicAccess: "
            f"{as_json(config['endpointPublicAccess'])}, and Public Endpoint Restrictions: "
            f"{as_json(config['publicAccessCidrs'])}"
        )
    record.shape["resourcesVpcConfig"] = config
    return record.record_update(kind, {param: as_json(config[member]) for param, member in params.items()})


def _update_access(call: Call, record: ClusterRecord, asked: Shape) -> Shape:
    current, mode = record.shape["accessConfig"]["authenticationMode"], asked.get("authenticationMode")
    if mode is None or _MODES.index(mode) < _MODES.index(current):
        raise InvalidParameter(f"Unsupported authentication mode update from {current} to {mode}")
    if mode == current:
        raise InvalidParameter(f"Cluster is already at the desired configuration with authenticationMode: {mode}")
    record.shape["accessConfig"]["authenticationMode"] = mode
    access.bootstrap(call, record)
    return record.record_update("AccessConfigUpdate", {"AuthenticationMode": mode})


def _ensure_log_group(call: Call, record: ClusterRecord) -> None:
    # As on AWS, a missing log group is created automatically, and it is retained after the cluster's deletion.
    if not any(setup["enabled"] for setup in record.shape["logging"]["clusterLogging"]):
        return
    logs = logs_backends[call.backend.account_id][call.backend.region_name]
    group = f"/aws/eks/{record.name}/cluster"
    if group not in logs.groups:
        logs.create_log_group(group, {})
