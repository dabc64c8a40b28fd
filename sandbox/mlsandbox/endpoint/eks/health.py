"""Asynchronous failures, which EKS reports in the status and health of a cluster, a node group or an add-on."""

from typing import Final

from botocore.model import StringShape
from moto.core.utils import get_service_model

from mlsandbox.endpoint.eks.backend import SERVICE, EksBackend, NodegroupRecord, Shape
from mlsandbox.ground.faults import LATER, Fault

_FAILED: Final = {"cluster": "FAILED", "nodegroup": "CREATE_FAILED", "addon": "CREATE_FAILED"}
_CODES: Final = {"cluster": "ClusterIssueCode", "nodegroup": "NodegroupIssueCode", "addon": "AddonIssueCode"}
_LAUNCH_FAILED: Final = "AsgInstanceLaunchFailures"


def fail(backend: EksBackend, action: str, answer: Shape, fault: Fault) -> Shape:
    """Mark the resource that `action` just created as failed. Returns the response, in which it is still CREATING."""
    kind = LATER[action]
    return failed(backend, kind, answer[kind], issue(kind, answer[kind], fault.code, fault.message))


def failed(backend: EksBackend, kind: str, made: Shape, issue: Shape) -> Shape:
    """Mark a new resource as failed, with a health issue. Returns the response, in which it is still CREATING."""
    response = {kind: {**made, "status": "CREATING", "health": {"issues": []}}}
    made |= {"status": _FAILED[kind], "health": {"issues": [issue]}}
    if kind == "nodegroup":
        _group(backend, made).instances.clear()
    return response


def issue(kind: str, made: Shape, code: str, message: str) -> Shape:
    """The health issue for a failure. An error of EC2 appears as a launch failure of the Auto Scaling group."""
    resource = made["name"] if kind == "cluster" else made[f"{kind}Name"]
    codes = get_service_model(SERVICE).shape_for(_CODES[kind])
    assert isinstance(codes, StringShape)
    if code in codes.enum:
        return {"code": code, "message": message, "resourceIds": [resource]}
    if kind == "nodegroup":
        bought = "Spot" if made["capacityType"] == "SPOT" else "On-Demand"
        text = f"Could not launch {bought} Instances. {code} - {message} Launching EC2 instance failed."
        return {"code": _LAUNCH_FAILED, "message": text, "resourceIds": [resource]}
    return {"code": "InternalFailure", "message": f"{code}: {message}", "resourceIds": [resource]}


def _group(backend: EksBackend, made: Shape) -> NodegroupRecord:
    return backend.cluster(made["clusterName"]).nodegroup(made["nodegroupName"])
