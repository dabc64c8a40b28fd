"""Settings that keep machines, tasks and APIs private, when they are turned off."""

from typing import Any

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

_AKS = "its local accounts get full access without Microsoft Entra ID"
_VPC = "its apps connect to the internet without going through its VPC"
_TASKS = "its tasks get public addresses"


def _ecs(value: Any) -> dict[str, Any]:
    return {"networkConfiguration": {"awsvpcConfiguration": {"assignPublicIp": value}}}


def _setup(value: Any) -> dict[str, Any]:
    return {"gceSetup": {"machineType": "n1-standard-4", "disablePublicIp": value}}


def _endpoint(value: Any) -> dict[str, Any]:
    return {"onlineEndpointProperties": {"authMode": "Key", "publicNetworkAccess": value}}


OPENED: list[tuple[str, Any, Any, str]] = [
    ("azure-native:machinelearningservices:OnlineEndpoint", _endpoint("Disabled"), _endpoint("Enabled"), "internet"),
    ("azure-native:machinelearningservices:OnlineEndpoint", _endpoint("Disabled"), _endpoint(None), "internet"),
    ("gcp:workbench/instance:Instance", _setup(True), _setup(False), "public address"),
    ("gcp:workbench/instance:Instance", _setup(True), {"gceSetup": {}}, "public address"),
    ("gcp:notebooks/instance:Instance", {"noPublicIp": True}, {"noPublicIp": False}, "public address"),
    (
        "aws:ecs/service:Service",
        {"networkConfiguration": {"assignPublicIp": False}},
        {"networkConfiguration": {"assignPublicIp": True}},
        _TASKS,
    ),
    ("aws:ecs/taskSet:TaskSet", {}, {"networkConfiguration": {"assignPublicIp": True}}, _TASKS),
    ("aws-native:ecs:Service", _ecs("DISABLED"), _ecs("ENABLED"), _TASKS),
    (
        "aws:sagemaker/domain:Domain",
        {"appNetworkAccessType": "VpcOnly"},
        {"appNetworkAccessType": "PublicInternetOnly"},
        _VPC,
    ),
    ("aws:sagemaker/domain:Domain", {"appNetworkAccessType": "VpcOnly"}, {}, _VPC),
    ("aws-native:sagemaker:Domain", {"appNetworkAccessType": "VpcOnly"}, {}, _VPC),
    (
        "azure-native:containerservice:ManagedCluster",
        {"disableLocalAccounts": True},
        {"disableLocalAccounts": False},
        _AKS,
    ),
    ("azure:containerservice/kubernetesCluster:KubernetesCluster", {"localAccountDisabled": True}, {}, _AKS),
]


def test_a_setting_that_is_turned_off_is_reported_once() -> None:
    for type, old, new, says in OPENED:
        (text,) = [each.text for each in dangers(plan(update(type, old, new))) if each.harm is Harm.IDENTITY]
        assert text.count(says) == 1, type
        assert not any(says in each.text for each in dangers(plan(update(type, new, old)))), type
        assert not any(says in each.text for each in dangers(plan(change(type, Op.CREATE, inputs=old)))), type
