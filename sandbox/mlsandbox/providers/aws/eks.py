"""EKS: clusters, managed node groups and add-ons."""

from typing import Any, Final

from pulumi_aws import eks

from awsfacts.eks_settings import CONTROL_PLANE_LOGS
from mlsandbox.providers.aws.api import Api, Passing
from mlsandbox.providers.aws.conventions import conventional
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import AutoName, Create, Delete, State, Tags, Update, uses
from mlsandbox.providers.protocol import UNKNOWN, Properties, ProviderError

TAGS: Final = Tags("tag_resource", "untag_resource", key="resourceArn", by="arn")
_HEALTH: Final = "join('; ', (health.issues || `[]`)[].join(': ', [code, message]))"


def _logging(inputs: Properties) -> dict[str, Any]:
    wanted = inputs.get("enabledClusterLogTypes") or []
    if wanted is UNKNOWN or not wanted:
        return {}
    return {"logging": {"clusterLogging": [{"types": wanted, "enabled": True}]}}


@uses("update_cluster_config")
def _log(api: Api, id: str, olds: Properties, news: Properties) -> None:
    wanted = news.get("enabledClusterLogTypes") or []
    others = [kind for kind in CONTROL_PLANE_LOGS if kind not in wanted]
    setups = [{"types": [*wanted], "enabled": True}, {"types": others, "enabled": False}]
    api.call("update_cluster_config", name=id, logging={"clusterLogging": [one for one in setups if one["types"]]})


_MOVED_TOGETHER: Final = (
    ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs"),
    ("securityGroupIds", "subnetIds"),
    ("controlPlaneEgressMode",),
)
"""The network settings that one request can change together: https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateClusterConfig.html"""


@uses("update_cluster_config")
def _move(api: Api, id: str, olds: Properties, news: Properties) -> None:
    before, after = olds.get("vpcConfig") or {}, news["vpcConfig"]
    for names in _MOVED_TOGETHER:
        if any(before.get(name) != after.get(name) for name in names):
            changed = {name: after[name] for name in names if after.get(name) is not None}
            api.call("update_cluster_config", name=id, resourcesVpcConfig=changed)
            api.wait("the change of the network", lambda: _status(api, id) == "ACTIVE")


def _status(api: Api, id: str) -> str:
    return str(api.call("describe_cluster", name=id)["cluster"]["status"])


@uses("update_cluster_config")
def _balance(api: Api, id: str, olds: Properties, news: Properties) -> None:
    balancing = news["kubernetesNetworkConfig"].get("elasticLoadBalancing") or {"enabled": False}
    api.call("update_cluster_config", name=id, kubernetesNetworkConfig={"elasticLoadBalancing": balancing})


def enabled_logs(cluster: dict[str, Any]) -> list[str]:
    """The log types that are enabled in a described cluster."""
    setups = (cluster.get("logging") or {}).get("clusterLogging", ())
    return [kind for one in setups if one.get("enabled") for kind in one["types"]]


_BY_CONFIG: Final = (
    "controlPlaneScalingConfig",
    "deletionProtection",
    "kubeApiServerConfig",
    "kubeControllerManagerConfig",
    "kubeSchedulerConfig",
    "remoteNetworkConfig",
    "upgradePolicy",
    "zonalShiftConfig",
)
"""Properties that UpdateClusterConfig changes without conversion, each in a separate request."""

_AUTO_MODE: Final = "the sandbox has no EKS Auto Mode"
_NO_OUTPOSTS: Final = "the local AWS API has no Outposts"

