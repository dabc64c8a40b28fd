"""EKS add-ons and their versions. Their pods do not run in the sandbox."""

import json
import uuid

from mlsandbox.endpoint import identity
from mlsandbox.endpoint.eks import pod_identity
from mlsandbox.endpoint.eks.backend import Call, ClusterRecord, Operation, Shape, now
from mlsandbox.endpoint.eks.catalog import ADDONS, KUBERNETES_VERSIONS, AddonInfo, fits, offered_versions
from mlsandbox.endpoint.eks.errors import InUse, InvalidParameter, NotFound
from mlsandbox.endpoint.validation import page


def create_addon(call: Call, request: Shape) -> Shape:
    """Create an add-on. It is ACTIVE immediately."""
    cluster = call.backend.cluster(request["clusterName"]).active()
    name = request["addonName"]
    info = _known(name, cluster)
    if name in cluster.addons:
        raise InUse(f"Addon already exists with name {name}")
    version = request.get("addonVersion") or offered_versions(info, cluster.shape["version"])[0]
    _check_version(info, version, cluster)
    _check_configuration(request.get("configurationValues"))
    _check_role(request.get("serviceAccountRoleArn"))
    unique = str(uuid.uuid4())
    shape: Shape = {
        "addonName": name,
        "clusterName": cluster.name,
        "status": "ACTIVE",
        "addonVersion": version,
        "health": {"issues": []},
        "addonArn": call.backend.arn(f"addon/{cluster.name}/{name}/{unique}"),
        "createdAt": now(),
        "modifiedAt": now(),
        "serviceAccountRoleArn": request.get("serviceAccountRoleArn"),
        "tags": request.get("tags", {}),
        "configurationValues": request.get("configurationValues"),
        "namespaceConfig": request.get("namespaceConfig") or {"namespace": info.namespace},
    }
    if info.owner == "aws":
        shape |= {"publisher": info.publisher, "owner": info.owner}
    _associate(call, cluster, shape, request.get("podIdentityAssociations", []))
    cluster.addons[name] = shape
    return {"addon": shape}


def describe_addon(call: Call, request: Shape) -> Shape:
    """Describe an add-on."""
    return {"addon": _find(call.backend.cluster(request["clusterName"]), request["addonName"])}


def list_addons(call: Call, request: Shape) -> Shape:
    """Names of the cluster's add-ons."""
    names, token = page(sorted(call.backend.cluster(request["clusterName"]).addons), request)
    return {"addons": names, "nextToken": token}


def update_addon(call: Call, request: Shape) -> Shape:
    """Change an add-on's version, configuration or roles."""
    cluster = call.backend.cluster(request["clusterName"]).active()
    shape = _find(cluster, request["addonName"])
    info = _known(request["addonName"], cluster)
    version: str = request.get("addonVersion") or shape["addonVersion"]
    _check_version(info, version, cluster)
    _check_configuration(request.get("configurationValues"))
    _check_role(request.get("serviceAccountRoleArn"))
    params = {"AddonVersion": version}
    for param, member in (
        ("ServiceAccountRoleArn", "serviceAccountRoleArn"),
        ("ResolveConflicts", "resolveConflicts"),
        ("ConfigurationValues", "configurationValues"),
    ):
        if member in request:
            params[param] = request[member]
    # As on AWS, a role or configuration that the request omits does not change.
    for member in ("serviceAccountRoleArn", "configurationValues"):
        if member in request:
            shape[member] = request[member]
    if "podIdentityAssociations" in request:
        _dissociate(cluster, shape)
        _associate(call, cluster, shape, request["podIdentityAssociations"])
        params["PodIdentityAssociations"] = json.dumps(shape["podIdentityAssociations"])
    shape |= {"addonVersion": version, "modifiedAt": now()}
    return {"update": cluster.record_update("AddonUpdate", params, addon=request["addonName"])}


def delete_addon(call: Call, request: Shape) -> Shape:
    """Delete an add-on with its pod identity associations."""
    cluster = call.backend.cluster(request["clusterName"])
    shape = _find(cluster, request["addonName"])
    _dissociate(cluster, shape)
    del cluster.addons[request["addonName"]]
    return {"addon": {**shape, "status": "DELETING"}}