CLUSTER: Final = Declaration(
    resource=eks.Cluster,
    cloudformation="AWS::EKS::Cluster",
    **conventional(
        "eks",
        "cluster",
        "name",
        create=Create("create_cluster", id="cluster.name", more=_logging),
        more=lambda api, id, cluster: {"enabledClusterLogTypes": enabled_logs(cluster)},
    ),
    names={"vpcConfig": "resourcesVpcConfig", "identities": "identity", "identities.oidcs": "oidc", "clusterId": "id"},
    defaults={"bootstrapSelfManagedAddons": True},
    updates=(
        Update("vpcConfig", by=_move, checked_as="create_cluster"),
        Update("enabledClusterLogTypes", by=_log),
        Update("version", by="update_cluster_version", also={"forceUpdateVersion": "force"}),
        Update("kubernetesNetworkConfig", by=_balance, checked_as="create_cluster"),
        Update("accessConfig", by="update_cluster_config"),
        *(Update(name, by="update_cluster_config") for name in _BY_CONFIG),
    ),
    tags=TAGS,
    state=State("status", ready=("ACTIVE",), failed=("FAILED",), reason=_HEALTH),
    waits_until_gone=True,
    # Errors for a role that is not visible yet, or whose policies are not attached yet.
    passing=(
        Passing(
            "create_cluster",
            "InvalidParameterException",
            (
                "does not exist",
                "Error in role params",
                "Role could not be assumed because the trusted entity is not correct",
                "The provided role doesn't have the Amazon EKS Managed Policies associated with it",
                "IAM role's policy must include",
            ),
        ),
    ),
    # As for the creation in Terraform's provider: aws_eks_cluster, Timeouts.
    timeout_s=1800,
    name=AutoName("name", 100),
    chosen=frozenset(f"vpcConfig.{name}" for name in ("clusterSecurityGroupId", "publicAccessCidrs", "vpcId")),
    replaces=frozenset(
        {
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "bootstrapSelfManagedAddons",
            "encryptionConfig",
            "kubernetesNetworkConfig.ipFamily",
            "kubernetesNetworkConfig.serviceIpv4Cidr",
            "name",
            "roleArn",
        }
    ),
    local=frozenset({"bootstrapSelfManagedAddons", "defaultAddonsToRemoves", "forceUpdateVersion"}),
    answered={
        "kubernetesNetworkConfig.serviceIpv6Cidr": "EKS chooses it",
        "vpcConfig.clusterSecurityGroupId": "EKS creates the group",
        "vpcConfig.vpcId": "EKS derives it from the subnets",
    },
    refused={"computeConfig": _AUTO_MODE, "outpostConfig": _NO_OUTPOSTS, "storageConfig": _AUTO_MODE},
    absent={
        "clusterId": "only a cluster on an Outpost has one",
        "computeConfig": _AUTO_MODE,
        "controlPlaneScalingConfig": "a cluster on the standard tier may have none",
        "kubeApiServerConfig": "only a cluster that sets it has one",
        "kubeControllerManagerConfig": "only a cluster that sets it has one",
        "kubeSchedulerConfig": "only a cluster that sets it has one",
        "storageConfig": _AUTO_MODE,
    },
)


@uses("update_nodegroup_config", "describe_update")
def _configure(api: Api, id: str, olds: Properties, news: Properties) -> None:
    changes: dict[str, Any] = {}
    before, after = olds.get("labels") or {}, news.get("labels") or {}
    if before != after:
        added = {key: value for key, value in after.items() if before.get(key) != value}
        gone = sorted(before.keys() - after.keys())
        changes["labels"] = {"addOrUpdateLabels": added, "removeLabels": gone}
    if olds.get("taints") != news.get("taints"):
        there, wanted = _taints(olds), _taints(news)
        changes["taints"] = {
            "addOrUpdateTaints": [taint for taint in wanted if taint not in there],
            "removeTaints": [taint for key, taint in _by_place(there).items() if key not in _by_place(wanted)],
        }
    for name in ("scalingConfig", "updateConfig", "nodeRepairConfig", "warmPoolConfig"):
        if olds.get(name) != news.get(name):
            changes |= NODE_GROUP.request("update_nodegroup_config", news, only={name}).parameters
    _finish(api, id, api.call("update_nodegroup_config", **NODE_GROUP.keyed("update_nodegroup_config", id), **changes))


@uses("describe_update")
def _finish(api: Api, id: str, answer: dict[str, Any]) -> None:
    """Wait until a node group update is completed. Raises `ProviderError` with Terraform's message if it failed."""
    cluster, group = id.split(":")
    reason = ""

    def done() -> bool:
        nonlocal reason
        asked = {"name": cluster, "nodegroupName": group, "updateId": answer["update"]["id"]}
        update = api.call("describe_update", **asked)["update"]
        errors = [
            f"{', '.join(error.get('resourceIds') or ())}: {error.get('errorCode')}: {error.get('errorMessage')}"
            for error in update.get("errors") or ()
        ]
        reason = f". last error: {'; '.join(errors)}" if errors else ""
        if update["status"] in ("Failed", "Cancelled"):
            raise ProviderError(
                f"{api.name}: waiting for the update: unexpected state '{update['status']}', wanted target "
                f"'Successful'{reason}"
            )
        return bool(update["status"] == "Successful")

    api.wait("the update", done, lambda: reason)


def _taints(properties: Properties) -> list[dict[str, str]]:
    names = ("key", "value", "effect")
    return [{name: taint[name] for name in names if taint.get(name)} for taint in properties.get("taints") or ()]


def _by_place(taints: list[dict[str, str]]) -> dict[tuple[str, str], dict[str, str]]:
    """Taints by the pair that must be unique in EKS: key and effect."""
    return {(taint["key"], taint["effect"]): taint for taint in taints}