def describe_addon_versions(call: Call, request: Shape) -> Shape:
    """The versions of each add-on for each Kubernetes version."""
    versions = [request["kubernetesVersion"]] if "kubernetesVersion" in request else list(KUBERNETES_VERSIONS)
    wanted = [
        info
        for info in ADDONS.values()
        if request.get("addonName", info.name) == info.name
        and info.type in (request.get("types") or [info.type])
        and info.owner in (request.get("owners") or [info.owner])
        and info.publisher in (request.get("publishers") or [info.publisher])
    ]
    addons = [_offer(info, [version for version in versions if version in KUBERNETES_VERSIONS]) for info in wanted]
    found, token = page(addons, request)
    return {"addons": found, "nextToken": token}


OPERATIONS: dict[str, Operation] = {
    "CreateAddon": create_addon,
    "DescribeAddon": describe_addon,
    "ListAddons": list_addons,
    "UpdateAddon": update_addon,
    "DeleteAddon": delete_addon,
    "DescribeAddonVersions": describe_addon_versions,
}


def _offer(info: AddonInfo, versions: list[str]) -> Shape:
    offered: dict[str, list[Shape]] = {}
    for kubernetes in versions:
        for place, version in enumerate(offered_versions(info, kubernetes)):
            compatibility = {"clusterVersion": kubernetes, "platformVersions": ["*"], "defaultVersion": place == 0}
            offered.setdefault(version, []).append(compatibility)
    return {
        "addonName": info.name,
        "type": info.type,
        "publisher": info.publisher,
        "owner": info.owner,
        "defaultNamespace": info.namespace,
        "addonVersions": [
            {
                "addonVersion": version,
                "architecture": ["amd64", "arm64"],
                "compatibilities": compatibilities,
                "requiresConfiguration": False,
                "requiresIamPermissions": info.service_account is not None,
            }
            for version, compatibilities in offered.items()
        ],
    }


def _known(name: str, cluster: ClusterRecord) -> AddonInfo:
    if name not in ADDONS:
        raise InvalidParameter(
            f"Addon specified is not supported in {cluster.shape['version']} kubernetes version: {name}. "
            f"The sandbox has {', '.join(sorted(ADDONS))}."
        )
    return ADDONS[name]


def _find(cluster: ClusterRecord, name: str) -> Shape:
    if name not in cluster.addons:
        raise NotFound(f"No addon: {name} found in cluster: {cluster.name}")
    return cluster.addons[name]


def _check_version(info: AddonInfo, version: str, cluster: ClusterRecord) -> None:
    kubernetes = cluster.shape["version"]
    if not fits(info, version, kubernetes):
        raise InvalidParameter(
            f"Addon version specified is not supported: {version} of {info.name} with Kubernetes {kubernetes}; the "
            f"sandbox has {', '.join(offered_versions(info, kubernetes))}"
        )


def _check_configuration(values: str | None) -> None:
    if not values or not values.lstrip().startswith("{"):
        # AWS also accepts YAML, and almost any string is valid YAML.
        return
    try:
        json.loads(values)
    except ValueError as problem:
        raise InvalidParameter(f"ConfigurationValue is not in valid JSON or YAML format: {problem}") from None


def _check_role(arn: str | None) -> None:
    if arn is not None and not identity.principal_exists(arn):
        raise InvalidParameter(f"Role {arn} of serviceAccountRoleArn does not exist")


def _associate(call: Call, cluster: ClusterRecord, shape: Shape, asked: list[Shape]) -> None:
    namespace = shape["namespaceConfig"]["namespace"]
    shape["podIdentityAssociations"] = [
        pod_identity.associate(call, cluster, {**one, "namespace": namespace}, owner=shape["addonArn"])[
            "associationArn"
        ]
        for one in asked
    ]


def _dissociate(cluster: ClusterRecord, shape: Shape) -> None:
    for id, association in list(cluster.pod_identities.items()):
        if association.get("ownerArn") == shape["addonArn"]:
            del cluster.pod_identities[id]