def _taint_set(taints: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return sorted((taint["key"], taint["effect"], taint.get("value") or "") for taint in taints)


NODE_GROUP: Final = Declaration(
    resource=eks.NodeGroup,
    cloudformation="AWS::EKS::Nodegroup",
    **conventional("eks", "nodegroup", ("clusterName", "nodegroupName"), id=("clusterName", "nodeGroupName")),
    names={
        "arn": "nodegroupArn",
        "nodeRoleArn": "nodeRole",
        "remoteAccess.sourceSecurityGroupIds": "sourceSecurityGroups",
        "resources.remoteAccessSecurityGroupId": "remoteAccessSecurityGroup",
        "subnetIds": "subnets",
    },
    updates=(
        # Replaces the nodes by ones with another Kubernetes version, image or launch template version.
        Update(
            "version",
            "releaseVersion",
            "launchTemplate",
            by="update_nodegroup_version",
            changed_only=True,
            also={"forceUpdateVersion": "force"},
            then=_finish,
        ),
        Update(
            "labels",
            "nodeRepairConfig",
            "scalingConfig",
            "taints",
            "updateConfig",
            "warmPoolConfig",
            by=_configure,
            checked_as="create_nodegroup",
        ),
    ),
    tags=TAGS,
    # A group that lacks instances after an update is DEGRADED, but its update is completed, and Terraform continues.
    state=State("status", ready=("ACTIVE", "DEGRADED"), failed=("CREATE_FAILED",), reason=_HEALTH),
    waits_until_gone=True,
    # As in Terraform's provider: aws_eks_node_group, Timeouts.
    timeout_s=3600,
    name=AutoName("nodeGroupName", 63, prefix_property="nodeGroupNamePrefix"),
    replaces=frozenset(
        {
            "amiType",
            "capacityType",
            "clusterName",
            "diskSize",
            "instanceTypes",
            "launchTemplate.id",
            "launchTemplate.name",
            "nodeGroupName",
            "nodeGroupNamePrefix",
            "nodeRoleArn",
            "remoteAccess",
            "subnetIds",
        }
    ),
    local=frozenset({"forceUpdateVersion"}),
    chosen=frozenset({"launchTemplate.id", "launchTemplate.name"}),
    absent={"remoteAccess": "only a group that sets it has one"},
    folds={"taints": _taint_set},
    unlike_cloudformation={
        "launchTemplate.id": "CloudFormation rejects the update; Terraform's provider replaces",
        "launchTemplate.name": "CloudFormation rejects the update; Terraform's provider replaces",
    },
)


@uses("describe_pod_identity_association")
def _roles_of_pods(api: Api, id: str, addon: dict[str, Any]) -> Properties:
    found = []
    for arn in addon.get("podIdentityAssociations") or ():
        answer = api.call(
            "describe_pod_identity_association",
            clusterName=addon["clusterName"],
            associationId=arn.rsplit("/", 1)[-1],
        )["association"]
        found.append({"roleArn": answer["roleArn"], "serviceAccount": answer["serviceAccount"]})
    return {"podIdentityAssociations": found}


ADDON: Final = Declaration(
    resource=eks.Addon,
    cloudformation="AWS::EKS::Addon",
    **conventional(
        "eks",
        "addon",
        ("clusterName", "addonName"),
        id=("clusterName", "addonName"),
        more=_roles_of_pods,
        delete=Delete("delete_addon", properties={"preserve": "preserve"}),
    ),
    names={"arn": "addonArn", "resolveConflictsOnCreate": "resolveConflicts"},
    updates=(
        Update(
            "addonVersion",
            "configurationValues",
            "podIdentityAssociations",
            "serviceAccountRoleArn",
            by="update_addon",
            changed_only=True,
            empty={"configurationValues": "", "podIdentityAssociations": []},
            also={"resolveConflictsOnUpdate": "resolveConflicts"},
        ),
    ),
    tags=TAGS,
    state=State("status", ready=("ACTIVE",), failed=("CREATE_FAILED", "UPDATE_FAILED"), reason=_HEALTH),
    waits_until_gone=True,
    passing=(Passing("create_addon", "InvalidParameterException", ("CREATE_FAILED", "does not exist")),),
    # As in Terraform's provider: aws_eks_addon, Timeouts.
    timeout_s=1200,
    replaces=frozenset({"addonName", "clusterName", "namespaceConfig"}),
    local=frozenset({"preserve", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"}),
    absent={"configurationValues": "an add-on with its defaults has none"},
)

DECLARATIONS: Final = (CLUSTER, NODE_GROUP, ADDON)
